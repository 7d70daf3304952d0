//! Why joining did not work, in sentences that say what to do next.

mod name;

use std::collections::BTreeMap;
use std::time::Duration;

use plenum_transport::route::ProxyProblem;
use plenum_wire::MeetingId;
use plenum_wire::directory::{Denial, DirectoryProblem};
use plenum_wire::join::{Problem, Refusal};

use crate::connect::{Failure, Fault};

/// Tunnels that one sentence names.
const TUNNELS: usize = 4;

/// Exit statuses of `plenum join`. 2 is the command line's own: a wrong argument.
pub mod exit {
    /// All went well.
    pub const OK: u8 = 0;
    /// Something else went wrong, on this machine for example.
    pub const OTHER: u8 = 1;
    /// Wrong use of the command line.
    pub const USAGE: u8 = 2;
    /// Refused for good: unknown meeting, forbidden, no token, a meeting that was ended.
    pub const REFUSED: u8 = 3;
    /// Full or not ready, also after trying again.
    pub const FULL: u8 = 4;
    /// Nobody could be reached, or not safely.
    pub const UNREACHABLE: u8 = 5;
}

/// Why a join failed, or why a session could not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Something in the request cannot work.
    #[error("{0}")]
    Configuration(String),
    /// The zone refused, and would again.
    #[error("cannot join meeting {meeting}: {}. {}", problem.code, problem.detail)]
    Refused {
        /// Which meeting.
        meeting: MeetingId,
        /// What the zone said.
        problem: Problem,
    },
    /// The zone refused each time it was asked.
    #[error(
        "cannot join meeting {meeting}: {} (asked {tries} times in {} s). \
         Try again later, or ask who runs the zone for more routers. {}",
        problem.code, waited.as_secs(), problem.detail
    )]
    Full {
        /// Which meeting.
        meeting: MeetingId,
        /// What the zone said last.
        problem: Problem,
        /// How often it was asked.
        tries: u32,
        /// For how long.
        waited: Duration,
    },
    /// The directory refused.
    #[error("cannot join meeting {meeting}: {}. {}{}", problem.code, advice(problem.code), more(problem))]
    Denied {
        /// Which meeting.
        meeting: MeetingId,
        /// What the directory said last.
        problem: DirectoryProblem,
    },
    /// No directory answered.
    #[error(
        "no directory answered at {directories}: {reason}. \
         Check the address, and that the network lets HTTPS through: `plenum doctor` tells what is blocked"
    )]
    DirectoryUnreachable {
        /// The addresses that were asked.
        directories: String,
        /// What went wrong last.
        reason: String,
    },
    /// Whatever is asked, the network itself answers.
    #[error(
        "this network answers in place of {address} ({reason}): it wants you to sign in first. \
         Open any page in a browser, sign in, and try again. If there is nothing to sign in to, \
         `plenum doctor` tells what is wrong"
    )]
    CaptivePortal {
        /// Who should have answered.
        address: String,
        /// What was seen.
        reason: String,
    },
    /// No zone controller answered.
    #[error(
        "no zone controller answered at {zones}: {reason}{tunnels}. \
         Check the address, and that the network lets HTTPS through: `plenum doctor` tells what is blocked"
    )]
    ZoneUnreachable {
        /// The addresses that were asked.
        zones: String,
        /// What went wrong last.
        reason: String,
        /// And with the tunnels, as the rest of the sentence; empty where there are none.
        tunnels: String,
    },
    /// A zone controller's certificate is not trusted.
    #[error(
        "the certificate of {zone} is not trusted: {reason}. \
         Give the zone's certificate authority with --ca FILE"
    )]
    Untrusted {
        /// The address.
        zone: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A proxy on the way lets nothing through, and will not a moment later.
    #[error("the proxy {proxy} {problem}. {}", proxy_advice(problem))]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// What is wrong.
        problem: ProxyProblem,
    },
    /// The zone answered, its router did not.
    #[error(
        "router {router} could not be used: {reason}. \
         Check that the network lets TCP 443 and UDP and TCP 8801 (or the site's own ports) through"
    )]
    RouterUnreachable {
        /// The last router tried.
        router: String,
        /// What went wrong with it.
        reason: String,
    },
}

