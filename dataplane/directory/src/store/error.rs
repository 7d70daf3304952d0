//! What can go wrong in the store, by what the caller is to do about it.

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or no longer.
    #[error("there is no such {what}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
    /// Something else has that name, or it was changed since it was read.
    #[error("{what}: it exists already, or was changed meanwhile")]
    Conflict {
        /// What was to be written.
        what: &'static str,
    },
    /// There are as many as there may be.
    #[error("{what}: there are too many already")]
    Full {
        /// What was to be written.
        what: &'static str,
    },
    /// The database is away or overloaded; the same call may succeed a moment later. A write
    /// may have been done nonetheless, if the database went away while it answered.
    #[error("the database is away: {0}")]
    Unavailable(String),
    /// The database holds what it never should, or is of a newer version than this program.
    #[error("the database cannot be used: {0}")]
    Corrupt(String),
}
