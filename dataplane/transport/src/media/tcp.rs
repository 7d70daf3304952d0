//! Rung `tcp`: frames over TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_wire::Rung;
use plenum_wire::frame::TCP_ALPN;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::streams::{Outlet, Shared};
use super::{ACCEPTS, Carrier, MAX_CONNECTIONS, Outbox, Reader, connection};
use crate::rate::RateLimit;
use crate::route::Stream;
use crate::tls::{Identity, server_config};
use crate::{HANDSHAKE_TIMEOUT, socket};

/// After a failed accept (no file descriptors left) the next try waits, or it would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) fn acceptor(identity: &Identity) -> io::Result<TlsAcceptor> {
    let config = server_config(identity, None, &[TCP_ALPN]).map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(config))
}

pub(super) async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    outlet: Outlet,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut accepts = RateLimit::new(ACCEPTS);
    let refused = &shared.counts.of(Rung::Tcp).refused;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a media connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if accepts.take(peer.ip(), Instant::now()).is_err() {
            refused.add(1);
            continue;
        }
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            refused.add(1);
            continue;
        };
        let (acceptor, outlet) = (acceptor.clone(), outlet.clone());
        let task = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            let _place = place;
            let connected = tokio::select! {
                connected = handshake(&task, acceptor, stream, peer) => connected,
                () = task.stop.cancelled() => None,
            };
            if let Some(tls) = connected {
                carry(&task, outlet, tls, peer).await;
            }
        });
    }
}

async fn carry(shared: &Shared, outlet: Outlet, tls: TlsStream<Stream>, peer: SocketAddr) {
    let outbox = Arc::new(Outbox::new(tls.get_ref().0.marker()));
    let (read, write) = tokio::io::split(tls);
    let reader = Reader::tcp(read, Arc::clone(&outbox));
    let carrier = Carrier::Stream(Arc::clone(&outbox));
    tokio::join!(
        connection::carry(shared, outlet, Rung::Tcp, peer, carrier, reader),
        outbox.write_tcp(write),
    );
}

async fn handshake(
    shared: &Shared,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<TlsStream<Stream>> {
    if let Err(error) = socket::tune(&stream) {
        tracing::debug!(%peer, %error, "socket options");
    }
    let reason = match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream.into())).await {
        // A client that names no protocol gets through the handshake, but not further.
        Ok(Ok(tls)) if tls.get_ref().1.alpn_protocol() == Some(TCP_ALPN) => {
            return Some(tls.into());
        }
        Ok(Ok(_)) => "another protocol".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "too slow".to_owned(),
    };
    shared.counts.of(Rung::Tcp).garbage.add(1);
    tracing::debug!(%peer, %reason, "TLS handshake");
    None
}
