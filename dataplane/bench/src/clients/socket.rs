//! A UDP socket that takes many datagrams by one call.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use plenum_transport::socket;
use quinn::udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, Transmit, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What one call may receive as one piece, of several datagrams from one sender.
const PIECE: usize = 64 * 1_024;

/// Where a call puts what came. One for all sockets, so that it stays in the caches.
pub struct Room(Vec<u8>);

impl Room {
    /// For any number of sockets of one thread.
    #[must_use]
    pub fn new() -> Self {
        Self(vec![0; PIECE * BATCH_SIZE])
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

/// See the [module](self).
pub struct Socket {
    inner: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    /// At this address of ours.
    pub fn at(address: SocketAddr) -> io::Result<Self> {
        let inner = socket::udp(address, false)?;
        let state = UdpSocketState::new((&inner).into())?;
        Ok(Self { inner, state })
    }

    /// On a free port, for talking to this address.
    pub fn towards(server: SocketAddr) -> io::Result<Self> {
        Self::at(if server.is_ipv4() {
            ([0, 0, 0, 0], 0).into()
        } else {
            ([0_u16; 8], 0).into()
        })
    }

    /// Where it is.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Waits so long; whether something came.
    pub fn wait(&self, at_most: Duration) -> io::Result<bool> {
        let limit = Timespec::try_from(at_most).ok();
        match poll(&mut [PollFd::new(self, PollFlags::IN)], limit.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends one datagram. What the kernel does not take is lost, as on any full link.
    pub fn send_to(&self, to: SocketAddr, datagram: &[u8]) {
        let _ = self.inner.send_to(datagram, to);
    }

    pub(super) fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    /// Datagrams that may go out by one call.
    pub(super) fn segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// One batch of what the kernel has: what it knows of each piece, and its datagrams.
    pub fn receive(
        &self,
        room: &mut Room,
        mut each: impl FnMut(&RecvMeta, &[u8]),
    ) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut pieces = room.0.chunks_mut(PIECE).map(IoSliceMut::new);
        let mut pieces: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| pieces.next().expect("there is a piece for each"));
        let count = match self
            .state
            .recv((&self.inner).into(), &mut pieces, &mut metas)
        {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        for (meta, piece) in metas.iter().zip(&pieces).take(count) {
            for datagram in piece[..meta.len].chunks(meta.stride.max(1)) {
                each(meta, datagram);
            }
        }
        Ok(())
    }

    /// What the kernel does not take is lost, as on any full link.
    pub(super) fn send(&self, transmit: &quinn_proto::Transmit, contents: &[u8]) {
        let transmit = Transmit {
            destination: transmit.destination,
            ecn: transmit
                .ecn
                .and_then(|ecn| EcnCodepoint::from_bits(ecn as u8)),
            contents: &contents[..transmit.size],
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        let _ = self.state.try_send((&self.inner).into(), &transmit);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}
