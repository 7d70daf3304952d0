//! How the network is told what matters: DSCP (RFC 2474), with the values of RFC 8837.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use plenum_wire::Kind;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The traffic class of packets that carry such media, without the two bits of ECN. RFC 8837
/// section 5: audio EF, cameras AF42; a shared screen may come a little later, AF31.
pub(crate) const fn traffic_class(kind: Kind) -> u8 {
    let dscp = match kind {
        Kind::Audio => 46,
        Kind::Video => 36,
        Kind::Content => 26,
    };
    dscp << 2
}

/// Says what a connection over TCP carries, wherever it is by now. Clones speak of the same one.
#[derive(Debug, Clone, Default)]
pub struct Marker(Arc<AtomicU8>);

impl Marker {
    /// What is sent from now on is marked as this.
    pub(crate) fn carries(&self, kind: Kind) {
        self.0.store(traffic_class(kind), Ordering::Relaxed);
    }
}

/// A connection over TCP that is marked as its [`Marker`] says.
#[derive(Debug)]
pub(crate) struct Marked {
    stream: TcpStream,
    marker: Marker,
    /// As it is marked now.
    class: u8,
}

impl From<TcpStream> for Marked {
    fn from(stream: TcpStream) -> Self {
        Self {
            stream,
            marker: Marker::default(),
            class: 0,
        }
    }
}

impl Marked {
    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn marker(&self) -> Marker {
        self.marker.clone()
    }

    /// To be called before each write: costs a look at a number.
    fn mark(&mut self) {
        let class = self.marker.0.load(Ordering::Relaxed);
        if class != self.class {
            self.class = class;
            if let Err(error) = set(&self.stream, class) {
                tracing::debug!(%error, "the traffic class of a connection cannot be set");
            }
        }
    }
}

fn set(stream: &TcpStream, class: u8) -> io::Result<()> {
    let socket = SockRef::from(stream);
    match stream.local_addr()? {
        SocketAddr::V6(address) if address.ip().to_ipv4_mapped().is_none() => {
            socket.set_tclass_v6(class.into())
        }
        // A socket for both families sends IPv4, too, and marks that as one for IPv4 does.
        _ => socket.set_tos_v4(class.into()),
    }
}

impl AsyncRead for Marked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Marked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.mark();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.mark();
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    const ALL: [(Kind, u8); 3] = [
        (Kind::Audio, 0xb8),
        (Kind::Video, 0x90),
        (Kind::Content, 0x68),
    ];

    /// Two ends of a connection to a listener there.
    async fn pair(listens: &str, dials: &str) -> (Marked, TcpStream) {
        let listener = TcpListener::bind(listens).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let dialled = TcpStream::connect((dials, port)).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        (accepted.into(), dialled)
    }

    async fn is_marked(listens: &str, dials: &str, class: impl Fn(SockRef<'_>) -> io::Result<u32>) {
        let (mut stream, _other) = pair(listens, dials).await;
        let marker = stream.marker();
        stream.write_all(b"before it is known").await.unwrap();
        assert_eq!(class(SockRef::from(stream.stream())).unwrap(), 0);
        for (kind, expected) in ALL {
            marker.carries(kind);
            stream.write_all(b"some media").await.unwrap();
            let class = class(SockRef::from(stream.stream())).unwrap();
            assert_eq!(class, u32::from(expected), "{kind}");
        }
    }

    #[tokio::test]
    async fn what_is_written_is_marked_as_what_it_is() {
        is_marked("127.0.0.1:0", "127.0.0.1", |socket| socket.tos_v4()).await;
    }

    #[tokio::test]
    async fn so_it_is_on_ipv6_and_where_ipv4_goes_by_a_socket_for_both() {
        // Not every machine has it.
        if std::net::UdpSocket::bind("[::1]:0").is_ok() {
            is_marked("[::1]:0", "::1", |socket| socket.tclass_v6()).await;
            is_marked("[::]:0", "127.0.0.1", |socket| socket.tos_v4()).await;
        }
    }
}
