//! Meetings that were ended in the directory.
//!
//! An end has a time: whoever was let in until then goes and does not come back, whoever was later
//! is in a meeting that began again. Routers hear of it when this controller does, and again
//! whenever they say that somebody is there: another controller may have sent them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_wire::directory::EndedMeeting;
use plenum_wire::ticket::IDENTITY_S;
use plenum_wire::{MeetingId, RouterId};

use crate::{Broker, Order};

/// As long as tickets bring anybody back who was let in before. Tokens last shorter.
const REMEMBERED: Duration = Duration::from_secs(IDENTITY_S);
/// Ended meetings that are remembered at most: some 10 MB. Those that were heard of first are
/// forgotten first; the directory names them again should somebody be in one.
const MOST: usize = 100_000;

/// When meetings were ended.
#[derive(Debug, Default)]
pub struct Endings {
    known: BTreeMap<MeetingId, u64>,
    /// Until when each is remembered.
    until: BTreeSet<(Instant, MeetingId)>,
}

impl Endings {
    /// Whether that is news.
    fn learn(&mut self, ended: &EndedMeeting, now: Instant) -> bool {
        match self.known.get_mut(&ended.meeting) {
            Some(at) if *at >= ended.at => return false,
            Some(at) => *at = ended.at,
            None => {
                self.known.insert(ended.meeting.clone(), ended.at);
                let until = now + REMEMBERED;
                self.until.insert((until, ended.meeting.clone()));
            }
        }
        true
    }

    fn forget(&mut self, now: Instant) {
        while let Some((until, _)) = self.until.first()
            && (*until <= now || self.until.len() > MOST)
        {
            let (_, meeting) = self.until.pop_first().expect("there is one");
            self.known.remove(&meeting);
        }
    }

    /// Whether the end of the meeting is that of somebody who was `vouched` for then.
    pub fn cover(&self, meeting: &MeetingId, vouched: u64) -> bool {
        self.known.get(meeting).is_some_and(|at| vouched <= *at)
    }
}

impl Broker {
    pub(crate) fn meetings_ended(&mut self, ended: Vec<EndedMeeting>, now: Instant) {
        for ended in ended {
            if self.endings.learn(&ended, now) {
                for router in self.routers_of(&ended.meeting) {
                    self.put_out(&router, &ended.meeting);
                }
            }
        }
        self.endings.forget(now);
    }

    /// Tells a router of a meeting's end, if it has one.
    pub(crate) fn put_out(&mut self, router: &RouterId, meeting: &MeetingId) {
        if let Some(at) = self.endings.known.get(meeting) {
            let (meeting, at) = (meeting.clone(), *at);
            self.tell(router, Order::End { meeting, at });
        }
    }

    /// Where people of a meeting are, or are about to be.
    fn routers_of(&self, meeting: &MeetingId) -> BTreeSet<RouterId> {
        let Some(known) = self.meetings.get(meeting) else {
            return BTreeSet::new();
        };
        let expected = known.expected.values().map(|kept| &kept.router);
        let ahead = known.moves.values().map(|way| &way.to);
        known
            .at
            .keys()
            .chain(expected)
            .chain(ahead)
            .cloned()
            .collect()
    }
}