impl JoinError {
    /// The exit status for scripts, one of [`exit`].
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Configuration(_) => exit::OTHER,
            Self::Full { .. } => exit::FULL,
            Self::Denied { problem, .. } if problem.code.passes() => exit::FULL,
            Self::Refused { .. } | Self::Denied { .. } => exit::REFUSED,
            Self::ZoneUnreachable { .. }
            | Self::DirectoryUnreachable { .. }
            | Self::CaptivePortal { .. }
            | Self::Untrusted { .. }
            | Self::Proxy { .. }
            | Self::RouterUnreachable { .. } => exit::UNREACHABLE,
        }
    }

    /// By what was wrong with the directories; nothing, if they were silent until the end.
    pub(crate) fn of_directories(directories: &[String], worst: Option<&Failure>) -> Self {
        Self::of_failure(worst).unwrap_or_else(|| Self::DirectoryUnreachable {
            directories: directories.join(", "),
            reason: reason_of(worst),
        })
    }

    /// By what was wrong with the zones' controllers, and with their tunnels.
    pub(crate) fn of_zones<'a>(
        controllers: impl IntoIterator<Item = &'a String>,
        worst: Option<&Failure>,
        tunnels: &[&Failure],
    ) -> Self {
        Self::of_failure(worst).unwrap_or_else(|| {
            let zones: Vec<&str> = controllers.into_iter().map(String::as_str).collect();
            Self::ZoneUnreachable {
                zones: zones.join(", "),
                reason: reason_of(worst),
                tunnels: of_tunnels(tunnels),
            }
        })
    }

    /// What has a sentence of its own, whoever was asked.
    fn of_failure(failure: Option<&Failure>) -> Option<Self> {
        let Failure {
            fault,
            at,
            reason,
            proxy,
        } = failure?;
        let (at, reason) = (at.clone(), reason.clone());
        match (fault, proxy) {
            (Fault::Untrusted, _) => Some(Self::Untrusted { zone: at, reason }),
            (Fault::Portal, _) => Some(Self::CaptivePortal {
                address: at,
                reason,
            }),
            (_, Some(problem)) => Some(Self::Proxy {
                proxy: at,
                problem: problem.clone(),
            }),
            _ => None,
        }
    }

    /// Whether a zone or a directory says that the meeting was ended, or is over.
    pub(crate) fn says_that_the_meeting_is_over(&self) -> bool {
        match self {
            Self::Refused { problem, .. } => problem.code == Refusal::MeetingEnded,
            Self::Denied { problem, .. } => problem.code == Denial::Over,
            _ => false,
        }
    }

    /// A router says so to somebody whom the zone has let in just before.
    pub(crate) fn meeting_ended(meeting: &MeetingId) -> Self {
        let code = Refusal::MeetingEnded;
        let problem = Problem {
            title: code.to_string(),
            status: code.status(),
            code,
            detail: "ask its host for another one".to_owned(),
        };
        let meeting = meeting.clone();
        Self::Refused { meeting, problem }
    }

    /// By what a zone's last answer was.
    pub(crate) fn refused(
        meeting: &MeetingId,
        problem: Problem,
        tries: u32,
        waited: Duration,
    ) -> Self {
        let meeting = meeting.clone();
        if problem.code.passes() {
            Self::Full {
                meeting,
                problem,
                tries,
                waited,
            }
        } else {
            Self::Refused { meeting, problem }
        }
    }
}

/// What to do about a proxy that lets nothing through.
const fn proxy_advice(problem: &ProxyProblem) -> &'static str {
    match problem {
        ProxyProblem::CredentialsWanted { .. } | ProxyProblem::CredentialsRefused { .. } => {
            "Give a user and a password that it knows: --proxy http://USER:PASSWORD@HOST:PORT, \
             special characters as %XX. Plenum speaks Basic authentication"
        }
        ProxyProblem::Forbidden { .. } => {
            "Ask who runs the proxy to allow CONNECT to this host and port"
        }
        ProxyProblem::Untrusted(_) => {
            "Use an address that its certificate is for, or its plain http:// address"
        }
        ProxyProblem::NotAProxy(_) => {
            "Check the proxy's address; in a hotel or a train open a web page first and sign in"
        }
        ProxyProblem::UnknownName(_)
        | ProxyProblem::Unreachable(_)
        | ProxyProblem::TimedOut
        | ProxyProblem::TargetFailed { .. }
        | ProxyProblem::Busy { .. } => "Check its address, and try again later",
    }
}

fn reason_of(failure: Option<&Failure>) -> String {
    failure.map_or_else(
        || "no answer in time".to_owned(),
        |failure| failure.reason.clone(),
    )
}

/// The rest of the sentence about a zone: what was wrong with each tunnel last.
fn of_tunnels(failures: &[&Failure]) -> String {
    let last: BTreeMap<&str, &str> = failures
        .iter()
        .map(|failure| (failure.at.as_str(), failure.reason.as_str()))
        .collect();
    let each = last.iter().take(TUNNELS);
    let each: Vec<String> = each.map(|(at, reason)| format!("{at}: {reason}")).collect();
    if each.is_empty() {
        return String::new();
    }
    format!("; and no tunnel at {}", each.join("; "))
}

