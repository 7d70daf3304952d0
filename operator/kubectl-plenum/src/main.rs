//! `kubectl plenum`: see `kubectl plenum --help`.

use std::process::ExitCode;

use clap::Parser as _;
use kubectl_plenum::arguments::Arguments;
use kubectl_plenum::commands::{Ending, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(ending) => ExitCode::from(ending.code()),
        // Whoever closed the pipe has seen enough.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::from(Ending::Wrong.code())
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
