//! A router as the contract has it: the last authority on its own room, and the one who
//! moves its participants.

use std::collections::BTreeMap;

use plenum_wire::link::{Load, MeetingLoad};
use plenum_wire::{MeetingId, ParticipantId, RouterId};

#[derive(Default)]
pub struct Router {
    pub boot: u64,
    pub alive: bool,
    pub capacity: u32,
    pub draining: bool,
    pub meetings: BTreeMap<MeetingId, Hosted>,
    /// Its link to each replica.
    pub links: [Option<Uplink>; 2],
}

/// One connection of a participant to a router.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Leg(pub u64);

#[derive(Default)]
pub struct Hosted {
    /// Who is here, and over which leg: whoever comes back has a new one, and the end of the
    /// old one, which may come later, is no longer theirs.
    pub people: BTreeMap<ParticipantId, Leg>,
    pub moving: Option<Moving>,
}

pub struct Moving {
    pub to: RouterId,
    /// Tells one move of a meeting from the next.
    pub number: u64,
}

/// What a replica has been told.
pub struct Uplink {
    pub link: u64,
    pub said: BTreeMap<MeetingId, MeetingLoad>,
    pub last: Option<(Load, u64)>,
}

impl Router {
    pub fn participants(&self) -> u32 {
        let count: usize = self
            .meetings
            .values()
            .map(|hosted| hosted.people.len())
            .sum();
        u32::try_from(count).expect("a simulation is small")
    }

    pub fn load(&self) -> Load {
        Load {
            participants: self.participants(),
            capacity: self.capacity,
            accepting: true,
            draining: self.draining,
        }
    }

    /// Whether all its seats are taken.
    pub fn is_full(&self) -> bool {
        self.participants() >= self.capacity
    }

    /// Whether it lets somebody in.
    pub fn admits(&self, meeting: &MeetingId) -> bool {
        let hosted = self.meetings.get(meeting);
        let moves = hosted.is_some_and(|it| it.moving.is_some());
        let closed = self.draining && hosted.is_none();
        self.alive && !closed && !moves && !self.is_full()
    }

    pub fn enter(&mut self, meeting: &MeetingId, who: ParticipantId, leg: Leg) {
        self.meetings
            .entry(meeting.clone())
            .or_default()
            .people
            .insert(who, leg);
    }

    /// A leg ends.
    pub fn ends(&mut self, meeting: &MeetingId, who: &ParticipantId, leg: Leg) {
        let hosted = self.meetings.get(meeting);
        if hosted.is_some_and(|it| it.people.get(who) == Some(&leg)) {
            self.leave(meeting, who);
        }
    }

    pub fn leave(&mut self, meeting: &MeetingId, who: &ParticipantId) {
        if let Some(hosted) = self.meetings.get_mut(meeting) {
            hosted.people.remove(who);
            if hosted.people.is_empty() {
                self.meetings.remove(meeting);
            }
        }
    }

    /// The report that is due on a link at `now`, in milliseconds: on a change, and every
    /// 500 ms.
    pub fn report(
        &mut self,
        replica: usize,
        now: u64,
    ) -> Option<(Load, Vec<MeetingLoad>, Vec<MeetingId>)> {
        let load = self.load();
        let all: BTreeMap<MeetingId, MeetingLoad> = self
            .meetings
            .iter()
            .map(|(meeting, hosted)| {
                let load = MeetingLoad {
                    meeting: meeting.clone(),
                    participants: u32::try_from(hosted.people.len()).expect("small"),
                    moving_to: hosted.moving.as_ref().map(|moving| moving.to.clone()),
                };
                (meeting.clone(), load)
            })
            .collect();
        let uplink = self.links[replica].as_mut()?;
        let quiet = uplink.said == all
            && uplink
                .last
                .is_some_and(|(said, at)| said == load && now < at + 500);
        if quiet {
            return None;
        }
        let changed = all
            .iter()
            .filter(|(meeting, it)| uplink.said.get(meeting) != Some(it));
        let changed = changed.map(|(_, it)| it.clone()).collect();
        let ended = uplink
            .said
            .keys()
            .filter(|meeting| !all.contains_key(meeting));
        let ended = ended.cloned().collect();
        uplink.said = all;
        uplink.last = Some((load, now));
        Some((load, changed, ended))
    }
}
