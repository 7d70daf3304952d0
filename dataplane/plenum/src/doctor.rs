//! `plenum doctor`: what works from here, what is blocked, and what to do about it.
//!
//! | file | what it does |
//! |---|---|
//! | `examine` | goes through everything in the order of a join |
//! | `reach`, `clock`, `lookup`, `packet_size`, `attend` | looks at one thing each |
//! | `findings` | pure: what was found |
//! | `advice` | pure: what follows from it |
//! | `render` | pure: for a person, for a program |

mod advice;
mod attend;
mod clock;
mod examine;
mod findings;
mod lookup;
mod packet_size;
mod reach;
mod render;

use std::process::ExitCode;

use plenum_client::exit;
use plenum_wire::MeetingId;
use tokio_util::sync::CancellationToken;

use crate::Output;
use crate::join::{Entrance, exit_status};
use examine::Examination;
use findings::{Finding, Findings};
use render::{Report, Summary, line};

/// Explain what works from here and what is blocked, step by step.
///
/// Looks at names, ports, certificates, proxy and clock, asks the directory, tests the way to
/// every zone controller and tunnel, joins a meeting as any client does, and tries each way for
/// media by itself. Says what to do about what is wrong, and what to ask the administrator of
/// this network for. Waits for no host, but says that one has to let people in. Others in the
/// meeting see somebody called "plenum doctor" come and go.
/// Exit status: 0 a meeting can be joined from here, otherwise as plenum join.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  plenum doctor --directory https://meet.example.org --meeting 4711\n  plenum doctor --zone https://zone.example.org --output json"
)]
pub struct Args {
    #[command(flatten)]
    entrance: Entrance,
    /// A meeting that may be joined for the examination. With --zone one is made up if none is
    /// given; with --directory only the directory is looked at then.
    #[arg(long, value_name = "ID")]
    meeting: Option<MeetingId>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Runs `plenum doctor`; `stop` ends it early.
pub async fn run(args: Args, stop: CancellationToken) -> ExitCode {
    let output = args.output;
    let examined = tokio::select! {
        examined = examine(args) => examined,
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped before all was looked at")),
    };
    match examined {
        Ok((findings, status)) => {
            print(&findings, output);
            ExitCode::from(status)
        }
        Err(error) => {
            eprintln!("plenum doctor: {error:#}");
            ExitCode::from(exit_status(&error))
        }
    }
}

async fn examine(args: Args) -> anyhow::Result<(Findings, u8)> {
    let tell: fn(&Finding) = match args.output {
        Output::Text => |finding| println!("{}", line(finding)),
        Output::Json => |_| {},
    };
    let has_meeting = args.meeting.is_some();
    let meeting = match args.meeting {
        Some(meeting) => meeting,
        None => format!("doctor-{:08x}", rand::random::<u32>()).parse()?,
    };
    let mut config = args.entrance.config(meeting)?;
    config.name = Some("plenum doctor".parse()?);
    let (findings, refused) = Examination::new(config, has_meeting, tell).run().await;
    let status = match refused {
        _ if findings.joined => exit::OK,
        Some(error) => error.exit_status(),
        None => exit::OTHER,
    };
    Ok((findings, status))
}

fn print(findings: &Findings, output: Output) {
    match output {
        Output::Text => print!("{}", Summary(findings)),
        Output::Json => println!("{}", plenum_wire::encode(&Report::new(findings))),
    }
}
