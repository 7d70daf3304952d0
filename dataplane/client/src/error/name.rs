//! What an error is called in traces.

use plenum_wire::join::Refusal;

use super::JoinError;

impl JoinError {
    /// Its name in traces: what the zone or the directory said, or what kept us from them. It
    /// stays what it is, and names nobody.
    pub(crate) fn name(&self) -> String {
        let name = match self {
            Self::Refused { problem, .. } | Self::Full { problem, .. } => {
                return code(problem.code);
            }
            Self::Denied { problem, .. } => problem.code.as_str(),
            Self::Configuration(_) => "configuration",
            Self::DirectoryUnreachable { .. } => "directory_unreachable",
            Self::CaptivePortal { .. } => "captive_portal",
            Self::ZoneUnreachable { .. } => "zone_unreachable",
            Self::Untrusted { .. } => "untrusted",
            Self::Proxy { .. } => "proxy",
            Self::RouterUnreachable { .. } => "router_unreachable",
        };
        name.to_owned()
    }
}

/// As it is written in JSON.
fn code(code: Refusal) -> String {
    let value = serde_json::to_value(code).ok();
    let name = value.as_ref().and_then(serde_json::Value::as_str);
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plenum_wire::directory::{Denial, DirectoryProblem};
    use plenum_wire::join::Problem;

    use super::*;

    fn refused(code: Refusal) -> JoinError {
        let problem = Problem {
            title: String::new(),
            status: code.status(),
            code,
            detail: "Detail.".to_owned(),
        };
        JoinError::refused(&"100".parse().unwrap(), problem, 1, Duration::ZERO)
    }

    fn denied(code: Denial) -> JoinError {
        let problem = DirectoryProblem::new(code, "Detail.");
        let meeting = "100".parse().unwrap();
        JoinError::Denied { meeting, problem }
    }

    #[test]
    fn an_error_has_the_name_that_the_server_gave_it_or_that_of_what_kept_us_from_there() {
        let controllers = ["https://zc.example".to_owned()];
        let table = [
            (refused(Refusal::ZoneFull), "zone_full"),
            (refused(Refusal::UnknownMeeting), "unknown_meeting"),
            (denied(Denial::WrongPasscode), "wrong_passcode"),
            (denied(Denial::WaitingForHost), "waiting_for_host"),
            (
                JoinError::of_directories(&controllers, None),
                "directory_unreachable",
            ),
            (
                JoinError::of_zones(&controllers, None, &[]),
                "zone_unreachable",
            ),
        ];
        for (error, name) in table {
            assert_eq!(error.name(), name, "{error}");
        }
    }
}
