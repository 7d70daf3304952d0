//! Meetings that were ended for good, and the tickets for them that are still under way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::MeetingId;
use plenum_wire::control::ErrorCode;
use plenum_wire::ticket::LIFETIME_S;

use crate::Shard;

/// Until when there may be tickets that a controller made before it knew. One that hears of it
/// later says so again when it sees the meeting here.
const REMEMBERED: Duration = Duration::from_secs(LIFETIME_S);

/// The meetings that ended a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Endings(BTreeMap<MeetingId, Ending>);

#[derive(Debug)]
struct Ending {
    at: u64,
    until: Instant,
}

impl Endings {
    fn keep(&mut self, meeting: MeetingId, at: u64, now: Instant) {
        self.0.retain(|_, ending| now < ending.until);
        let until = now + REMEMBERED;
        let ending = self.0.entry(meeting).or_insert(Ending { at, until });
        (ending.at, ending.until) = (ending.at.max(at), until);
    }

    /// Whether the end of the meeting is that of somebody who was `vouched` for then.
    pub(crate) fn covers(&self, meeting: &MeetingId, vouched: u64, now: Instant) -> bool {
        let ending = self.0.get(meeting);
        ending.is_some_and(|ending| now < ending.until && vouched <= ending.at)
    }
}

impl Shard {
    /// A controller says that a meeting was ended `at` that Unix time in seconds. Who was vouched
    /// for later is in one that began again.
    pub(crate) fn end_meeting(&mut self, name: MeetingId, at: u64, now: Instant) {
        if let Some(meeting) = self.meetings.get_mut(&name) {
            let members = meeting.members.values().copied();
            let over = members.filter(|slot| self.participants[*slot].vouched <= at);
            let over: Vec<_> = over.collect();
            meeting.over = over.len() == meeting.members.len();
            for slot in over {
                let channel = self.participants[slot].channel;
                self.refuse(channel, ErrorCode::MeetingEnded, now);
            }
        }
        self.endings.keep(name, at, now);
    }
}
