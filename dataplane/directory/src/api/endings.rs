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
#[derive(Debug, Default, Clone)]
pub struct Endings {
    at: BTreeMap<MeetingId, u64>,
    /// The same, the earliest first.
    in_order: BTreeSet<(u64, MeetingId)>,
}

impl Endings {
    /// Whether all of these are known.
    pub fn have(&self, endings: &[Ending]) -> bool {
        let mut endings = endings.iter().map(told_as);
        endings.all(|(meeting, at)| self.at.get(&meeting) == Some(&at))
    }

    /// These were ended. Of all that are known as many of the last are kept.
    pub fn learn(&mut self, endings: &[Ending], kept: usize) {
        for (meeting, at) in endings.iter().map(told_as) {
            if let Some(former) = self.at.insert(meeting.clone(), at) {
                self.in_order.remove(&(former, meeting.clone()));
            }
            self.in_order.insert((at, meeting));
        }
        while self.in_order.len() > kept
            && let Some((_, earliest)) = self.in_order.pop_first()
        {
            self.at.remove(&earliest);
        }
    }

    /// Forgets what ended until then.
    pub fn forget(&mut self, until: Timestamp) {
        let until = seconds(until) + UNDER_WAY_S;
        while let Some((at, meeting)) = self.in_order.pop_first() {
            if at > until {
                self.in_order.insert((at, meeting));
                break;
            }
            self.at.remove(&meeting);
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
        let now = seconds(now);
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

fn told_as(ending: &Ending) -> (MeetingId, u64) {
    (ending.meeting.id(), seconds(ending.at) + UNDER_WAY_S)
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
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

    fn ending(back: u32) -> Ending {
        Ending {
            meeting: MeetingNumber::new(10_000_000_000 + u64::from(back)).unwrap(),
            at: Timestamp::from_second(NOW - i64::from(back)).unwrap(),
        }
    }

    /// So many, one each second, the last of them the earliest.
    fn endings(count: u32) -> Endings {
        let mut endings = Endings::default();
        let all: Vec<_> = (0..count).map(ending).collect();
        endings.learn(&all, all.len());
        endings
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
    fn what_is_read_again_is_no_news_and_the_earliest_are_forgotten() {
        let mut endings = endings(3);
        assert!(endings.have(&[ending(2), ending(0)]));
        assert!(!endings.have(&[ending(2), ending(3)]));
        let again = Ending {
            at: ending(0).at,
            ..ending(2)
        };
        assert!(
            !endings.have(std::slice::from_ref(&again)),
            "it ended later"
        );
        endings.learn(&[again], 3);
        assert_eq!(told(&endings, &[], 0), [(2, 0), (0, 0), (1, 1)]);
        endings.learn(&[ending(0)], 2);
        assert_eq!(told(&endings, &[], 0), [(2, 0), (0, 0)]);
        assert!(!endings.have(&[ending(1)]));
        endings.learn(&[ending(7)], 3);
        endings.forget(ending(7).at);
        assert_eq!(told(&endings, &[], 0), [(2, 0), (0, 0)]);
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
