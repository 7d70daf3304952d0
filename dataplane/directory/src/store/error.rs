//! What can go wrong in the store, by what the caller is to do about it.

use std::borrow::Cow;

use super::database::RESULT_CHANGED;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or no longer.
    #[error("there is no such {what}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
    /// Something else has that name, or is in that place.
    #[error("the {what} exists already")]
    Conflict {
        /// What was to be written.
        what: &'static str,
    },
    /// Somebody else changed it since it was read.
    #[error("the {what} was changed meanwhile")]
    Changed {
        /// What was to be written.
        what: &'static str,
    },
    /// Nobody would be left who may look after accounts.
    #[error("there is no other administrator")]
    LastAdmin,
    /// There are as many as there may be.
    #[error("there are too many {what} already")]
    Full {
        /// Of what.
        what: &'static str,
    },
    /// The database is away or overloaded; the same call may succeed a moment later. A write
    /// may have been done nonetheless, if the database went away while it answered.
    #[error("the database is away: {0}")]
    Unavailable(String),
    /// The database holds what it never should, or its tables are too new for this program.
    #[error("the database cannot be used: {0}")]
    Corrupt(String),
}

impl Error {
    pub(super) fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt(error.into().to_string())
    }

    /// The same, about the thing that the caller knows by name.
    pub(super) fn about(self, what: &'static str) -> Self {
        match self {
            Self::NotFound { .. } => Self::NotFound { what },
            Self::Conflict { .. } => Self::Conflict { what },
            other => other,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as Sqlx;
        match error {
            Sqlx::Database(error) if error.is_unique_violation() => Self::Conflict { what: "row" },
            Sqlx::Database(error) if passes(error.code()) => Self::Unavailable(error.to_string()),
            Sqlx::RowNotFound => Self::NotFound { what: "row" },
            // A connection that breaks in the middle of a message shows as `Protocol`.
            Sqlx::Io(_)
            | Sqlx::Tls(_)
            | Sqlx::Protocol(_)
            | Sqlx::PoolTimedOut
            | Sqlx::PoolClosed
            | Sqlx::WorkerCrashed
            | Sqlx::BeginFailed => Self::Unavailable(error.to_string()),
            Sqlx::Migrate(error) => (*error).into(),
            other => Self::corrupt(other),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError;
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMissing(version) => Self::Corrupt(format!(
                "it has version {version} of the tables, which a newer program made: use that"
            )),
            other => Self::corrupt(other),
        }
    }
}

/// Whether the database may do better a moment later, by its own code: five letters in
/// `PostgreSQL` (SQLSTATE), a number in `SQLite`.
fn passes(code: Option<Cow<'_, str>>) -> bool {
    let Some(code) = code else { return false };
    if code.len() == 5 {
        return postgres_passes(&code);
    }
    // The extended code's low byte is the primary one.
    code.parse::<u32>()
        .is_ok_and(|code| sqlite_passes(code & 0xff))
}

/// By class, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres_passes(code: &str) -> bool {
    matches!(
        &code[..2],
        // Connections, authentication, rollbacks such as deadlocks, resources,
        // locks and what an operator intervenes with, system errors.
        "08" | "28" | "40" | "53" | "55" | "57" | "58"
    ) || matches!(
        code,
        // A standby, idle in a transaction for too long, no such database yet.
        "25006" | "25P03" | "3D000" | RESULT_CHANGED
    )
}

/// <https://www.sqlite.org/rescode.html>: BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR,
/// FULL, CANTOPEN, PROTOCOL.
const fn sqlite_passes(code: u32) -> bool {
    matches!(code, 5 | 6 | 7 | 8 | 9 | 10 | 13 | 14 | 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_stays() {
        let passes = |code: &'static str| passes(Some(code.into()));
        for code in [
            "08006", "57P01", "57P03", "57014", "40001", "53300", "55P03", "25006", "0A000",
        ] {
            assert!(passes(code), "PostgreSQL {code}");
        }
        for code in ["42P01", "22P02", "23505", "XX001", "42501"] {
            assert!(!passes(code), "PostgreSQL {code}");
        }
        // SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_FSYNC, SQLITE_FULL.
        for code in ["5", "517", "1034", "13"] {
            assert!(passes(code), "SQLite {code}");
        }
        // SQLITE_ERROR, SQLITE_CORRUPT, SQLITE_NOTADB.
        for code in ["1", "11", "26"] {
            assert!(!passes(code), "SQLite {code}");
        }
    }
}
