//! Meetings.

use clap::Subcommand;
use jiff::Timestamp;
use plenum_directory::model::{
    AccountName, MeetingKind, MeetingSettings, NewMeeting, Passcode, Title,
};
use plenum_directory::random;
use plenum_directory::store::Store;
use serde_json::json;

use super::show;
use crate::Output;

/// Meetings.
#[derive(Debug, Subcommand)]
pub enum Meeting {
    /// Make a meeting that can be joined at once, and print its number and passcode. The API
    /// knows more kinds of meetings.
    Add {
        /// The account whose meeting it is.
        #[arg(long, value_name = "NAME", default_value = "admin")]
        owner: AccountName,
        /// What it is about.
        #[arg(long, value_name = "TEXT")]
        title: Option<Title>,
        #[command(flatten)]
        passcode: PasscodeFrom,
    },
}

/// What opens a meeting.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub struct PasscodeFrom {
    /// The passcode; six digits are made up if not given.
    #[arg(long, value_name = "PASSCODE")]
    passcode: Option<Passcode>,
    /// Without a passcode: whoever knows or guesses the number is in.
    #[arg(long)]
    no_passcode: bool,
}

/// Does what is asked for with meetings.
pub async fn meeting(store: &Store, action: Meeting, output: Output) -> anyhow::Result<()> {
    let Meeting::Add {
        owner,
        title,
        passcode,
    } = action;
    let passcode = match passcode {
        PasscodeFrom {
            no_passcode: true, ..
        } => None,
        PasscodeFrom { passcode, .. } => Some(passcode.unwrap_or_else(random::passcode)),
    };
    let meeting = NewMeeting {
        owner: store.account_named(&owner).await?.id,
        kind: MeetingKind::Instant,
        settings: MeetingSettings {
            title,
            ..MeetingSettings::usual()
        },
        passcode: passcode.clone(),
    };
    let meeting = store.add_meeting(meeting, Timestamp::now()).await?;
    let passcode = passcode.as_ref().map(Passcode::reveal);
    show(
        output,
        &json!({ "meeting": meeting.number.to_string(), "passcode": passcode }),
    );
    Ok(())
}
