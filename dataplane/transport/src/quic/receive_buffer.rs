//! Room in the kernel for what comes in while a core is busy, and what found none.

use std::io;
use std::net::UdpSocket;

use nix::libc;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::GetStruct;
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use socket2::SockRef;

/// `SO_MEMINFO` (Linux 4.12): what a socket's memory is used for, the `SK_MEMINFO_*` of
/// `linux/sock_diag.h`.
#[derive(Debug, Clone, Copy)]
struct MemInfo;
nix::getsockopt_impl!(
    MemInfo,
    libc::SOL_SOCKET,
    libc::SO_MEMINFO,
    [u32; 9],
    GetStruct<[u32; 9]>
);
/// `SK_MEMINFO_DROPS`.
const DROPS: usize = 8;

/// The receive buffer of a socket that somebody else reads.
pub(crate) struct ReceiveBuffer {
    socket: UdpSocket,
    dropped: u32,
}

impl ReceiveBuffer {
    /// Bytes: room for twice the load that a core can take, for 300 ms; by then a router does
    /// less (see the SFU core's `overload`). A core that sends 150,000 packets/s takes in
    /// 50,000 of them in meetings of four, so 15,000 wait. One of 1,200 bytes counts as 2,304
    /// (`skb->truesize`), and the kernel doubles what it is told for such overhead (socket(7)).
    pub(crate) const WANTED: usize = 16 << 20;

    /// Makes it as large as may be: past the system's limit (`net.core.rmem_max`) where we
    /// are privileged, up to it elsewhere.
    pub(crate) fn enlarge(socket: &UdpSocket) -> io::Result<Self> {
        if set_socket_recv_buffer_size_force(socket, Self::WANTED).is_err() {
            SockRef::from(socket).set_recv_buffer_size(Self::WANTED)?;
        }
        Self::of(socket)
    }

    fn of(socket: &UdpSocket) -> io::Result<Self> {
        let socket = socket.try_clone()?;
        let mut buffer = Self { socket, dropped: 0 };
        buffer.dropped();
        Ok(buffer)
    }

    /// What it was made for, in bytes as the system's limit counts them.
    pub(crate) fn bytes(&self) -> io::Result<usize> {
        Ok(SockRef::from(&self.socket).recv_buffer_size()? / 2)
    }

    /// Packets since the last time that the kernel dropped, nearly all for want of room. None
    /// where it does not tell.
    pub(crate) fn dropped(&mut self) -> u64 {
        let Ok(info) = getsockopt(&self.socket, MemInfo) else {
            return 0;
        };
        // The counter wraps.
        let since = info[DROPS].wrapping_sub(self.dropped);
        self.dropped = info[DROPS];
        since.into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_once() {
        let reader = UdpSocket::bind("127.0.0.1:0").unwrap();
        reader.set_nonblocking(true).unwrap();
        SockRef::from(&reader)
            .set_recv_buffer_size(16 * 1_024)
            .unwrap();
        let mut buffer = ReceiveBuffer::of(&reader).unwrap();
        assert_eq!(buffer.dropped(), 0);
        let writer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = reader.local_addr().unwrap();
        let sent = 500;
        for _ in 0..sent {
            writer.send_to(&[0; 1_200], to).unwrap();
        }
        let (mut received, mut dropped) = (0, 0);
        // A busy kernel may still have some of them on its way.
        for _ in 0..10_000 {
            received += std::iter::from_fn(|| reader.recv(&mut [0; 2_000]).ok()).count() as u64;
            dropped += buffer.dropped();
            if received + dropped >= sent {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(received > 0 && dropped > 0, "{received} and {dropped}");
        assert_eq!(received + dropped, sent);
        assert_eq!(buffer.dropped(), 0);
        writer.send_to(&[0; 1_200], to).unwrap();
        assert_eq!(buffer.dropped(), 0, "there is room again");
    }

    #[test]
    fn a_larger_one_holds_more() {
        let reader = UdpSocket::bind("127.0.0.1:0").unwrap();
        let before = ReceiveBuffer::of(&reader).unwrap().bytes().unwrap();
        let after = ReceiveBuffer::enlarge(&reader).unwrap().bytes().unwrap();
        // Where we are not privileged, by as much as the system allows.
        assert!(
            after >= before && after <= ReceiveBuffer::WANTED,
            "{before} to {after}"
        );
    }
}
