//! What packets are sent by, whatever the rung.

use std::sync::Arc;

use bytes::Bytes;
use plenum_wire::limits::PACKET_BYTES;
use plenum_wire::{FlowId, Kind, frame};
use quinn::{Connection, SendDatagramError, VarInt};

use super::Outbox;

#[derive(Debug, Clone)]
pub(crate) enum Carrier {
    Quic(Connection),
    Stream(Arc<Outbox>),
}

/// What became of a packet to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It goes out, if it is not dropped later; so many before it were dropped for it.
    Queued { dropped: u64 },
    /// It cannot be sent on this path.
    Unfit,
    /// The connection is closed.
    Closed,
}

impl Carrier {
    pub(crate) fn send(&self, flow: FlowId, packet: &Bytes) -> Sent {
        if packet.is_empty() || packet.len() > PACKET_BYTES {
            return Sent::Unfit;
        }
        match self {
            Self::Quic(connection) => datagram(connection, flow, packet),
            Self::Stream(outbox) if outbox.is_closed() => Sent::Closed,
            Self::Stream(outbox) => Sent::Queued {
                dropped: outbox.push(flow, packet.clone()),
            },
        }
    }

    /// Says what is carried, which tells how old it may get.
    pub(crate) fn carries(&self, kind: Kind) {
        match self {
            // QUIC bounds its queue in bytes only.
            Self::Quic(_) => {}
            Self::Stream(outbox) => outbox.carries(kind),
        }
    }

    pub(crate) fn close(&self, code: u32, reason: &str) {
        match self {
            Self::Quic(connection) => connection.close(VarInt::from_u32(code), reason.as_bytes()),
            Self::Stream(outbox) => outbox.close(code, reason),
        }
    }
}

fn datagram(connection: &Connection, flow: FlowId, packet: &[u8]) -> Sent {
    let datagram = frame::encode_datagram(flow, packet);
    // quinn makes room by dropping its oldest without saying so.
    let full = connection.datagram_send_buffer_space() < datagram.len();
    match connection.send_datagram(datagram) {
        Ok(()) => Sent::Queued {
            dropped: u64::from(full),
        },
        Err(SendDatagramError::ConnectionLost(_)) => Sent::Closed,
        Err(
            SendDatagramError::TooLarge
            | SendDatagramError::UnsupportedByPeer
            | SendDatagramError::Disabled,
        ) => Sent::Unfit,
    }
}
