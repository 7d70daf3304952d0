//! The `plenum` command: a subcommand per role of a server, and for people.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use plenum::{directory, doctor, ht, join, load, mmr, serve, zc};
use plenum_telemetry::Format;
use tokio::runtime::{Builder, Runtime};

/// Video meetings on an organisation's own machines.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How log lines look, json or text; servers write json if not given, what people run text.
    #[arg(long, global = true, value_name = "FORMAT", env = "PLENUM_LOG_FORMAT")]
    log_format: Option<Format>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Join(join::JoinArgs),
    Doctor(doctor::Args),
    Load(load::LoadArgs),
    /// Run a zone controller: it brokers meetings to the routers of its zone.
    Zc(zc::Args),
    /// Run a media router: it forwards the media of the meetings on it.
    Mmr(mmr::Args),
    /// Run a directory: accounts, meetings, zones, and the lookup that starts every join.
    Directory(directory::Args),
    /// Run a tunnel: it carries clients to its zone where nothing else gets through.
    Ht(ht::Args),
    /// Do nothing until stopped: a pod that keeps room on a node for a router.
    Placeholder,
}

fn main() -> ExitCode {
    let Arguments {
        command,
        log_format,
    } = Arguments::parse();
    let runtime = match runtime(&command) {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::anyhow!("cannot start: {error}")),
    };
    runtime.block_on(run(command, log_format))
}

/// Media is cheapest on one thread: nothing is handed from core to core.
fn runtime(command: &Command) -> std::io::Result<Runtime> {
    let mut builder = match command {
        Command::Serve(_)
        | Command::Mmr(_)
        | Command::Join(_)
        | Command::Doctor(_)
        | Command::Load(_)
        | Command::Placeholder => Builder::new_current_thread(),
        Command::Zc(_) | Command::Ht(_) | Command::Directory(_) => Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

async fn run(command: Command, log_format: Option<Format>) -> ExitCode {
    let (service, format) = match &command {
        Command::Serve(_) => ("plenum-serve", Format::Text),
        Command::Join(_) => ("plenum-join", Format::Text),
        Command::Doctor(_) => ("plenum-doctor", Format::Text),
        Command::Load(_) => ("plenum-load", Format::Text),
        Command::Zc(_) => ("plenum-zc", Format::Json),
        Command::Mmr(_) => ("plenum-mmr", Format::Json),
        Command::Directory(args) if args.serves() => ("plenum-directory", Format::Json),
        Command::Directory(_) => ("plenum-directory", Format::Text),
        Command::Ht(_) => ("plenum-ht", Format::Json),
        Command::Placeholder => ("plenum-placeholder", Format::Json),
    };
    let _telemetry = match plenum_telemetry::init(service, log_format.unwrap_or(format)) {
        Ok(telemetry) => telemetry,
        Err(error) => return failed(&error),
    };
    let stop = match plenum_telemetry::on_signal() {
        Ok(stop) => stop,
        Err(error) => return failed(&error.into()),
    };
    let result = match command {
        Command::Serve(args) => serve::run(args, stop).await,
        Command::Zc(args) => zc::run(args, stop).await,
        Command::Mmr(args) => mmr::run(args, stop).await,
        Command::Directory(args) => directory::run(args, stop).await,
        Command::Ht(args) => ht::run(args, stop).await,
        Command::Placeholder => {
            stop.cancelled().await;
            Ok(())
        }
        Command::Join(args) => return join::run(args, stop).await,
        Command::Doctor(args) => return doctor::run(args, stop).await,
        Command::Load(args) => return load::run(args, stop).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("plenum: {error:#}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Arguments::command().debug_assert();
    }
}
