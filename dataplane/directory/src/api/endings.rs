//! What zones are told of meetings that were ended or deleted. Pure: it is made of values.

use std::collections::BTreeMap;

use plenum_wire::MeetingId;
use plenum_wire::directory::{ENDED, EndedMeeting, RunningMeeting};

use crate::model::Ending;

/// A lookup that was under way when a meeting was ended may sign its token so much later, in
/// seconds: the time limit of a request, and a little.
const UNDER_WAY_S: u64 = 10;

/// The last meetings that were ended.
#[derive(Debug, Default)]
pub struct Endings {
    at: BTreeMap<MeetingId, u64>,
    /// What every zone is told: tokens and tickets may be good for them.
    latest: Vec<EndedMeeting>,
}

impl Endings {
    /// The latest first.
    pub fn new(endings: Vec<Ending>) -> Self {
        let ended = endings.into_iter().map(|Ending { meeting, at }| {
            let at = u64::try_from(at.as_second()).unwrap_or(0);
            (meeting.id(), at + UNDER_WAY_S)
        });
        let ended: Vec<_> = ended.collect();
        let latest = ended.iter().take(ENDED).cloned();
        Self {
            latest: latest
                .map(|(meeting, at)| EndedMeeting { meeting, at })
                .collect(),
            at: ended.into_iter().collect(),
        }
    }

    /// What a zone is told in which these run: each once.
    pub fn told(&self, running: &[RunningMeeting]) -> Vec<EndedMeeting> {
        let mut told: BTreeMap<&MeetingId, u64> = self
            .latest
            .iter()
            .map(|ended| (&ended.meeting, ended.at))
            .collect();
        if !self.at.is_empty() {
            let running = running.iter().map(|it| &it.meeting);
            told.extend(running.filter_map(|it| Some((it, *self.at.get(it)?))));
        }
        told.into_iter()
            .map(|(meeting, at)| EndedMeeting {
                meeting: meeting.clone(),
                at,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::MeetingNumber;

    /// So many, one each second, the last of them the earliest.
    fn endings(count: u32) -> Endings {
        let ending = |back: u32| Ending {
            meeting: MeetingNumber::new(100_000_000 + u64::from(back)).unwrap(),
            at: Timestamp::from_millisecond(2_000_000_999 - i64::from(back) * 1_000).unwrap(),
        };
        Endings::new((0..count).map(ending).collect())
    }

    fn runs(meeting: &str) -> RunningMeeting {
        RunningMeeting {
            meeting: meeting.parse().unwrap(),
            participants: 2,
        }
    }

    #[test]
    fn every_zone_is_told_of_the_latest_once() {
        let told = endings(2).told(&[runs("100000001"), runs("200000000")]);
        let told: Vec<_> = told.iter().map(|it| (it.meeting.as_str(), it.at)).collect();
        assert_eq!(told, [("100000000", 2_000_010), ("100000001", 2_000_009)]);
    }

    #[test]
    fn of_many_it_is_told_of_those_that_run_there_however_long_ago_they_ended() {
        let endings = endings(5_000);
        assert_eq!(endings.told(&[]).len(), ENDED);
        let told = endings.told(&[runs("100004999")]);
        assert_eq!(told.len(), ENDED + 1);
        assert_eq!(told[ENDED].meeting, "100004999".parse().unwrap());
    }
}
