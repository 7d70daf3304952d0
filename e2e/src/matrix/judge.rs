//! Whether what came of a scenario is what should. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::call::{Call, KINDS, Report, Track};
use super::marks::{self, Directions};
use super::scenario::{Expected, Joins, Refused, Rung, Scenario};

/// Machines are busy, most of all where scenarios are played beside each other: so many times its
/// limit a time may be, and in any case so long; beyond that it is a failure everywhere.
const GENEROUS: u64 = 3;
const GENEROUS_MS: u64 = 3_000;
/// Whose figures come in pairs, in this order.
const SIDES: [&str; 2] = ["client", "guest"];

/// What came of a scenario.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The scenario's.
    pub name: String,
    /// The scenario's.
    pub what: String,
    /// From the start to being in, or to giving up, in milliseconds.
    pub join_ms: Option<u64>,
    /// What it may be.
    pub join_limit_ms: u64,
    /// From the start to the first packet of the other.
    pub first_media_ms: Option<u64>,
    /// What carried each medium at the end.
    pub rungs: BTreeMap<String, String>,
    /// Who talked to whom about most bytes, as the firewall counted.
    pub route: Option<String>,
    /// The longest time without audio, at the client and at the guest.
    pub gap_ms: [Option<u64>; 2],
    /// What it may be.
    pub gap_limit_ms: Option<u64>,
    /// Audio packets lost on their way to the client, and to the guest.
    pub audio_lost: [u64; 2],
    /// The same of video and content.
    pub picture_lost: [u64; 2],
    /// Bytes in both directions by `WHO:HOST:PORT`, as the firewall counted.
    pub bytes: BTreeMap<String, u64>,
    /// By medium: how packets were marked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<String, Directions>,
    /// The client's sentence, where it could not join.
    pub says: Option<String>,
    /// Whether all times are within their limits.
    pub in_time: bool,
    /// What is not as it should be.
    pub failures: Vec<String>,
}

impl Outcome {
    /// Of a scenario that could not be played.
    pub fn broken(scenario: &Scenario, why: String) -> Self {
        Self {
            failures: vec![why],
            ..Self::of(scenario)
        }
    }

    /// Of a scenario in which only marks are looked at.
    pub fn marked(scenario: &Scenario, marks: BTreeMap<String, Directions>) -> Self {
        Self {
            in_time: true,
            failures: marks::judge(&marks),
            marks,
            ..Self::of(scenario)
        }
    }

    fn of(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.to_owned(),
            what: scenario.what.to_owned(),
            ..Self::default()
        }
    }
}

/// Compares what both told and what the firewall counted with what the scenario expects.
/// `tried` is how long the client ran.
pub fn judge(
    scenario: &Scenario,
    call: &Call,
    bytes: BTreeMap<String, u64>,
    tried: Duration,
) -> Outcome {
    let mut outcome = Outcome {
        join_ms: call.client.joined_ms,
        first_media_ms: call.client.first_media_ms,
        rungs: call.client.rungs.clone(),
        route: route(&bytes),
        gap_ms: [gap(&call.client), gap(&call.guest)],
        audio_lost: [lost(&call.client, true), lost(&call.guest, true)],
        picture_lost: [lost(&call.client, false), lost(&call.guest, false)],
        bytes,
        says: call.client.error.clone(),
        in_time: true,
        ..Outcome::of(scenario)
    };
    match &scenario.expected {
        Expected::Joins(joins) => outcome.judge_join(joins, call),
        Expected::Marked(_) => {}
        Expected::Refused(refused) => {
            outcome.join_ms = Some(u64::try_from(tried.as_millis()).unwrap_or(u64::MAX));
            outcome.judge_refusal(refused, &call.client);
        }
    }
    outcome
}

