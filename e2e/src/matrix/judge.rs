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
    pub gap_ms: Option<[u64; 2]>,
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
        gap_ms: Option::zip(gap(&call.client), gap(&call.guest)).map(<[u64; 2]>::from),
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
        for (who, report) in [("client", &call.client), ("guest", &call.guest)] {
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
        let limit = self.gap_limit_ms.unwrap_or_default();
        for (who, gap) in ["client", "guest"]
            .into_iter()
            .zip(self.gap_ms.unwrap_or_default())
        {
            self.time(&format!("without audio the {who} was"), gap, limit);
        }
        for (who, lost) in ["client", "guest"].into_iter().zip(self.audio_lost) {
            if lost > joins.lost {
                let text = format!("{lost} audio packets did not reach the {who}");
                self.failures.push(text);
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
mod tests {
    use super::*;

    fn report() -> Report {
        let track = |kind: &str| Track {
            kind: kind.to_owned(),
            packets: 100,
            lost: 0,
        };
        Report {
            joined_ms: Some(400),
            rungs: KINDS.map(|kind| (kind.to_owned(), "udp".to_owned())).into(),
            audio_gap_ms: [("bob".to_owned(), 40)].into(),
            tracks: KINDS.map(track).into(),
            ..Report::default()
        }
    }

    fn outcome(client: Report, went: &str) -> Outcome {
        let call = Call {
            client,
            guest: report(),
        };
        let bytes = [
            (went.to_owned(), 9_000),
            ("client:media:tcp443".to_owned(), 10),
        ];
        let scenario = Scenario::new("open", "");
        judge(&scenario, &call, bytes.into(), Duration::from_secs(9))
    }

    #[test]
    fn what_is_as_it_should_be_passes() {
        let outcome = outcome(report(), "client:media:udp8801");
        assert_eq!(outcome.failures, Vec::<String>::new());
        assert!(outcome.in_time);
    }

    #[test]
    fn the_clients_word_on_its_rung_is_not_enough() {
        let outcome = outcome(report(), "proxy:media:tcp443");
        let says = "most bytes went proxy:media:tcp443, not client:media:udp8801";
        assert_eq!(outcome.failures, [says]);
    }

    #[test]
    fn a_time_above_its_limit_is_told_and_far_above_fails() {
        let late = |joined_ms| Report {
            joined_ms: Some(joined_ms),
            ..report()
        };
        let slow = outcome(late(1_600), "client:media:udp8801");
        assert_eq!((slow.in_time, slow.failures.len()), (false, 0));
        let slower = outcome(late(4_600), "client:media:udp8801");
        assert_eq!((slower.in_time, slower.failures.len()), (false, 1));
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut silent = report();
        silent.tracks[0].packets = 0;
        silent.tracks[1].lost = 7;
        silent.rungs.insert("video".to_owned(), "tls".to_owned());
        let outcome = outcome(silent, "client:media:udp8801");
        let says = ["no audio reached the client", "video took tls, not udp"];
        assert_eq!(outcome.failures, says);
        assert_eq!(outcome.picture_lost, [7, 0]);
    }

    #[test]
    fn a_refusal_needs_its_words() {
        let scenario = Scenario::new("x", "").refused(5, &["password"], Duration::from_secs(2));
        let refused = |error: &str| Call {
            client: Report {
                error: Some(error.to_owned()),
                exit_status: Some(5),
                ..Report::default()
            },
            guest: Report::default(),
        };
        let judged =
            |call: &Call| judge(&scenario, call, BTreeMap::new(), Duration::from_secs(1)).failures;
        assert_eq!(judged(&refused("the proxy's password is wrong")).len(), 0);
        assert_eq!(judged(&refused("no")).len(), 1);
        assert_eq!(judged(&Call::default()), ["the client joined"]);
    }
}
