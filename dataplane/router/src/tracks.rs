//! A published track and who receives it.

use std::collections::BTreeSet;

use plenum_wire::control::Interest;
use plenum_wire::{Codec, FlowId, Kind};

use crate::ConnectionId;
use crate::participant::Slot;
use crate::repair::Repair;

/// Where the packets of a track go for one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receiver {
    pub subscriber: Slot,
    pub connection: ConnectionId,
    /// The subscriber's own flow of the track's kind.
    pub flow: FlowId,
}

/// A track. `receivers` is kept ready so that a packet costs one walk over it.
#[derive(Debug)]
pub(crate) struct Track {
    pub ssrc: u32,
    pub codec: Codec,
    pub repair: Repair,
    /// Subscribers that asked for the opposite of their [`Interest`].
    exceptions: BTreeSet<Slot>,
    receivers: Vec<Receiver>,
}

impl Track {
    pub(crate) const fn new(ssrc: u32, kind: Kind, codec: Codec) -> Self {
        Self {
            ssrc,
            codec,
            repair: Repair::new(kind),
            exceptions: BTreeSet::new(),
            receivers: Vec::new(),
        }
    }

    pub(crate) fn receivers(&self) -> &[Receiver] {
        &self.receivers
    }

    /// The subscriber asked for this track, or asked for it to stop.
    pub(crate) fn ask(&mut self, subscriber: Slot, interest: Interest, wanted: bool) {
        if wanted == (interest == Interest::All) {
            self.exceptions.remove(&subscriber);
        } else {
            self.exceptions.insert(subscriber);
        }
    }

    fn wanted(&self, subscriber: Slot, interest: Interest) -> bool {
        (interest == Interest::All) != self.exceptions.contains(&subscriber)
    }

    /// Brings one subscriber's entry up to date; `way` is its connection of this kind, if any.
    pub(crate) fn refresh(
        &mut self,
        subscriber: Slot,
        interest: Interest,
        way: Option<(ConnectionId, FlowId)>,
    ) {
        let way = way.filter(|_| self.wanted(subscriber, interest));
        let at = self
            .receivers
            .iter()
            .position(|receiver| receiver.subscriber == subscriber);
        match (at, way) {
            (Some(at), Some((connection, flow))) => {
                self.receivers[at].connection = connection;
                self.receivers[at].flow = flow;
            }
            (Some(at), None) => {
                self.receivers.swap_remove(at);
            }
            (None, Some((connection, flow))) => self.receivers.push(Receiver {
                subscriber,
                connection,
                flow,
            }),
            (None, None) => {}
        }
    }

    /// Forgets a subscriber that left.
    pub(crate) fn forget(&mut self, subscriber: Slot) {
        self.exceptions.remove(&subscriber);
        self.repair.forget(subscriber);
        self.receivers
            .retain(|receiver| receiver.subscriber != subscriber);
    }
}
