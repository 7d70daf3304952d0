//! What packets are sent by, whatever the rung.

use std::sync::Arc;

use plenum_wire::Kind;
use plenum_wire::limits::PACKET_BYTES;
use quinn::{Connection, SendDatagramError, VarInt};

use super::{Outbound, Outbox};
use crate::quic::SEND_BUFFER;

/// Bytes in QUIC's queue that are not worth asking how long they take.
const FEW: usize = 32 * 1_024;

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
            // Whatever it is, a second is too long.
            Self::Quic(_) => {}
            Self::Stream(outbox) => outbox.carries(kind),
        }
    }

    /// Bits a second that the path carries, once it has shown a limit. Of QUIC a copy of some kB
    /// is made for it.
    pub(crate) fn estimate(&self) -> Option<u64> {
        match self {
            Self::Quic(connection) => limit(connection),
            Self::Stream(outbox) => outbox.limit(),
        }
    }

    /// Datagrams sent and received, on rung `udp`.
    pub(crate) fn exchanged(&self) -> Option<(u64, u64)> {
        match self {
            Self::Quic(connection) => {
                let stats = connection.stats();
                Some((stats.udp_tx.datagrams, stats.udp_rx.datagrams))
            }
            Self::Stream(_) => None,
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
    let waiting = SEND_BUFFER.saturating_sub(connection.datagram_send_buffer_space());
    if waiting > FEW
        && connection.close_reason().is_none()
        && takes_too_long(waiting, limit(connection))
    {
        return Sent::Queued { dropped: 1 };
    }
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

/// Bits a second, once the path has shown a limit.
fn limit(connection: &Connection) -> Option<u64> {
    let metrics = connection.congestion_state().metrics();
    metrics.ssthresh.and(metrics.pacing_rate)
}

/// Whether what waits takes more than a second: what comes behind it would be useless, as
/// [`max_age`](super::max_age) has it for pictures.
fn takes_too_long(bytes: usize, bits_per_s: Option<u64>) -> bool {
    bits_per_s.is_some_and(|rate| bytes as u64 * 8 > rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_packets_may_wait_where_it_is_known_how_many_that_are() {
        assert!(!takes_too_long(SEND_BUFFER, None));
        assert!(!takes_too_long(100_000, Some(800_000)));
        assert!(takes_too_long(100_001, Some(800_000)));
    }
}
