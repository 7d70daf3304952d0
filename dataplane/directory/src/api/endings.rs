//! What zones are told of meetings that were ended or deleted. Pure: it is made of values.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plenum_wire::MeetingId;
use plenum_wire::directory::{ENDED, EndedMeeting, RunningMeeting, TOKEN_LIFETIME_S};

use crate::model::Ending;

/// A lookup that was under way when a meeting was ended may sign its token so much later, in
/// seconds: the time limit of a request, and a little.
const UNDER_WAY_S: u64 = 10;

/// The last meetings that were ended.
#[derive(Debug, Default)]
pub struct Endings {
    at: BTreeMap<MeetingId, u64>,
    /// The same, the earliest first.
    in_order: BTreeSet<(u64, MeetingId)>,
}

impl Endings {
    /// In any order, each meeting once.
    pub fn new(endings: Vec<Ending>) -> Self {
        let ended = endings.into_iter().map(|Ending { meeting, at }| {
            let at = u64::try_from(at.as_second()).unwrap_or(0);
            (meeting.id(), at + UNDER_WAY_S)
        });
        let at: BTreeMap<_, _> = ended.collect();
        Self {
            in_order: at.iter().map(|(id, at)| (*at, id.clone())).collect(),
            at,
        }
    }

    /// What a zone is told in which these run: of those first, as people are to go, then of others
    /// that a token may still be good for; the latest of either first, each once, and never more
    /// than [`ENDED`]. Who is put out makes room for the next.
    pub fn told(&self, running: &[RunningMeeting], now: Timestamp) -> Vec<EndedMeeting> {
        if self.at.is_empty() {
            return Vec::new();
        }
        let running = running.iter().map(|it| &it.meeting);
        let running: BTreeSet<(u64, &MeetingId)> = running
            .filter_map(|meeting| Some((*self.at.get(meeting)?, meeting)))
            .collect();
        let now = u64::try_from(now.as_second()).unwrap_or(0);
        let others = self.in_order.iter().rev().map(|(at, id)| (*at, id));
        let others = others
            .take_while(|(at, _)| at + TOKEN_LIFETIME_S > now)
            .filter(|other| !running.contains(other));
        let all = running.iter().rev().copied().chain(others).take(ENDED);
        all.map(|(at, meeting)| EndedMeeting {
            meeting: meeting.clone(),
            at,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use plenum_transport::route::ANSWER_BYTES;
    use plenum_wire::directory::{Expected, ReportAnswer};
    use serde_json::json;

    use super::*;
    use crate::model::{KeyId, MeetingNumber, PublicHalf, PublicKey};
    use crate::tokens;

    /// When the last of `endings` was.
    const NOW: i64 = 2_000_000_000;

    /// So many, one each second, the last of them the earliest.
    fn endings(count: u32) -> Endings {
        let ending = |back: u32| Ending {
            meeting: MeetingNumber::new(10_000_000_000 + u64::from(back)).unwrap(),
            at: Timestamp::from_second(NOW - i64::from(back)).unwrap(),
        };
        Endings::new((0..count).map(ending).collect())
    }

    fn runs(back: u64) -> RunningMeeting {
        RunningMeeting {
            meeting: MeetingNumber::new(10_000_000_000 + back).unwrap().id(),
            participants: 2,
        }
    }

    /// The last digits of those that are told, and when they ended, in seconds before `NOW`.
    fn told(endings: &Endings, running: &[RunningMeeting], later: i64) -> Vec<(u64, i64)> {
        let now = Timestamp::from_second(NOW + later).unwrap();
        let told = endings.told(running, now).into_iter().map(|ended| {
            let number: u64 = ended.meeting.as_str().parse().unwrap();
            let at = ended.at.cast_signed() - UNDER_WAY_S.cast_signed();
            (number - 10_000_000_000, NOW - at)
        });
        told.collect()
    }

    #[test]
    fn every_zone_is_told_once_of_those_that_tokens_may_be_good_for() {
        let endings = endings(2);
        assert_eq!(told(&endings, &[], 0), [(0, 0), (1, 1)]);
        assert_eq!(told(&endings, &[], 608), [(0, 0), (1, 1)]);
        assert_eq!(told(&endings, &[], 609), [(0, 0)]);
        assert_eq!(told(&endings, &[], 610), []);
        assert_eq!(told(&endings, &[runs(7), runs(1)], 0), [(1, 1), (0, 0)]);
    }

    #[test]
    fn where_one_runs_it_is_told_of_however_long_ago_it_ended() {
        let all = told(&endings(5_000), &[runs(4_999)], 0);
        assert_eq!(all[..2], [(4_999, 4_999), (0, 0)]);
        assert_eq!(all.len(), 611);
    }

    #[test]
    fn of_many_that_run_those_are_told_first_that_ended_last_and_then_the_next() {
        let endings = endings(5_000);
        let running: Vec<_> = (2_000..4_000).map(runs).collect();
        let first = told(&endings, &running, 0);
        assert_eq!(first.len(), ENDED);
        assert_eq!(
            (first[0], first[ENDED - 1]),
            ((2_000, 2_000), (2_999, 2_999))
        );
        // They are put out.
        let then = told(&endings, &running[ENDED..], 0);
        assert_eq!(then[0], (3_000, 3_000));
    }

    #[test]
    fn the_longest_answer_to_a_report_is_one_that_a_controller_reads() {
        let endings = endings(20_000);
        let running: Vec<_> = (0..20_000).map(runs).collect();
        let now = Timestamp::from_second(NOW).unwrap();
        // From five minutes ago to in twenty minutes.
        let expected = (0..=26).map(|minute| Expected {
            at: NOW + 60 * minute,
            people: u32::MAX,
        });
        let key = PublicKey {
            id: KeyId::from_random(u128::MAX),
            x: PublicHalf([255; 32]),
        };
        let keys = vec![tokens::PublicKey::from(&key); 21 * PublicKey::EACH];
        let answer = ReportAnswer {
            // Of a directory and of twenty replicas.
            jwks: json!({ "keys": keys }),
            report_every_s: 5,
            ended: endings.told(&running, now),
            expected: expected.collect(),
        };
        let bytes = serde_json::to_vec(&answer).unwrap().len();
        assert!(bytes <= ANSWER_BYTES, "{bytes}");
    }
}
