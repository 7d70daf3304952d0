//! What the directories say of the meeting.

use std::time::Instant;

use plenum_client::JoinConfig;
use plenum_client::connect::{Places, Unanswered, inspect};
use plenum_wire::directory::{Denial, DirectoryProblem, LookupRequest};
use url::Url;

use super::examine::ways;
use super::findings::{Finding, Health, Party, Subject};

/// What was found out.
#[derive(Default)]
pub struct Looked {
    pub findings: Vec<Finding>,
    /// The first answer.
    pub places: Option<Places>,
    /// Without one: what a directory said that it would say again.
    pub denied: Option<DirectoryProblem>,
}

/// Asks each directory once, by the first way that leads there: each answer counts against those
/// who guess passcodes, and each question knocks at a waiting room.
pub async fn look_up(config: &JoinConfig, directories: &[Url]) -> Looked {
    let mut looked = Looked::default();
    for url in directories {
        for (route, network) in ways(&config.network, &config.proxy, url) {
            let token = config.token.as_deref();
            let began = Instant::now();
            let answer = inspect::look_up(&network, url, request(config), token).await;
            let mut found = read(url, &answer).taking(began.elapsed());
            found.route = Some(route);
            looked.findings.push(found);
            match answer {
                Ok(places) => {
                    looked.places.get_or_insert(places);
                }
                Err(Unanswered::Denied(problem, _)) if is_final(problem.code) => {
                    looked.denied.get_or_insert(problem);
                }
                Err(Unanswered::Denied(..)) => {}
                Err(Unanswered::Failed(_)) => continue,
            }
            break;
        }
    }
    if looked.places.is_some() {
        looked.denied = None;
    }
    looked
}

/// A finding about a lookup.
pub fn finding(url: &Url, health: Health) -> Finding {
    Finding::new(Subject::Lookup, Party::Directory, url.to_string(), health)
}

fn request(config: &JoinConfig) -> LookupRequest {
    LookupRequest {
        meeting: config.meeting.clone(),
        passcode: config.passcode.clone(),
        name: config.name.clone(),
        waiting: None,
        // Who only looks decides nothing.
        begin_in: None,
    }
}

fn read(url: &Url, answer: &Result<Places, Unanswered>) -> Finding {
    match answer {
        Ok(places) => finding(url, Health::Works).saying(summary(places)),
        Err(Unanswered::Denied(problem, _)) => {
            // A directory that has somebody wait works as it should.
            let health = if waits_for_somebody(problem.code) {
                Health::Odd
            } else {
                Health::Blocked
            };
            finding(url, health).saying(format!("{}. {}", problem.code, problem.detail))
        }
        Err(Unanswered::Failed(why)) => finding(url, Health::Blocked).saying(&why.reason),
    }
}

/// Whether it would say the same a moment later, unless somebody does something.
const fn is_final(code: Denial) -> bool {
    !code.passes() || waits_for_somebody(code)
}

const fn waits_for_somebody(code: Denial) -> bool {
    matches!(code, Denial::WaitingForHost | Denial::NotYet)
}

fn summary(places: &Places) -> String {
    let names = places.zones.iter().map(|zone| {
        let name = zone.name.as_ref().map_or("?", |name| name.as_str());
        let (controllers, tunnels) = (zone.controllers.len(), zone.tunnels.len());
        format!("{name} (controllers: {controllers}, tunnels: {tunnels})")
    });
    format!("zones: {}", names.collect::<Vec<_>>().join(", "))
}
