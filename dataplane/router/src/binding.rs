//! Which media connection belongs to whom.
//!
//! A connection says whose it is by the flow ids of its packets: knowing a flow id is the
//! permission to use it. Of several connections on one flow the newest carries; older ones
//! are still listened to, so that going up a rung loses nothing, and take over again when
//! the newer one dies first.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use plenum_wire::control::FromRouter;
use plenum_wire::frame::close;
use plenum_wire::{FlowId, Flows, Kind, Rung};

use crate::limits::CONNECTIONS_PER_FLOW;
use crate::participant::{Bound, Slot};
use crate::{ConnectionId, Output, Shard};

/// Flow ids come at random from the zone, and others only ever look for them, so that one
/// multiplication spreads them and nobody can aim at a bucket.
#[derive(Debug, Default)]
pub(crate) struct FlowHasher(u64);

impl Hasher for FlowHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        // 2^64 divided by the golden ratio (Knuth, volume 3, section 6.4).
        self.0 = (self.0 ^ value)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(26);
    }
}

/// Where a connection's estimate begins, in kbit/s, whatever the path.
const BEGINS: u32 = 2_000;

/// Whose a flow is.
pub(crate) type Owners = HashMap<FlowId, (Slot, Kind), BuildHasherDefault<FlowHasher>>;

/// A media connection.
#[derive(Debug)]
pub(crate) struct Connection {
    rung: Rung,
    /// Flows bound to it: one, but nothing is wrong with several.
    flows: Vec<FlowId>,
    /// What it can carry, in kbit/s, as far as it found out.
    own: Option<u32>,
    /// What the one before it could, most likely on the same path. An estimate grows until it
    /// meets a limit: one that falls counts alone.
    before: Option<u32>,
}

impl Connection {
    /// What it can carry, in kbit/s; everything while nothing is known.
    pub(crate) fn estimate(&self) -> u32 {
        self.known().unwrap_or(u32::MAX)
    }

    fn known(&self) -> Option<u32> {
        self.own.max(self.before)
    }

    /// It can carry so much, in kbit/s. The flows that this is news for.
    pub(crate) fn estimated(&mut self, kbps: u32) -> &[FlowId] {
        if kbps < self.own.unwrap_or(BEGINS) {
            self.before = None;
        }
        self.own = Some(kbps);
        &self.flows
    }
}

impl Shard {
    pub(crate) fn media_opened(&mut self, connection: ConnectionId, rung: Rung, now: Instant) {
        let fresh = Connection {
            rung,
            flows: Vec::new(),
            own: None,
            before: None,
        };
        self.connections.insert(connection, fresh);
        self.knocks.start(connection, now);
    }

    /// A connection that never showed whose it is goes.
    pub(crate) fn knock_overdue(&mut self, connection: ConnectionId) {
        if self
            .connections
            .get(&connection)
            .is_some_and(|connection| connection.flows.is_empty())
        {
            self.close_media(connection, close::GENERAL);
        }
    }

    pub(crate) fn media_closed(&mut self, connection: ConnectionId) {
        let Some(gone) = self.connections.remove(&connection) else {
            return;
        };
        for flow in gone.flows {
            if let Some(&(slot, kind)) = self.owners.get(&flow) {
                self.unbind(slot, kind, connection);
            }
        }
    }

    pub(crate) fn close_media(&mut self, connection: ConnectionId, code: u32) {
        self.out.push_back(Output::CloseMedia { connection, code });
        self.media_closed(connection);
    }

    /// Whether somebody else than `older_self` has one of these flows.
    pub(crate) fn flows_taken(&self, flows: &Flows, older_self: Option<Slot>) -> bool {
        Kind::ALL.iter().any(|&kind| {
            self.owners
                .get(&flows.of(kind))
                .is_some_and(|(owner, _)| Some(*owner) != older_self)
        })
    }

    pub(crate) fn own_flows(&mut self, slot: Slot) {
        for kind in Kind::ALL {
            let flow = self.participants[slot].flows.of(kind);
            self.owners.insert(flow, (slot, kind));
        }
    }

    /// A participant leaves: nobody has this flow any more, and connections that carried
    /// nothing else go.
    pub(crate) fn disown_flow(&mut self, slot: Slot, kind: Kind, code: u32) {
        let flow = self.participants[slot].flows.of(kind);
        self.owners.remove(&flow);
        for bound in std::mem::take(&mut self.participants[slot].media_mut(kind).bound) {
            if let Some(connection) = self.connections.get_mut(&bound.connection) {
                connection.flows.retain(|other| *other != flow);
                if connection.flows.is_empty() {
                    self.close_media(bound.connection, code);
                }
            }
        }
    }

    /// A packet came on a connection that does not carry its flow yet, or no longer.
    /// `false` when that connection is closed.
    pub(crate) fn bind(
        &mut self,
        connection: ConnectionId,
        flow: FlowId,
        (slot, kind): (Slot, Kind),
    ) -> bool {
        let carrier = self.participants[slot].media(kind).carrier();
        let carrier = carrier.and_then(|it| self.connections.get(&it.connection));
        let before = carrier.and_then(Connection::known);
        let Some(entry) = self.connections.get_mut(&connection) else {
            return false;
        };
        if entry.flows.contains(&flow) {
            return true;
        }
        entry.flows.push(flow);
        entry.before = before;
        let rung = entry.rung;
        self.out.push_back(Output::Carries { connection, kind });
        let bound = &mut self.participants[slot].media_mut(kind).bound;
        bound.push(Bound { connection, rung });
        if bound.len() > CONNECTIONS_PER_FLOW {
            let oldest = bound[0].connection;
            self.close_media(oldest, close::NONE);
        }
        self.carrier_changed(slot, kind);
        true
    }

    fn unbind(&mut self, slot: Slot, kind: Kind, connection: ConnectionId) {
        let media = self.participants[slot].media_mut(kind);
        let before = media.carrier();
        media.bound.retain(|bound| bound.connection != connection);
        if media.carrier() != before {
            self.carrier_changed(slot, kind);
        }
    }

    /// Tells a participant which connection carries, and lets the others' tracks follow.
    fn carrier_changed(&mut self, slot: Slot, kind: Kind) {
        let participant = &self.participants[slot];
        let channel = participant.channel;
        if let Some(Bound { rung, .. }) = participant.media(kind).carrier() {
            self.say(channel, FromRouter::MediaBound { kind, rung });
        }
        let Some(meeting) = self.meetings.get(&self.participants[slot].meeting) else {
            return;
        };
        let others: Vec<_> = meeting.others(slot).collect();
        for other in others {
            self.refresh(other, kind, slot);
        }
        self.touch_chooser(slot, kind);
    }
}
