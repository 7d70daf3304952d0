//! The socket options that media needs.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_recv_buffer_size_force, set_socket_send_buffer_size_force};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// A router's bursts in bytes: 3,000 packets, 20 ms at 150,000 packets/s.
const UDP_BUFFER: usize = 4 << 20;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;
/// Bytes that the kernel takes ahead of what it has sent. What waits in the kernel cannot be
/// dropped when it gets old, so it is little: 40 ms at 3 Mbit/s.
const UNSENT: u32 = 16 * 1_024;
/// How long sent bytes may stay unacknowledged before the connection is given up.
const USER_TIMEOUT: Duration = Duration::from_secs(8);
/// The same where there are other ways to go on by. A spike of the delay is over by then, even one
/// of a second in which a packet was lost besides.
const LIVE_TIMEOUT: Duration = Duration::from_millis(2_500);

/// A UDP socket with large buffers. An unspecified IPv6 address also takes IPv4. If `shared`,
/// others of this process may be bound to the same address; the kernel spreads what comes.
pub fn udp(address: SocketAddr, shared: bool) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    dual_stack(&socket, address)?;
    enlarge(&socket)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// What `open` makes at `address`. `[::]` is both families, and IPv4 alone on a machine that has no
/// IPv6, so that a server is told the same everywhere.
pub fn wherever<T>(
    address: SocketAddr,
    open: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let no_ipv6 = |error: &io::Error| Errno::from_io_error(error) == Some(Errno::AFNOSUPPORT);
    match open(address) {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && no_ipv6(&error) => {
            open((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        opened => opened,
    }
}

/// A listener whose port can be taken again right after a restart, of both families at `[::]`:
/// see [`wherever`].
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    wherever(address, listen_at)
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    dual_stack(&socket, address)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// When a connection that is silent is asked whether it is still there, which also keeps its
/// place in the tables of firewalls, and how often.
const SILENT: Duration = Duration::from_secs(20);

/// Makes a TCP connection fit for live media: nothing waits to be coalesced, little waits
/// in the kernel, and a dead peer is noticed: after 8 s, or 28 s if nothing is sent to it.
pub fn tune(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENT).with_interval(SILENT))?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_notsent_lowat(UNSENT)?;
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    }
    Ok(())
}

/// Gives a TCP connection up when what was sent is not acknowledged for 2.5 s: for media that goes
/// straight to the router, where there are other ways to take. Who sends at least once a second so
/// notices a dead path in about 3 s.
pub fn give_up_early(stream: &TcpStream) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    SockRef::from(stream).set_tcp_user_timeout(Some(LIVE_TIMEOUT))?;
    Ok(())
}

fn dual_stack(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V6(address) => socket.set_only_v6(!address.ip().is_unspecified()),
        SocketAddr::V4(_) => Ok(()),
    }
}

/// Past the system's limit (`net.core.rmem_max`) where we are privileged, up to it elsewhere.
fn enlarge(socket: &Socket) -> io::Result<()> {
    if set_socket_recv_buffer_size_force(socket, UDP_BUFFER).is_err() {
        socket.set_recv_buffer_size(UDP_BUFFER)?;
    }
    if set_socket_send_buffer_size_force(socket, UDP_BUFFER).is_err() {
        socket.set_send_buffer_size(UDP_BUFFER)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn clients_of_both_families_are_served_at_one_address() {
        let listener = listen("[::]:0".parse().unwrap()).unwrap();
        let bound = listener.local_addr().unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, bound.port())).unwrap();
        if bound.is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, bound.port())).unwrap();
        }
    }

    #[test]
    fn a_machine_without_ipv6_serves_the_other_family() {
        let without = |address: SocketAddr| match address {
            SocketAddr::V6(_) => Err(Errno::AFNOSUPPORT.into()),
            SocketAddr::V4(address) => Ok(address.to_string()),
        };
        let both = "[::]:8443".parse().unwrap();
        assert_eq!(wherever(both, without).unwrap(), "0.0.0.0:8443");
        let one = "[::1]:8443".parse().unwrap();
        assert!(wherever(one, without).is_err(), "it was asked for by name");
    }

    #[test]
    fn a_port_that_is_taken_is_not_half_taken() {
        let taken = |address: SocketAddr| match address {
            SocketAddr::V6(_) => Err(io::Error::from(io::ErrorKind::AddrInUse)),
            SocketAddr::V4(_) => Ok(()),
        };
        let refused = wherever("[::]:8443".parse().unwrap(), taken).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }
}
