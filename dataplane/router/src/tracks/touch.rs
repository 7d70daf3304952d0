//! Who has to be looked at: what happens names the receivers and tracks that it touches, and
//! when all of it has happened each is looked at once.

use std::time::Instant;

use plenum_wire::Kind;

use crate::participant::Slot;
use crate::{ConnectionId, Shard};

impl Shard {
    /// What a receiver gets of one kind may have to change. Audio has no layers.
    pub(crate) fn touch(&mut self, subscriber: Slot, kind: Kind) {
        if kind != Kind::Audio {
            self.touched.insert((subscriber, kind));
        }
    }

    /// The same of somebody who has something to choose from: a look goes over the whole meeting.
    pub(crate) fn touch_chooser(&mut self, subscriber: Slot, kind: Kind) {
        if self.participants[subscriber]
            .media(kind)
            .reception
            .is_some()
        {
            self.touch(subscriber, kind);
        }
    }

    /// Who takes a track may have changed.
    pub(crate) fn touch_track(&mut self, publisher: Slot, kind: Kind) {
        if kind != Kind::Audio {
            self.rewatched.insert((publisher, kind));
        }
    }

    /// After everything that happened.
    pub(crate) fn settle(&mut self, now: Instant) {
        while let Some((subscriber, kind)) = self.touched.pop_first() {
            self.review_reception(subscriber, kind, now);
        }
        while let Some((publisher, kind)) = self.rewatched.pop_first() {
            self.watch(publisher, kind, now);
        }
    }

    pub(crate) fn receptions_due(&mut self, now: Instant) {
        while let Some((at, (subscriber, kind))) = self.receptions.take(now) {
            let participant = self.participants.get_mut(subscriber);
            if let Some(one) = participant.and_then(|it| it.media_mut(kind).reception.as_mut())
                && one.was_armed_for(at)
            {
                self.review_reception(subscriber, kind, now);
            }
        }
    }

    /// The room on a connection is another now.
    pub(crate) fn estimated(&mut self, connection: ConnectionId, bits_per_s: u64) {
        let Some(entry) = self.connections.get_mut(&connection) else {
            return;
        };
        let kbps = u32::try_from(bits_per_s / 1_000).unwrap_or(u32::MAX);
        for flow in entry.estimated(kbps) {
            if let Some(&(slot, kind)) = self.owners.get(flow)
                && self.participants[slot].media(kind).reception.is_some()
            {
                self.touched.insert((slot, kind));
            }
        }
    }
}
