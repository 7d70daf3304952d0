//! What the command line cannot ask for, and clap cannot tell: ends with its own status.

use plenum_client::{JoinError, exit};

/// A sentence that says what to write instead.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// How the program ends with this error.
pub fn exit_status(error: &anyhow::Error) -> u8 {
    if error.is::<WrongUse>() {
        return exit::USAGE;
    }
    let joining = error.downcast_ref();
    joining.map_or(exit::OTHER, JoinError::exit_status)
}
