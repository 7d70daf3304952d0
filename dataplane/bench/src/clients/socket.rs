//! A UDP socket that takes many datagrams by one call, and knows when each came.
//!
//! quinn's own way of receiving does not tell the time at which the kernel had a datagram, so
//! this one asks the kernel itself; sending is quinn's.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::in6_pktinfo;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, setsockopt,
    sockopt,
};
use nix::sys::time::{TimeSpec, TimeValLike as _};
use plenum_transport::socket;
use quinn::udp::{BATCH_SIZE, EcnCodepoint, Transmit, UdpSocketState};
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

/// What the kernel knows of a datagram.
#[derive(Debug, Clone, Copy)]
pub struct Arrived {
    /// Who sent it.
    pub from: SocketAddr,
    /// When it came to the socket, in nanoseconds of Unix time.
    pub at_ns: u64,
    ecn: Option<EcnCodepoint>,
    /// Of each datagram of the piece but the last.
    length: usize,
}

impl Arrived {
    fn of(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<Self> {
        let address = message.address?;
        let from = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => SocketAddr::V4((*v4).into()),
            (None, Some(v6)) => SocketAddr::V6((*v6).into()),
            (None, None) => return None,
        };
        let mut arrived = Self {
            from,
            at_ns: 0,
            ecn: None,
            length: message.bytes,
        };
        for control in message.cmsgs().ok()? {
            match control {
                ControlMessageOwned::ScmTimestampns(time) => {
                    arrived.at_ns = u64::try_from(time.num_nanoseconds()).ok()?;
                }
                ControlMessageOwned::UdpGroSegments(length) => {
                    arrived.length = usize::try_from(length).ok()?;
                }
                ControlMessageOwned::Ipv4Tos(class) => {
                    arrived.ecn = EcnCodepoint::from_bits(class);
                }
                ControlMessageOwned::Ipv6TClass(class) => {
                    arrived.ecn = EcnCodepoint::from_bits(u8::try_from(class).ok()?);
                }
                _ => {}
            }
        }
        Some(arrived)
    }

    pub(super) fn ecn(&self) -> Option<quinn_proto::EcnCodepoint> {
        let ecn = self.ecn?;
        quinn_proto::EcnCodepoint::from_bits(ecn as u8)
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
        setsockopt(&inner, sockopt::ReceiveTimestampns, &true)?;
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

    /// One batch of what the kernel has: when and from where each piece came, and its datagrams.
    pub fn receive(&self, room: &mut Room, mut each: impl FnMut(Arrived, &[u8])) -> io::Result<()> {
        let control = nix::cmsg_space!(TimeSpec, i32, i32, in6_pktinfo);
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH_SIZE, Some(control));
        let pieces = room.0.chunks_mut(PIECE);
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            pieces.map(|piece| [IoSliceMut::new(piece)]).collect();
        let (fd, flags) = (self.inner.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let received = match recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None) {
            Ok(received) => received,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for message in received {
            let (Some(arrived), Some(piece)) = (Arrived::of(&message), message.iovs().next())
            else {
                continue;
            };
            for datagram in piece.chunks(arrived.length.max(1)) {
                each(arrived, datagram);
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
