//! Who may join a meeting now, and as what. Pure.
//!
//! What is asked, in this order, so that nobody learns of a meeting what they are not to know:
//!
//! 1. Is it over for good?
//! 2. Is the caller a host? Hosts pass.
//! 3. Is it for those who signed in, or who were invited?
//! 4. The passcode. Who is invited by name, and signed in, needs none.
//! 5. Does it take place? A quarter of an hour before it begins people may come; where it
//!    runs, also outside its time.
//! 6. Has a host come, where one has to? As only a host can begin such a meeting, one has when
//!    it runs.
//! 7. The waiting room.

use jiff::{SignedDuration, Timestamp};
use plenum_wire::directory::{Denial, Role};

use crate::model::{Access, AccountId, Meeting, MeetingKind, WaitingState};

/// How long before its time a meeting is open.
const EARLY: SignedDuration = SignedDuration::from_mins(15);
/// How long after its time people may still come.
const LATE: SignedDuration = SignedDuration::from_mins(15);

/// Who wants to join.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// Who they are, if they signed in.
    pub account: Option<AccountId>,
    /// What they said the passcode was, compared already.
    pub passcode: Said,
    /// How far they are in the waiting room, if they are there.
    pub waiting: Option<WaitingState>,
}

/// What somebody said of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Nothing.
    Nothing,
    /// The right thing.
    Right,
    /// A wrong thing.
    Wrong,
}

/// Why somebody does not join now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// By a rule.
    By(Denial),
    /// It opens at that time.
    Before(Timestamp),
    /// No host has come.
    NoHost,
    /// They have to wait for a host, and are to be put into the waiting room if they are
    /// not there.
    Wait,
}

/// What is known of a meeting at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Life {
    /// People are in it.
    pub runs: bool,
    /// A host looked it up a moment ago, and is about to be in it.
    pub host_comes: bool,
}

/// Whether `asker` joins `meeting` at `now`, and as what.
pub fn admit(
    meeting: &Meeting,
    asker: &Asker,
    life: Life,
    now: Timestamp,
) -> Result<Role, Refused> {
    if meeting.ended.is_some() {
        return Err(Refused::By(Denial::Over));
    }
    if asker
        .account
        .is_some_and(|account| meeting.is_host(account))
    {
        return Ok(Role::Host);
    }
    may_know(meeting, asker).map_err(Refused::By)?;
    if !life.runs {
        takes_place(meeting, now)?;
        if !meeting.settings.join_before_host && !life.host_comes {
            return Err(Refused::NoHost);
        }
    }
    match asker.waiting {
        _ if !meeting.settings.waiting_room => Ok(Role::Participant),
        Some(WaitingState::Admitted) => Ok(Role::Participant),
        Some(WaitingState::Refused) => Err(Refused::By(Denial::Refused)),
        Some(WaitingState::Waiting) | None => Err(Refused::Wait),
    }
}

fn may_know(meeting: &Meeting, asker: &Asker) -> Result<(), Denial> {
    let invited = asker
        .account
        .is_some_and(|account| meeting.is_invited(account));
    match meeting.settings.access {
        Access::SignedIn | Access::Invited if asker.account.is_none() => {
            return Err(Denial::SignInRequired);
        }
        Access::Invited if !invited => return Err(Denial::Forbidden),
        Access::Anyone | Access::SignedIn | Access::Invited => {}
    }
    match asker.passcode {
        _ if meeting.passcode.is_none() || invited => Ok(()),
        Said::Right => Ok(()),
        Said::Wrong => Err(Denial::WrongPasscode),
        Said::Nothing => Err(Denial::PasscodeRequired),
    }
}

fn takes_place(meeting: &Meeting, now: Timestamp) -> Result<(), Refused> {
    let MeetingKind::Scheduled { schedule } = &meeting.kind else {
        return Ok(());
    };
    let a_moment_ago = now.saturating_sub(LATE).unwrap_or(Timestamp::MIN);
    let timing = schedule.timing(a_moment_ago);
    if timing.current.is_some() {
        return Ok(());
    }
    let Some(next) = timing.next else {
        return Err(Refused::By(Denial::Over));
    };
    let opens = next.start.saturating_sub(EARLY).unwrap_or(Timestamp::MIN);
    if opens <= now {
        return Ok(());
    }
    Err(Refused::Before(opens))
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
