//! A client's UDP sockets: one for each kind of media and address family, because what leaves a
//! socket is marked as one kind.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use plenum_wire::Kind;
use quinn::udp::{RecvMeta, Transmit, UdpSocketState};
use quinn::{AsyncUdpSocket, Endpoint, TokioRuntime, UdpPoller};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::quic::{self, Outgoing};
use crate::{marking, socket};

/// The endpoints of one address family.
#[derive(Debug)]
struct Endpoints {
    ip: IpAddr,
    audio: Endpoint,
    video: Endpoint,
    content: Endpoint,
}

/// All of a client's UDP sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    v4: Endpoints,
    /// Not there on machines without IPv6.
    v6: Option<Endpoints>,
}

impl Sockets {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            v4: Endpoints::open(Ipv4Addr::UNSPECIFIED.into())?,
            v6: Endpoints::open(Ipv6Addr::UNSPECIFIED.into()).ok(),
        })
    }

    /// What reaches this address.
    pub(super) fn toward(&self, address: SocketAddr, kind: Kind) -> Option<&Endpoint> {
        let endpoints = match address {
            SocketAddr::V4(_) => Some(&self.v4),
            SocketAddr::V6(_) => self.v6.as_ref(),
        };
        endpoints.map(|endpoints| endpoints.of(kind))
    }

    /// Takes new ports: connections go on from there (RFC 9000 section 9) and say so at once.
    pub(super) fn rebind(&self) -> io::Result<()> {
        for endpoints in [Some(&self.v4), self.v6.as_ref()].into_iter().flatten() {
            for kind in Kind::ALL {
                let socket = Socket::bind(endpoints.ip, kind)?;
                endpoints.of(kind).rebind_abstract(Arc::new(socket))?;
            }
        }
        Ok(())
    }
}

impl Endpoints {
    fn open(ip: IpAddr) -> io::Result<Self> {
        let open = |kind| {
            let socket = Arc::new(Socket::bind(ip, kind)?);
            let (config, runtime) = (quic::endpoint_config(), Arc::new(TokioRuntime));
            Endpoint::new_with_abstract_socket(config, None, socket, runtime)
        };
        Ok(Self {
            ip,
            audio: open(Kind::Audio)?,
            video: open(Kind::Video)?,
            content: open(Kind::Content)?,
        })
    }

    const fn of(&self, kind: Kind) -> &Endpoint {
        match kind {
            Kind::Audio => &self.audio,
            Kind::Video => &self.video,
            Kind::Content => &self.content,
        }
    }
}

/// A socket as quinn wants it. quinn's own writes ECN and nothing else into the octet that both
/// share, and so clears the mark that a socket option sets.
#[derive(Debug)]
struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    class: u8,
    /// Datagrams that may go out by one call.
    segments: AtomicUsize,
}

impl Socket {
    fn bind(ip: IpAddr, kind: Kind) -> io::Result<Self> {
        let socket = socket::udp(SocketAddr::new(ip, 0), false)?;
        let state = UdpSocketState::new((&socket).into())?;
        Ok(Self {
            segments: AtomicUsize::new(state.max_gso_segments()),
            state,
            io: UdpSocket::from_std(socket)?,
            class: marking::traffic_class(kind),
        })
    }

    fn send(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        match quic::send(self.io.as_raw_fd(), outgoing) {
            // The interface cannot split for us after all: from now on each goes by itself.
            Err(Errno::EIO | Errno::EINVAL) if outgoing.segment.is_some() => {
                self.segments.store(1, Ordering::Relaxed);
                let segment = outgoing.segment.unwrap_or(outgoing.contents.len());
                for contents in outgoing.contents.chunks(segment) {
                    // Whatever does not get out is lost like any packet.
                    let _ = quic::send(self.io.as_raw_fd(), &outgoing.single(contents));
                }
                Ok(())
            }
            Err(Errno::EAGAIN) => Err(io::ErrorKind::WouldBlock.into()),
            // Too long for the path is what probing for its MTU finds out.
            Ok(()) | Err(Errno::EMSGSIZE) => Ok(()),
            Err(error) => {
                tracing::debug!(to = %outgoing.to, %error, "UDP send");
                Ok(())
            }
        }
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller {
            socket: self,
            writable: None,
        })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let outgoing = Outgoing {
            to: transmit.destination,
            from: transmit.src_ip,
            traffic_class: self.class | transmit.ecn.map_or(0, |ecn| ecn as u8),
            contents: transmit.contents,
            segment: transmit.segment_size,
        };
        self.io.try_io(Interest::WRITABLE, || self.send(&outgoing))
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.io.poll_recv_ready(context))?;
            let receive = || self.state.recv((&self.io).into(), buffers, metas);
            // Errors are about what was sent before.
            if let Ok(received) = self.io.try_io(Interest::READABLE, receive) {
                return Poll::Ready(Ok(received));
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.segments.load(Ordering::Relaxed)
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }
}

type Writable = Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>;

/// One connection that waits for room in the socket.
struct Poller {
    socket: Arc<Socket>,
    writable: Option<Writable>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}

impl UdpPoller for Poller {
    fn poll_writable(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = Arc::clone(&self.socket);
        let writable = self
            .writable
            .get_or_insert_with(|| Box::pin(async move { socket.io.writable().await }));
        let outcome = ready!(writable.as_mut().poll(context));
        self.writable = None;
        Poll::Ready(outcome)
    }
}
