//! Rung `udp`: QUIC connections.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plenum_wire::Rung;
use plenum_wire::frame::close;
use quinn::{Endpoint, Incoming, Runtime as _, TokioRuntime, VarInt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::counters::Counts;
use super::demultiplex::Demultiplexed;
use super::server::Shared;
use super::{ACCEPTS, Carrier, Event, MAX_CONNECTIONS, Reader, connection, quic};
use crate::HANDSHAKE_TIMEOUT;
use crate::rate::RateLimit;
use crate::tls::Identity;

/// Handshakes at once that need no proof of address. Beyond, a peer must first show that it
/// receives what we send to it (RFC 9000 section 8.1.2), so that none can pose as many.
const UNPROVEN: usize = 256;

pub(super) fn endpoint(
    socket: std::net::UdpSocket,
    identity: &Identity,
    counts: Arc<Counts>,
) -> io::Result<Endpoint> {
    let runtime = Arc::new(TokioRuntime);
    let socket = runtime.wrap_udp_socket(socket)?;
    let config = quic::server_config(identity).map_err(io::Error::other)?;
    Endpoint::new_with_abstract_socket(
        quic::endpoint_config(),
        Some(config),
        Arc::new(Demultiplexed { socket, counts }),
        runtime,
    )
}

pub(super) async fn accept(shared: Arc<Shared>, endpoint: Endpoint, events: mpsc::Sender<Event>) {
    let unproven = Arc::new(Semaphore::new(UNPROVEN));
    let accepts = Arc::new(Mutex::new(RateLimit::new(ACCEPTS)));
    while let Some(incoming) = endpoint.accept().await {
        if endpoint.open_connections() >= MAX_CONNECTIONS {
            incoming.refuse();
            continue;
        }
        let address = incoming.remote_address().ip();
        let place = if incoming.remote_address_validated() {
            if take(&accepts, address).is_err() {
                incoming.refuse();
                continue;
            }
            None
        } else {
            let unproven = Arc::clone(&unproven).try_acquire_owned().ok();
            let Some(place) = unproven.filter(|_| !exhausted(&accepts, address)) else {
                // Fails only for those that proved their address.
                let _ = incoming.retry();
                continue;
            };
            Some(place)
        };
        let (shared, events) = (Arc::clone(&shared), events.clone());
        let accepts = Arc::clone(&accepts);
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            let connected = handshake(&shared, incoming).await;
            if place.is_some() && connected.is_some() {
                // Charged only now that the address is proven: who poses as another must not
                // use up what that one may do.
                let _ = take(&accepts, address);
            }
            drop(place);
            if let Some(connected) = connected {
                let carrier = Carrier::Quic(connected.clone());
                let peer = connected.remote_address();
                let reader = Reader::Quic(connected);
                connection::carry(&shared, events, Rung::Udp, peer, carrier, reader).await;
            }
        });
    }
}

fn take(accepts: &Mutex<RateLimit>, address: IpAddr) -> Result<(), Duration> {
    let mut accepts = accepts.lock().unwrap_or_else(PoisonError::into_inner);
    accepts.take(address, Instant::now())
}

fn exhausted(accepts: &Mutex<RateLimit>, address: IpAddr) -> bool {
    let accepts = accepts.lock().unwrap_or_else(PoisonError::into_inner);
    accepts.is_exhausted(address, Instant::now())
}

async fn handshake(shared: &Shared, incoming: Incoming) -> Option<quinn::Connection> {
    let peer = incoming.remote_address();
    let reason = match timeout(HANDSHAKE_TIMEOUT, incoming).await {
        Ok(Ok(connection)) if connection.max_datagram_size().is_some() => return Some(connection),
        Ok(Ok(connection)) => {
            let reason = "media goes in datagrams (RFC 9221)";
            connection.close(VarInt::from_u32(close::GENERAL), reason.as_bytes());
            reason.to_owned()
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "too slow".to_owned(),
    };
    shared.counts.of(Rung::Udp).garbage.add(1);
    tracing::debug!(%peer, %reason, "QUIC handshake");
    None
}
