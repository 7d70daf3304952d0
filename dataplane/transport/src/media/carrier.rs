//! What packets are sent by, whatever the rung.

use std::sync::Arc;

use plenum_wire::Kind;
use plenum_wire::limits::PACKET_BYTES;
use quinn::{Connection, SendDatagramError, VarInt};

use super::{Outbound, Outbox};

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
    pub(crate) fn send(&self, outbound: Outbound) -> Sent {
        if outbound.packet.is_empty() || outbound.packet.len() > PACKET_BYTES {
            return Sent::Unfit;
        }
        match self {
            Self::Quic(connection) => datagram(connection, &outbound),
            Self::Stream(outbox) if outbox.is_closed() => Sent::Closed,
            Self::Stream(outbox) => Sent::Queued {
                dropped: outbox.push(outbound),
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

    /// Bits a second that the path carries, once it has shown a limit. Of QUIC a copy of some kB
    /// is made for it.
    pub(crate) fn estimate(&self) -> Option<u64> {
        match self {
            Self::Quic(connection) => {
                let metrics = connection.congestion_state().metrics();
                metrics.ssthresh.and(metrics.pacing_rate)
            }
            Self::Stream(outbox) => outbox.limit(),
        }
    }

    /// The estimate, each time it is worth telling. QUIC's is to be asked for.
    pub(super) async fn news(&self) -> u64 {
        match self {
            Self::Quic(_) => std::future::pending().await,
            Self::Stream(outbox) => outbox.news().await,
        }
    }

    pub(crate) fn close(&self, code: u32, reason: &str) {
        match self {
            Self::Quic(connection) => connection.close(VarInt::from_u32(code), reason.as_bytes()),
            Self::Stream(outbox) => outbox.close(code, reason),
        }
    }
}

fn datagram(connection: &Connection, outbound: &Outbound) -> Sent {
    let datagram = outbound.datagram();
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
