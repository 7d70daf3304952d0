//! One QUIC connection: what waits for it, what it wants, how it ends.

#[cfg(test)]
mod bursts;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use plenum_wire::Kind;
use plenum_wire::frame::close;
use plenum_wire::limits::PACKET_BYTES;
use quinn_proto::{Connection, Event as QuicEvent, SendDatagramError, VarInt};

use crate::HANDSHAKE_TIMEOUT;
use crate::estimate::Told;
use crate::media::{ConnectionId, Outbound, SendQueue, max_age};

/// Longest datagram: a packet and the longest flow id.
const DATAGRAM: usize = PACKET_BYTES + 8;
/// Bytes that encoded datagrams share. It is used again when all of them were sent.
const ARENA: usize = 256 * 1_024;
/// Bytes in QUIC's queue at most, as long as the path takes all there is: so many packets leave by
/// one system call, and more of them by one would save little.
const FLOWING: usize = 16 * DATAGRAM;
/// The same while the path takes no more: it must find something when it does.
const BLOCKED: usize = 4 * DATAGRAM;
/// A connection that brings no packet for so long is given up. Clients send one every second.
const QUIET: Duration = Duration::from_secs(8);

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not more than a handshake yet.
    Handshake { since: Instant, proven: bool },
    /// Told to the owner.
    Open,
    /// Told to the owner that it ended, if it was open; it lingers for late packets.
    Closed,
}

/// What became of a packet to send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) sent: u64,
    pub(super) dropped: u64,
}

/// Why a connection is to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) code: u32,
    pub(super) reason: String,
}

impl Ending {
    pub(super) fn new(code: u32, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { code, reason }
    }
}

pub(super) struct Peer {
    pub(super) id: ConnectionId,
    pub(super) connection: Connection,
    pub(super) stage: Stage,
    pub(super) kind: Kind,
    /// In the list of those that may have events.
    pub(super) stirred: bool,
    /// In the list of those that may have something to send.
    pub(super) ready: bool,
    heard: Instant,
    waiting: SendQueue,
    /// What QUIC's own queue has room for when nothing is in it.
    room: usize,
    /// The path takes less than there is.
    blocked: bool,
    told: Told,
}

impl Peer {
    /// A connection whose handshake begins.
    pub(super) fn new(
        id: ConnectionId,
        mut connection: Connection,
        proven: bool,
        now: Instant,
    ) -> Self {
        let room = connection.datagrams().send_buffer_space();
        Self {
            id,
            connection,
            stage: Stage::Handshake { since: now, proven },
            // Until it is known.
            kind: Kind::Video,
            stirred: false,
            ready: false,
            heard: now,
            waiting: SendQueue::new(max_age(Kind::Video)),
            room,
            blocked: false,
            told: Told::default(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    pub(super) fn carries(&mut self, kind: Kind) {
        self.kind = kind;
        self.waiting.set_max_age(max_age(kind));
    }

    pub(super) const fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Queues a packet that is here since then. It leaves at the next [`Peer::fill`] that finds
    /// room for it.
    pub(super) fn push(&mut self, outbound: Outbound, since: Instant) {
        self.waiting.push(since, outbound);
    }

    /// Hands over what QUIC has room for. Its own queue is short, and shorter while it cannot
    /// send: what waits there can neither be overtaken nor grow old.
    pub(super) fn fill(&mut self, arena: &mut BytesMut, now: Instant) -> Sent {
        let mut sent = Sent::default();
        let most = if self.blocked { BLOCKED } else { FLOWING };
        while self.in_quic() + DATAGRAM <= most
            && let Some(outbound) = self.waiting.pop(now)
        {
            if arena.capacity() - arena.len() < DATAGRAM {
                arena.reserve(ARENA);
            }
            outbound.put_datagram(arena);
            match self
                .connection
                .datagrams()
                .send(arena.split().freeze(), false)
            {
                Ok(()) => sent.sent += 1,
                Err(
                    SendDatagramError::TooLarge
                    | SendDatagramError::Blocked(_)
                    | SendDatagramError::UnsupportedByPeer
                    | SendDatagramError::Disabled,
                ) => sent.dropped += 1,
            }
        }
        sent.dropped += self.waiting.take_dropped();
        sent
    }

    /// QUIC has sent what it could.
    pub(super) fn has_sent(&mut self) {
        self.blocked = self.in_quic() > 0;
    }

    /// Bytes in QUIC's own queue, and what it needs to keep them.
    fn in_quic(&mut self) -> usize {
        let left = self.connection.datagrams().send_buffer_space();
        self.room.saturating_sub(left)
    }

    /// Why the connection should not go on, by the clock.
    pub(super) fn overdue(&self, now: Instant) -> Option<Ending> {
        match self.stage {
            Stage::Handshake { since, .. } if now >= since + HANDSHAKE_TIMEOUT => {
                Some(Ending::new(close::GENERAL, "too slow"))
            }
            Stage::Open if now >= self.heard + QUIET => {
                Some(Ending::new(close::GENERAL, "nothing was sent for 8 s"))
            }
            _ => None,
        }
    }

    /// Tells the other side.
    pub(super) fn close(&mut self, ending: &Ending, now: Instant) {
        let reason = Bytes::copy_from_slice(ending.reason.as_bytes());
        let code = VarInt::from_u32(ending.code);
        self.connection.close(now, code, reason);
        self.stage = Stage::Closed;
    }

    /// The next thing that QUIC has to tell of this connection.
    pub(super) fn poll(&mut self) -> Option<QuicEvent> {
        self.connection.poll()
    }

    /// How many bits a second the path carries, when the owner should know.
    pub(super) fn news(&mut self, now: Instant) -> Option<u64> {
        if self.stage != Stage::Open || !self.told.is_due(now) {
            return None;
        }
        let metrics = self.connection.congestion_state().metrics();
        metrics
            .pacing_rate
            .filter(|bits_per_s| self.told.is_news(*bits_per_s, now))
    }

    /// A datagram that came.
    pub(super) fn datagram(&mut self) -> Option<Bytes> {
        self.connection.datagrams().recv()
    }

    /// Whether the other side takes datagrams at all.
    pub(super) fn takes_datagrams(&mut self) -> bool {
        self.connection.datagrams().max_size().is_some()
    }
}
