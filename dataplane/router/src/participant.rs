//! One participant: its channel, its media, its tracks.

use std::ops::{Index, IndexMut};

use plenum_wire::control::{Interest, Present};
use plenum_wire::{DisplayName, FlowId, Flows, Kind, MeetingId, ParticipantId, Rung};

use crate::speakers::Voice;
use crate::tracks::{Reception, Track, Wants};
use crate::{ChannelId, ConnectionId, control};

/// Where a participant is kept. Used again after it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(usize);

/// A connection that a flow is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub connection: ConnectionId,
    pub rung: Rung,
}

/// One kind of a participant's media.
#[derive(Debug, Default)]
pub(crate) struct Media {
    /// The newest last; it carries.
    pub bound: Vec<Bound>,
    pub track: Option<Track>,
    /// What the participant receives of this kind, where some of it has layers.
    pub reception: Option<Box<Reception>>,
}

impl Media {
    pub(crate) fn carrier(&self) -> Option<Bound> {
        self.bound.last().copied()
    }
}

#[derive(Debug)]
pub(crate) struct Participant {
    pub id: ParticipantId,
    pub name: Option<DisplayName>,
    pub meeting: MeetingId,
    pub channel: ChannelId,
    pub flows: Flows,
    /// When the zone admitted it first, Unix time in seconds; its next ticket says so too.
    pub admitted: u64,
    /// From its ticket too: what the end of its meeting is compared with.
    pub vouched: u64,
    pub interest: Interest,
    /// How loud its audio track is.
    pub voice: Voice,
    /// How large it shows what it receives.
    pub wants: Wants,
    media: [Media; 3],
}

impl Participant {
    pub(crate) fn new(hello: control::Admitted, channel: ChannelId) -> Self {
        Self {
            id: hello.claims.participant,
            name: hello.name,
            meeting: hello.claims.meeting,
            channel,
            flows: hello.claims.flows,
            admitted: hello.claims.admitted,
            vouched: hello.claims.vouched,
            interest: hello.interest,
            voice: Voice::default(),
            wants: Wants::default(),
            media: Default::default(),
        }
    }

    pub(crate) const fn media(&self, kind: Kind) -> &Media {
        &self.media[kind as usize]
    }

    pub(crate) const fn media_mut(&mut self, kind: Kind) -> &mut Media {
        &mut self.media[kind as usize]
    }

    pub(crate) fn track_mut(&mut self, kind: Kind) -> Option<&mut Track> {
        self.media_mut(kind).track.as_mut()
    }

    /// Where media of this kind reaches the participant.
    pub(crate) fn way(&self, kind: Kind) -> Option<(ConnectionId, FlowId)> {
        let carrier = self.media(kind).carrier()?;
        Some((carrier.connection, self.flows.of(kind)))
    }

    pub(crate) fn present(&self) -> Present {
        Present {
            participant: self.id.clone(),
            name: self.name.clone(),
        }
    }

    pub(crate) fn tracks(&self) -> impl Iterator<Item = plenum_wire::control::Track> + '_ {
        Kind::ALL.into_iter().filter_map(|kind| {
            let track = self.media(kind).track.as_ref()?;
            Some(plenum_wire::control::Track {
                participant: self.id.clone(),
                kind,
                ssrc: track.ssrc,
                codec: track.publication.codec.clone(),
                layers: track.publication.layers.clone(),
            })
        })
    }
}

/// Everybody on the router.
#[derive(Debug, Default)]
pub(crate) struct Participants {
    slots: Vec<Option<Participant>>,
    free: Vec<Slot>,
}

impl Participants {
    pub(crate) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Who is in a slot, if anybody.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Participant> {
        self.slots.get_mut(slot.0)?.as_mut()
    }

    /// Everybody's slot.
    pub(crate) fn all(&self) -> Vec<Slot> {
        let used = self.slots.iter().enumerate().filter(|(_, it)| it.is_some());
        used.map(|(at, _)| Slot(at)).collect()
    }

    pub(crate) fn insert(&mut self, participant: Participant) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.slots[slot.0] = Some(participant);
            return slot;
        }
        self.slots.push(Some(participant));
        Slot(self.slots.len() - 1)
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Participant {
        self.free.push(slot);
        self.slots[slot.0].take().expect("the slot is in use")
    }
}

impl Index<Slot> for Participants {
    type Output = Participant;
    fn index(&self, slot: Slot) -> &Participant {
        self.slots[slot.0].as_ref().expect("the slot is in use")
    }
}

impl IndexMut<Slot> for Participants {
    fn index_mut(&mut self, slot: Slot) -> &mut Participant {
        self.slots[slot.0].as_mut().expect("the slot is in use")
    }
}
