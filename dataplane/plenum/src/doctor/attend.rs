//! Joining as any client does, then by each way for media alone.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use plenum_client::connect::{Place, Places, RouteKind};
use plenum_client::{JoinConfig, JoinError, RungPolicy, Session};
use plenum_wire::directory::Denial;
use plenum_wire::{Kind, MeetingId, Rung};

use super::findings::{Finding, Findings, Health, Party, Ports, Subject};

/// How long one way for media is tried: a dial takes 4 s at most, and they all take turns.
const RUNG_WITHIN: Duration = Duration::from_secs(6);

/// Joins, notes how, and leaves.
pub async fn join(mut config: JoinConfig, findings: &mut Findings) -> Result<Finding, JoinError> {
    config.kinds = Kind::ALL.into();
    // Nobody waits for an examination.
    config.patience = Duration::ZERO;
    let meeting = config.meeting.clone();
    let began = Instant::now();
    match Session::join(config).await {
        Ok(session) => {
            let took = began.elapsed();
            let mut finding = finding(&meeting, Health::Works).taking(took);
            findings.joined = true;
            findings.media = session.rungs();
            if let Some(way) = session.way() {
                findings.zone = Some((way.zone.clone(), way.route));
                finding.route = Some(way.route);
                finding = finding.saying(steps(way));
            }
            if let Some(endpoint) = session.endpoint() {
                findings.ports = Ports {
                    https: endpoint.https_port,
                    media: endpoint.media_port,
                };
                findings.router = endpoint.addresses.first().copied();
            }
            session.leave().await;
            Ok(finding)
        }
        Err(error) => {
            let finding = refused(&meeting, &error, findings);
            findings.all.push(finding.taking(began.elapsed()));
            Err(error)
        }
    }
}

fn finding(meeting: &MeetingId, health: Health) -> Finding {
    let at = format!("meeting {meeting}");
    Finding::new(Subject::Join, Party::Router, at, health)
}

/// Notes why nobody gets in, and what to do about it.
pub fn refused(meeting: &MeetingId, error: &JoinError, findings: &mut Findings) -> Finding {
    let code = match error {
        JoinError::Denied { problem, .. } => Some(problem.code),
        _ => None,
    };
    let told = match code {
        Some(Denial::WaitingForHost) => format!(
            "A host has to let people into meeting {meeting}, and an examination does not wait: \
             look again when one is there who lets \"plenum doctor\" in, or with a meeting \
             without a waiting room."
        ),
        Some(Denial::NotYet) => format!(
            "Meeting {meeting} has not begun, and an examination does not wait: look again when \
             it has, or with another meeting."
        ),
        _ => error.to_string(),
    };
    findings.refused = Some(told.clone());
    finding(meeting, Health::Blocked).saying(told)
}

fn steps(way: &plenum_client::connect::Way) -> String {
    let steps = [
        ("lookup", way.steps.lookup),
        ("test", way.steps.test),
        ("router", way.steps.router),
        ("media", way.steps.media),
    ];
    let took = steps.iter().filter_map(|(step, took)| {
        let took = took.as_ref()?;
        Some(format!("{step} {} ms", took.as_millis()))
    });
    format!("zone {}; {}", way.zone, took.collect::<Vec<_>>().join(", "))
}

/// Tries every way for media by itself, all at once, with all three kinds of media.
pub async fn rungs(config: &JoinConfig, places: &Places, findings: &Findings) -> Vec<Finding> {
    let ways = [Rung::Udp, Rung::Tcp, Rung::Tls];
    let Some((zone, route)) = &findings.zone else {
        let why = "no router was offered";
        return ways.map(|rung| untried(rung, why)).into();
    };
    if *route == RouteKind::Tunnel {
        let only = |rung| match rung {
            Rung::Tls => works(rung, "all there is in a tunnel"),
            Rung::Udp | Rung::Tcp => untried(rung, "tunnels carry only HTTPS"),
        };
        return ways.map(only).into();
    }
    let Some(place) = places.zones.iter().find(|place| is(place, zone)) else {
        return ways
            .map(|rung| untried(rung, "the zone is offered no more"))
            .into();
    };
    join_all(ways.map(|rung| one(config, place, places.token.as_deref(), rung))).await
}

fn is(place: &Place, zone: &str) -> bool {
    match &place.name {
        Some(name) => name.as_str() == zone,
        None => true,
    }
}

async fn one(config: &JoinConfig, place: &Place, token: Option<&str>, rung: Rung) -> Finding {
    let mut config = config.clone();
    config.directories.clear();
    config.zones.clone_from(&place.controllers);
    config.token = token.map(ToOwned::to_owned);
    config.rungs = RungPolicy::Only(rung);
    config.kinds = Kind::ALL.into();
    config.join_within = RUNG_WITHIN;
    config.patience = Duration::ZERO;
    if let Some(authority) = &place.authority {
        match config.network.trusting(Some(authority.as_bytes())) {
            Ok(network) => config.network = network,
            Err(error) => return untried(rung, &error.to_string()),
        }
    }
    let began = Instant::now();
    match Session::join(config).await {
        Ok(session) => {
            let took = began.elapsed();
            session.leave().await;
            works(rung, "audio, video and content").taking(took)
        }
        Err(error) => {
            let finding = Finding::new(Subject::Rung, Party::Router, "media", Health::Blocked);
            let finding = finding.saying(error.to_string()).taking(began.elapsed());
            Finding {
                rung: Some(rung),
                ..finding
            }
        }
    }
}

fn works(rung: Rung, says: &str) -> Finding {
    let finding = Finding::new(Subject::Rung, Party::Router, "media", Health::Works);
    Finding {
        rung: Some(rung),
        ..finding.saying(says)
    }
}

fn untried(rung: Rung, why: &str) -> Finding {
    let finding = Finding::new(Subject::Rung, Party::Router, "media", Health::Untried);
    Finding {
        rung: Some(rung),
        ..finding.saying(why)
    }
}