impl Outcome {
    fn judge_join(&mut self, joins: &Joins, call: &Call) {
        self.join_limit_ms = millis(joins.within);
        self.gap_limit_ms = Some(millis(joins.gap));
        let Some(join_ms) = self.join_ms else {
            let says = self.says.as_deref().unwrap_or("nothing");
            self.failures
                .push(format!("the client did not join: {says}"));
            return;
        };
        self.time("the join took", join_ms, self.join_limit_ms);
        for (who, report) in SIDES.into_iter().zip([&call.client, &call.guest]) {
            for kind in KINDS {
                if packets(report, kind) == 0 {
                    self.failures.push(format!("no {kind} reached the {who}"));
                }
            }
        }
        for kind in KINDS {
            let rung = self.rungs.get(kind).map_or("nothing", String::as_str);
            let wanted = joins.rung.name();
            if rung != wanted {
                self.failures
                    .push(format!("{kind} took {rung}, not {wanted}"));
            }
        }
        self.judge_route(joins);
        self.judge_gaps(millis(joins.gap));
        self.judge_loss("audio", self.audio_lost, joins.lost);
        self.judge_loss("picture", self.picture_lost, joins.pictures_lost);
    }

    /// Each side by itself: one that tells of none hides nothing of the other.
    fn judge_gaps(&mut self, limit_ms: u64) {
        for (who, gap) in SIDES.into_iter().zip(self.gap_ms) {
            match gap {
                Some(gap) => self.time(&format!("without audio the {who} was"), gap, limit_ms),
                None => self.failures.push(format!(
                    "the {who} does not say how long it was without audio"
                )),
            }
        }
    }

    fn judge_loss(&mut self, what: &str, lost: [u64; 2], limit: u64) {
        for (who, lost) in SIDES.into_iter().zip(lost) {
            if lost > limit {
                self.failures.push(format!(
                    "{lost} {what} packets did not reach the {who}, at most {limit} may"
                ));
            }
        }
    }

    /// The client's word on its rung is not enough: its bytes went there.
    fn judge_route(&mut self, joins: &Joins) {
        let protocol = if joins.rung == Rung::Udp {
            "udp"
        } else {
            "tcp"
        };
        let wanted = format!("{}:{protocol}{}", joins.route, joins.rung.port());
        let went = self.route.as_deref().unwrap_or("nowhere");
        if went != wanted {
            self.failures
                .push(format!("most bytes went {went}, not {wanted}"));
        }
    }

    fn judge_refusal(&mut self, refused: &Refused, client: &Report) {
        self.join_limit_ms = millis(refused.within);
        let Some(says) = self.says.clone() else {
            self.failures.push("the client joined".to_owned());
            return;
        };
        let tried = self.join_ms.unwrap_or_default();
        self.time("giving up took", tried, self.join_limit_ms);
        if client.exit_status != Some(refused.status) {
            let (is, wanted) = (client.exit_status, refused.status);
            self.failures
                .push(format!("its exit status is {is:?}, not {wanted}"));
        }
        for words in refused.says {
            if !says.contains(words) {
                self.failures
                    .push(format!("it does not say {words:?}: {says}"));
            }
        }
    }

    fn time(&mut self, what: &str, is_ms: u64, limit_ms: u64) {
        self.in_time &= is_ms <= limit_ms;
        if is_ms > (GENEROUS * limit_ms).max(GENEROUS_MS) {
            self.failures
                .push(format!("{what} {is_ms} ms, far more than {limit_ms} ms"));
        }
    }
}

/// Where most bytes went.
fn route(bytes: &BTreeMap<String, u64>) -> Option<String> {
    let most = bytes.iter().max_by_key(|(_, bytes)| **bytes);
    most.map(|(name, _)| name.clone())
}

fn gap(report: &Report) -> Option<u64> {
    report.audio_gap_ms.values().max().copied()
}

fn lost(report: &Report, audio: bool) -> u64 {
    let tracks = report.tracks.iter();
    let these = tracks.filter(|track| (track.kind == "audio") == audio);
    these.map(|track| track.lost).sum()
}

fn packets(report: &Report, kind: &str) -> u64 {
    let of_kind = |track: &&Track| track.kind == kind;
    let tracks = report.tracks.iter().filter(of_kind);
    tracks.map(|track| track.packets).sum()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
