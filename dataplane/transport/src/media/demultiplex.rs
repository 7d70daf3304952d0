//! What arrives on the media port before QUIC sees it: the place where other protocols on
//! the same port are told apart (RFC 9443), and where what is none of them is counted.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use plenum_wire::Rung;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::counters::Counts;

/// No packet of QUIC is shorter: RFC 9000 section 10.3.
const SHORTEST: usize = 21;

pub(super) struct Demultiplexed {
    pub(super) socket: Arc<dyn AsyncUdpSocket>,
    pub(super) counts: Arc<Counts>,
}

/// Whether a datagram may be QUIC: RFC 9443 section 2. What is not QUIC after all is
/// discarded by QUIC itself, unseen by us.
fn may_be_quic(datagram: &[u8]) -> bool {
    datagram.len() >= SHORTEST && datagram[0] & 0x40 != 0
}

impl AsyncUdpSocket for Demultiplexed {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.socket).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = ready!(self.socket.poll_recv(cx, bufs, meta))?;
        let garbage = bufs
            .iter()
            .zip(meta.iter())
            .take(received)
            .flat_map(|(buffer, meta)| buffer[..meta.len].chunks(meta.stride.max(1)))
            .filter(|datagram| !may_be_quic(datagram))
            .count();
        if garbage > 0 {
            self.counts.of(Rung::Udp).garbage.add(garbage as u64);
        }
        Poll::Ready(Ok(received))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

impl fmt::Debug for Demultiplexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{SHORTEST, may_be_quic};

    #[test]
    fn only_the_ranges_of_rfc_9443_are_quic() {
        let datagram = |first| {
            let mut datagram = [0; SHORTEST];
            datagram[0] = first;
            datagram
        };
        for quic in [64, 127, 192, 255] {
            assert!(may_be_quic(&datagram(quic)), "{quic}");
        }
        // STUN, ZRTP, DTLS, TURN channels up to 63; RTP and RTCP.
        for other in [0, 3, 16, 20, 63, 128, 191] {
            assert!(!may_be_quic(&datagram(other)), "{other}");
        }
        assert!(!may_be_quic(&datagram(64)[..SHORTEST - 1]));
        assert!(!may_be_quic(&[]));
    }
}
