//! A client's media connection and its two halves.

use std::sync::Arc;

use bytes::Bytes;
use plenum_wire::frame::close;
use plenum_wire::{FlowId, Kind, Rung};
use tokio_rustls::client::TlsStream;

use crate::media::{Carrier, Outbound, Outbox, Reader, Sent};
use crate::route::Stream;
use crate::websocket::Dialled;

/// An open media connection to a router.
#[derive(Debug)]
pub struct MediaConnection {
    rung: Rung,
    sender: MediaSender,
    receiver: MediaReceiver,
}

/// The sending half. Clones send on the same connection.
#[derive(Debug, Clone)]
pub struct MediaSender(Arc<Open>);

/// The receiving half.
pub struct MediaReceiver {
    reader: Reader,
    open: Arc<Open>,
}

/// Closes the connection when the last half of it is dropped.
#[derive(Debug)]
struct Open(Carrier);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close(close::NONE, "");
    }
}

impl MediaConnection {
    pub(super) fn udp(connection: quinn::Connection) -> Self {
        let carrier = Carrier::Quic(connection.clone());
        Self::new(Rung::Udp, carrier, Reader::Quic(connection))
    }

    pub(super) fn tcp(stream: TlsStream<Stream>) -> Self {
        let outbox = Arc::new(Outbox::new(stream.get_ref().0.marker()));
        let (read, write) = tokio::io::split(stream.into());
        let writer = Arc::clone(&outbox);
        tokio::spawn(async move { writer.write_tcp(write).await });
        let reader = Reader::tcp(read, Arc::clone(&outbox));
        Self::new(Rung::Tcp, Carrier::Stream(outbox), reader)
    }

    pub(super) fn tls(dialled: Dialled) -> Self {
        let Dialled {
            outgoing,
            incoming,
            marker,
        } = dialled;
        let outbox = Arc::new(Outbox::new(marker));
        let writer = Arc::clone(&outbox);
        tokio::spawn(async move { writer.write_websocket(outgoing).await });
        let reader = Reader::WebSocket {
            incoming,
            outbox: Arc::clone(&outbox),
        };
        Self::new(Rung::Tls, Carrier::Stream(outbox), reader)
    }

    fn new(rung: Rung, carrier: Carrier, reader: Reader) -> Self {
        let open = Arc::new(Open(carrier));
        Self {
            rung,
            sender: MediaSender(Arc::clone(&open)),
            receiver: MediaReceiver { reader, open },
        }
    }

    /// What it runs over.
    #[must_use]
    pub const fn rung(&self) -> Rung {
        self.rung
    }

    /// Says what is carried: on rungs `tcp` and `tls` this tells how packets are marked, and how
    /// old one may get before it is dropped.
    pub(super) fn carrying(self, kind: Kind) -> Self {
        self.sender.0.0.carries(kind);
        self
    }

    /// The two halves. When both are dropped the connection closes.
    #[must_use]
    pub fn split(self) -> (MediaSender, MediaReceiver) {
        (self.sender, self.receiver)
    }
}

impl MediaSender {
    /// Sends a packet, or drops it, at once; never waits. `false` once the connection is
    /// closed.
    pub fn send(&self, flow: FlowId, packet: &Bytes) -> bool {
        let packet = packet.clone();
        let rewrite = None;
        let outbound = Outbound {
            flow,
            packet,
            rewrite,
        };
        self.0.0.send(outbound) != Sent::Closed
    }

    /// Bits a second that the path to the router carries, all packets of the connection together;
    /// `None` while it has carried whatever was sent. Ask some ten times a second, not for each
    /// packet.
    #[must_use]
    pub fn estimate(&self) -> Option<u64> {
        self.0.0.estimate()
    }

    /// How many datagrams were sent to the router and came from it, with those that QUIC sends
    /// by itself; `None` on rungs over TCP, where the kernel answers. A copy of some kB is made
    /// for it.
    #[must_use]
    pub fn exchanged(&self) -> Option<(u64, u64)> {
        self.0.0.exchanged()
    }

    /// Closes the connection with code 0.
    pub fn close(&self) {
        self.0.0.close(close::NONE, "");
    }
}

impl MediaReceiver {
    /// Waits for the next packet; `None` when the connection is closed, or was now because
    /// what came is no media. Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<(FlowId, Bytes)> {
        let packet = self.reader.next().await;
        if packet.is_err() {
            self.open.0.close(close::PACKET, "");
        }
        packet.ok()
    }
}

impl std::fmt::Debug for MediaReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaReceiver").finish_non_exhaustive()
    }
}
