//! The UDP socket: many datagrams in one call, many to one destination in another.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};
use quinn::udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use quinn_proto::EcnCodepoint;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Segments sent by one call: 46 kB of full packets. The kernel takes 64 of them, and 64 kB.
const SEGMENTS: usize = 32;
/// What one call may receive as one piece, of several datagrams from one sender.
const PIECE: usize = 64 * 1_024;
/// How long to wait for room in the socket's buffer. The network is the bottleneck then, and
/// what does not go out by now is lost like any packet on a full link.
const ROOM_WITHIN: Duration = Duration::from_millis(5);

/// What came, maybe several datagrams of one sender.
pub(super) struct Received<'a> {
    pub(super) from: SocketAddr,
    /// The address of ours that it was sent to.
    pub(super) to: Option<IpAddr>,
    pub(super) ecn: Option<EcnCodepoint>,
    pub(super) datagrams: std::slice::Chunks<'a, u8>,
}

/// What goes out, to one destination.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) from: Option<IpAddr>,
    /// The octet with DSCP (RFC 2474) and ECN (RFC 3168).
    pub(crate) traffic_class: u8,
    pub(crate) contents: &'a [u8],
    /// Length of each datagram but the last; `None`: it is one.
    pub(crate) segment: Option<usize>,
}

impl<'a> Outgoing<'a> {
    /// One datagram, sent in the same way.
    pub(crate) const fn single(&self, contents: &'a [u8]) -> Self {
        Self {
            contents,
            segment: None,
            ..*self
        }
    }
}

pub(super) struct Socket {
    inner: UdpSocket,
    state: UdpSocketState,
    buffer: Vec<u8>,
    segments: usize,
}

impl Socket {
    /// `inner` does not block.
    pub(super) fn new(inner: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&inner).into())?;
        let segments = state.max_gso_segments().min(SEGMENTS);
        Ok(Self {
            inner,
            state,
            buffer: vec![0; PIECE * BATCH_SIZE],
            segments,
        })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    pub(super) fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    /// Datagrams that may go out by one call.
    pub(super) const fn segments(&self) -> usize {
        self.segments
    }

    /// One batch of what the kernel has; whether there was any.
    pub(super) fn receive(&mut self, mut each: impl FnMut(Received<'_>)) -> io::Result<bool> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut pieces = self.buffer.chunks_mut(PIECE).map(IoSliceMut::new);
        let mut pieces: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| pieces.next().expect("the buffer has a piece for each"));
        let received = self
            .state
            .recv((&self.inner).into(), &mut pieces, &mut metas);
        let count = match received {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // An ICMP error about something sent before: nothing to do with what comes in.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(true),
            Err(error) => return Err(error),
        };
        for (meta, piece) in metas.iter().zip(&pieces).take(count) {
            each(Received {
                from: meta.addr,
                to: meta.dst_ip,
                ecn: meta.ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8)),
                datagrams: piece[..meta.len].chunks(meta.stride.max(1)),
            });
        }
        Ok(true)
    }

    /// Sends, or fails as the network may: QUIC finds out and does what is to be done.
    pub(super) fn send(&mut self, outgoing: &Outgoing<'_>) {
        match self.try_send(outgoing) {
            // The interface cannot split for us after all: from now on each goes by itself.
            Err(Errno::EIO | Errno::EINVAL) if outgoing.segment.is_some() => {
                self.segments = 1;
                let segment = outgoing.segment.unwrap_or(outgoing.contents.len());
                for datagram in outgoing.contents.chunks(segment) {
                    let _ = self.try_send(&outgoing.single(datagram));
                }
            }
            // Too long for the path is what probing for its MTU finds out.
            Ok(()) | Err(Errno::EMSGSIZE) => {}
            Err(error) => tracing::debug!(to = %outgoing.to, %error, "UDP send"),
        }
    }

    fn try_send(&self, outgoing: &Outgoing<'_>) -> Result<(), Errno> {
        match send(self.inner.as_raw_fd(), outgoing) {
            Err(Errno::EAGAIN) => {
                self.wait_for_room();
                send(self.inner.as_raw_fd(), outgoing)
            }
            result => result,
        }
    }

    fn wait_for_room(&self) {
        let limit = Timespec::try_from(ROOM_WITHIN).ok();
        // Whatever it says, the next try tells.
        let _ = poll(
            &mut [PollFd::new(&self.inner, PollFlags::OUT)],
            limit.as_ref(),
        );
    }
}