/// What the directory said, where it tells more than our own advice does.
fn more(problem: &DirectoryProblem) -> String {
    let tells = matches!(
        problem.code,
        Denial::Forbidden
            | Denial::NoZone
            | Denial::Conflict
            | Denial::TooManyRequests
            | Denial::BadRequest
            | Denial::Unavailable
            | Denial::ReadOnly
    );
    if tells && !problem.detail.is_empty() {
        format!(" {}", problem.detail)
    } else {
        String::new()
    }
}

/// What to do about a refusal of the directory.
const fn advice(code: Denial) -> &'static str {
    match code {
        Denial::UnknownMeeting | Denial::NotFound => "Check the meeting's number.",
        Denial::PasscodeRequired => "Give it with --passcode.",
        Denial::WrongPasscode => "Check --passcode.",
        Denial::SignInRequired => "Sign in at the directory, and give the token with --token.",
        Denial::Forbidden | Denial::Refused => "Ask the host to invite you.",
        Denial::WaitingForHost => "Nobody did in time: ask the host, and try again.",
        Denial::NotYet => "Come back when it begins.",
        Denial::Over => "Ask the host for another one.",
        Denial::NoZone | Denial::Unavailable | Denial::ReadOnly => {
            "Try again in a minute, or tell who runs the directory."
        }
        Denial::TooManyRequests => "Wait a minute, then try again.",
        Denial::Conflict | Denial::BadRequest => "Is this client as new as the directory?",
    }
}

/// A refusal in the form that zones send it, for answers that carried none.
pub(crate) fn problem_of_status(status: u16, detail: String) -> Option<Problem> {
    let code = match status {
        400 => Refusal::BadRequest,
        401 => Refusal::TokenRequired,
        403 => Refusal::Forbidden,
        429 => Refusal::TooManyRequests,
        // Also a load balancer whose zone controllers are not ready yet.
        502..=504 => Refusal::NoRouter,
        _ => return None,
    };
    Some(Problem {
        title: code.to_string(),
        status,
        code,
        detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: Refusal) -> Problem {
        Problem {
            title: String::new(),
            status: code.status(),
            code,
            detail: "Detail.".to_owned(),
        }
    }

    fn status_of(code: Refusal) -> u8 {
        let meeting = "100".parse().unwrap();
        JoinError::refused(&meeting, problem(code), 9, Duration::from_secs(15)).exit_status()
    }

    #[test]
    fn what_cannot_pass_is_told_apart_from_what_can() {
        for code in [
            Refusal::UnknownMeeting,
            Refusal::TokenRequired,
            Refusal::Forbidden,
            Refusal::BadRequest,
        ] {
            assert_eq!(status_of(code), exit::REFUSED, "{code:?}");
        }
        for code in [
            Refusal::ZoneFull,
            Refusal::MeetingFull,
            Refusal::ZoneOverloaded,
            Refusal::NoRouter,
            Refusal::TooManyRequests,
        ] {
            assert_eq!(status_of(code), exit::FULL, "{code:?}");
        }
    }

    fn denied(code: Denial, detail: &str) -> String {
        let problem = DirectoryProblem::new(code, detail);
        let meeting = "100".parse().unwrap();
        JoinError::Denied { meeting, problem }.to_string()
    }

    #[test]
    fn what_to_do_about_a_denial_is_said_once() {
        let detail = "check the passcode of the invitation";
        assert_eq!(
            denied(Denial::WrongPasscode, detail),
            "cannot join meeting 100: that is not the meeting's passcode. Check --passcode."
        );
        let told = denied(Denial::TooManyRequests, "Ask again in 40 s.");
        assert!(
            told.ends_with("Wait a minute, then try again. Ask again in 40 s."),
            "{told}"
        );
    }

    #[test]
    fn the_tunnels_are_named_with_what_was_wrong_with_each_last() {
        let failure = |at: &str, reason: &str| Failure {
            fault: Fault::Refused,
            at: at.to_owned(),
            reason: reason.to_owned(),
            proxy: None,
        };
        let failures = [
            failure("https://ht.example:9443", "no answer"),
            failure("https://ht.example:9443", "connection refused"),
        ];
        let controllers = ["https://zc.example".to_owned()];
        let tunnels: Vec<&Failure> = failures.iter().collect();
        let told = JoinError::of_zones(&controllers, None, &tunnels).to_string();
        let part = "and no tunnel at https://ht.example:9443: connection refused. Check";
        assert!(told.contains(part), "{told}");
        let none = JoinError::of_zones(&controllers, None, &[]).to_string();
        assert!(!none.contains("tunnel"), "{none}");
    }

    #[test]
    fn the_sentence_names_the_meeting_the_reason_and_the_next_step() {
        let meeting = "100-200".parse().unwrap();
        let full = problem(Refusal::ZoneFull);
        let text = JoinError::refused(&meeting, full, 9, Duration::from_secs(15)).to_string();
        for part in [
            "100-200",
            "every router of the zone is full",
            "15 s",
            "later",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
