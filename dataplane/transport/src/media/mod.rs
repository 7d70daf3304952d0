//! The router's side of the three rungs, in the hands of one thread: the [`Switch`].
//!
//! | rung | on | carried by |
//! |---|---|---|
//! | `udp` | [`Config::udp`] | QUIC datagrams, ALPN `roq-14` (`roq-12` accepted) |
//! | `tcp` | [`Config::tcp`] | TLS 1.3, ALPN `plenum-media` |
//! | `tls` | the HTTPS port of somebody else | WebSockets given to [`Streams::adopt_websocket`] |
//!
//! Rung `udp` runs without an async runtime: on the thread of the switch, and with several cores
//! on one more thread for each. The other two are tasks on a runtime, which feed the switch.
//!
//! Guarantees: [`Switch::send`] never waits; events of one connection come in order, `Opened`
//! first and `Closed` last, and those two are never lost; when the reader of the events is too
//! slow, or one core for another, packets are dropped and counted, and no connection waits for
//! another. Bytes that are no media close their own connection and are counted. A connection
//! that carries no packet for 8 s (at most 12) is closed.
//!
//! Flow ids are not understood here: whoever reads the events decides what they may do.

mod busy;
mod carrier;
mod connection;
mod core;
pub(crate) mod counters;
mod helper;
mod identifier;
mod kinds;
mod limit;
mod outbound;
mod outbox;
mod passage;
mod pin;
mod queue;
mod reader;
mod strain;
mod streams;
mod switch;
mod tcp;
mod turns;
mod waker;

use std::net::SocketAddr;
use std::num::NonZeroU8;

use axum::extract::ws::WebSocketUpgrade;
use bytes::Bytes;
use plenum_wire::limits::PACKET_BYTES;
use plenum_wire::{FlowId, Rung};

use crate::rate::Rate;
use crate::tls::Identity;
use crate::websocket::{self, Bounds};

pub(crate) use carrier::{Carrier, Sent};
pub use counters::{Counters, RungCounters};
pub use identifier::ConnectionId;
pub(crate) use identifier::Owner;
pub use outbound::Outbound;
pub(crate) use outbox::Outbox;
pub use queue::{QUEUE_PACKETS, SendQueue, max_age};
pub(crate) use reader::{End, Reader};
pub use strain::Strain;
pub use streams::Streams;
pub use switch::Switch;
pub use waker::Waker;

/// Media connections open on one rung at a time; more are turned away.
pub const MAX_CONNECTIONS: usize = 16_384;
/// Connections that one address opens on one rung. A controller lets 2,000 people of one
/// address in at once and 200 a second, each with three connections. Those that never show
/// whose they are go after 5 s, so that one address holds at most 9,000 of them.
pub(crate) const ACCEPTS: Rate = Rate {
    burst: 6_000,
    per_second: 600,
};
/// Events that may wait to be read: 50 ms at 150,000 packets/s, 12 MB of the longest packets.
pub const EVENTS: usize = 8_192;

/// Of rung `tls`: a message is a packet and the longest flow id at most, and some of them are read
/// at once.
pub(crate) const WEBSOCKET: Bounds = Bounds {
    message: PACKET_BYTES + 8,
    buffer: 8 * 1_024,
};

/// What happened on the media connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A peer finished its handshake. Who it is, its packets will say.
    Opened {
        /// The new connection.
        connection: ConnectionId,
        /// What it runs over.
        rung: Rung,
        /// Where it comes from.
        peer: SocketAddr,
    },
    /// A packet came.
    Packet {
        /// Over this connection.
        connection: ConnectionId,
        /// With this flow id.
        flow: FlowId,
        /// RTP or RTCP, unread.
        packet: Bytes,
    },
    /// What the path to the peer carries was found to be this: first when the connection
    /// opens, or on rungs `tcp` and `tls` when something was sent; then when it changes by more
    /// than 5 %, at most every 100 ms.
    Estimate {
        /// Of this connection.
        connection: ConnectionId,
        /// What it may be sent, all of it together.
        bits_per_s: u64,
    },
    /// The connection is gone, whoever ended it.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
}

/// Where a [`Switch`] listens and who it is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of rung `udp`. Port 0 here and in `tcp` means one free port for both.
    pub udp: SocketAddr,
    /// Address of rung `tcp`.
    pub tcp: SocketAddr,
    /// What clients pin.
    pub identity: Identity,
    /// Threads that rung `udp` is spread over, the deciding one included.
    pub cores: NonZeroU8,
}

/// Sets the size limits of a WebSocket that is about to be given to
/// [`Streams::adopt_websocket`].
pub fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    websocket::bounded(upgrade, WEBSOCKET)
}