/// Sends by one call, which does not wait.
pub(crate) fn send(socket: RawFd, outgoing: &Outgoing<'_>) -> Result<(), Errno> {
    let to = SockaddrStorage::from(outgoing.to);
    let is_ipv4 = outgoing.to.ip().to_canonical().is_ipv4();
    let class = i32::from(outgoing.traffic_class);
    let segment = outgoing
        .segment
        .and_then(|segment| u16::try_from(segment).ok());
    let source = outgoing.from.map(Source::new);
    let mut control = [const { None }; 3];
    control[0] = segment.as_ref().map(ControlMessage::UdpGsoSegments);
    control[1] = Some(if is_ipv4 {
        ControlMessage::Ipv4Tos(&outgoing.traffic_class)
    } else {
        ControlMessage::Ipv6TClass(&class)
    });
    control[2] = source.as_ref().map(Source::message);
    let mut some = [ControlMessage::Ipv4Tos(&outgoing.traffic_class); 3];
    let mut count = 0;
    for message in control.into_iter().flatten() {
        some[count] = message;
        count += 1;
    }
    let slices = [IoSlice::new(outgoing.contents)];
    let flags = MsgFlags::MSG_DONTWAIT;
    sendmsg(socket, &slices, &some[..count], flags, Some(&to)).map(drop)
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// The address that a datagram is to be sent from, on a host that has several.
enum Source {
    V4(in_pktinfo),
    V6(in6_pktinfo),
}

impl Source {
    fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr {
                    s_addr: u32::from_ne_bytes(address.octets()),
                },
                ipi_addr: in_addr { s_addr: 0 },
            }),
            IpAddr::V6(address) => Self::V6(in6_pktinfo {
                ipi6_ifindex: 0,
                ipi6_addr: in6_addr {
                    s6_addr: address.octets(),
                },
            }),
        }
    }

    const fn message(&self) -> ControlMessage<'_> {
        match self {
            Self::V4(source) => ControlMessage::Ipv4PacketInfo(source),
            Self::V6(source) => ControlMessage::Ipv6PacketInfo(source),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;
    use nix::sys::socket::{ControlMessageOwned, recvmsg, setsockopt, sockopt};

    const EXPEDITED: u8 = 46 << 2;

    fn receiver(address: &str) -> UdpSocket {
        let receiver = UdpSocket::bind(address).unwrap();
        receiver
            .set_read_timeout(Some(Duration::from_mins(2)))
            .unwrap();
        receiver
    }

    fn sender(address: &str) -> Socket {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        Socket::new(socket).unwrap()
    }

    /// A datagram and the traffic class that it came with.
    fn receive(receiver: &UdpSocket) -> (Vec<u8>, u8) {
        let mut buffer = [0; 2_000];
        let mut space = nix::cmsg_space!(i32);
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let (fd, flags) = (receiver.as_raw_fd(), MsgFlags::empty());
        let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut space), flags).unwrap();
        let class = message.cmsgs().unwrap().find_map(|control| match control {
            ControlMessageOwned::Ipv4Tos(class) => Some(class),
            ControlMessageOwned::Ipv6TClass(class) => u8::try_from(class).ok(),
            _ => None,
        });
        let length = message.bytes;
        (buffer[..length].to_vec(), class.unwrap())
    }

    fn three_datagrams_arrive_marked(address: &str) {
        let receiver = receiver(address);
        if address.contains('[') {
            setsockopt(&receiver, sockopt::Ipv6RecvTClass, &true).unwrap();
        } else {
            setsockopt(&receiver, sockopt::IpRecvTos, &true).unwrap();
        }
        let contents: Vec<u8> = (0..2_500_u32).map(|byte| byte.to_be_bytes()[3]).collect();
        sender(address).send(&Outgoing {
            to: receiver.local_addr().unwrap(),
            from: None,
            traffic_class: EXPEDITED,
            contents: &contents,
            segment: Some(1_000),
        });
        for expected in contents.chunks(1_000) {
            assert_eq!(receive(&receiver), (expected.to_vec(), EXPEDITED));
        }
    }

    #[test]
    fn one_call_sends_several_datagrams_and_marks_each() {
        three_datagrams_arrive_marked("127.0.0.1:0");
    }

    #[test]
    fn ipv6_is_marked_too() {
        // Not every machine has it.
        if UdpSocket::bind("[::1]:0").is_ok() {
            three_datagrams_arrive_marked("[::1]:0");
        }
    }

    #[test]
    fn an_answer_comes_from_the_address_that_was_asked() {
        let receiver = receiver("127.0.0.1:0");
        sender("0.0.0.0:0").send(&Outgoing {
            to: receiver.local_addr().unwrap(),
            from: Some([127, 0, 0, 7].into()),
            traffic_class: 0,
            contents: b"from the seventh",
            segment: None,
        });
        let (_, from) = receiver.recv_from(&mut [0; 100]).unwrap();
        assert_eq!(from.ip(), IpAddr::from([127, 0, 0, 7]));
    }
}
