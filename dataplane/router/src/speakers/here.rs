//! What a packet, a new track and a track's end do to a meeting's voices.

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_wire::Kind;
use plenum_wire::control::FromRouter;
use plenum_wire::rtp::AudioLevel;

use super::Voice;
use super::stage::{Stage, Swap};
use crate::Shard;
use crate::participant::Slot;

/// The members of a meeting in which all see a new active speaker larger at once; of a larger one
/// within a quarter of a second.
const AT_ONCE: usize = 50;

impl Shard {
    /// An audio packet of a published track came; whether it is to be forwarded.
    pub(crate) fn hear(&mut self, slot: Slot, packet: &[u8], now: Instant) -> bool {
        let voice = &mut self.participants[slot].voice;
        let first = voice.hear(AudioLevel::read(packet), now);
        if voice.review_at.is_none_or(|at| at <= now) {
            self.review(slot, first, now);
        }
        let heard = self.participants[slot].voice.heard;
        self.counters.dropped.not_among_loudest += u64::from(!heard);
        heard
    }

    /// An audio track begins.
    pub(crate) fn voice_enters(&mut self, slot: Slot) {
        let participant = &mut self.participants[slot];
        if let Some(meeting) = self.meetings.get_mut(&participant.meeting) {
            participant.voice = Voice::new(meeting.stage.enter(slot));
        }
    }

    /// A track ends; of audio somebody else may have its slot.
    pub(crate) fn voice_leaves(&mut self, slot: Slot, kind: Kind) {
        if kind != Kind::Audio {
            return;
        }
        let Some(meeting) = self.meetings.get_mut(&self.participants[slot].meeting) else {
            return;
        };
        let active = meeting.stage.active();
        let loudness = |who: Slot| self.participants[who].voice.last_loudness();
        if let Some(promoted) = meeting.stage.leave(slot, loudness) {
            self.participants[promoted].voice.heard = true;
        }
        self.turn_passed(slot, active);
    }

    /// Cameras follow the active speaker, if it is no longer who it was.
    fn turn_passed(&mut self, slot: Slot, before: Option<Slot>) {
        let meeting = &self.meetings[&self.participants[slot].meeting];
        let active = meeting.stage.active();
        if active == before {
            return;
        }
        // In a larger one their looks, which go over all of it, come by themselves, one by one.
        let small = meeting.members.len() <= AT_ONCE;
        let members = meeting.members.values().filter(|_| small);
        let members: Vec<_> = members.copied().collect();
        for camera in [before, active].into_iter().flatten() {
            self.hold(camera);
        }
        for member in members {
            self.speaker_changed(member);
        }
    }

    /// Who is heard now, for somebody new; nothing where nobody was told yet.
    pub(crate) fn introduce_speakers(&mut self, slot: Slot) {
        let newcomer = &self.participants[slot];
        let meeting = &self.meetings[&newcomer.meeting];
        if meeting.stage.told() {
            let (channel, message) = (newcomer.channel, self.speakers(&meeting.stage));
            self.say(channel, message);
        }
    }

    /// Each voice comes here once in a review's time, and the first of them does it for all.
    /// A voice's `first` packet does not wait: who came by a move is in the middle of a word.
    fn review(&mut self, slot: Slot, first: bool, now: Instant) {
        let Some(meeting) = self.meetings.get_mut(&self.participants[slot].meeting) else {
            return;
        };
        let stage = &mut meeting.stage;
        let due = stage.due(now);
        if let Err(at) = due {
            self.participants[slot].voice.review_at = Some(at);
            if !first {
                return;
            }
        }
        let active = stage.active();
        let standing = |who: Slot| (who, self.participants[who].voice.standing(now));
        let voices: BTreeMap<_, _> = stage.voices().map(standing).collect();
        for Swap { out, into } in stage.review(&voices, now) {
            self.participants[out].voice.heard = false;
            self.participants[into].voice.heard = true;
        }
        let news = due.is_ok() && stage.news();
        self.turn_passed(slot, active);
        if news {
            let name = self.participants[slot].meeting.clone();
            let message = self.speakers(&self.meetings[&name].stage);
            self.tell_everybody(&name, &message);
        }
    }

    fn speakers(&self, stage: &Stage<Slot>) -> FromRouter {
        let id = |who: Slot| self.participants[who].id.clone();
        FromRouter::Speakers {
            slots: stage.slots().map(|who| who.map(id)).collect(),
            active: stage.active().map(id),
        }
    }
}
