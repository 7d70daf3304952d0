//! The HTTPS paths that clients come in by.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use plenum_router::ChannelId;
use plenum_router::limits::HELLO_WITHIN;
use plenum_transport::channel::{self, Channel, Received};
use plenum_transport::rate::{Rate, RateLimit};
use plenum_transport::{https, media};
use plenum_wire::control::{CONTROL_PATH, FromClient, FromRouter, MEDIA_PATH, SUBPROTOCOL};
use plenum_wire::frame::TLS_SUBPROTOCOL;
use plenum_wire::limits::CLIENT_MESSAGE_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Span;

use super::happenings::{Happening, Happenings};

/// Control channels that one address opens at once, if the router does not take more
/// participants: all of them may be in one company, behind one address, and come from a router
/// that died.
const BURST: u32 = 1_000;
/// A tenth of the burst each second in the long run.
const REFILL: u32 = 10;
/// Control channels beyond what one address can have at the door: for others, and for channels
/// that broke and are not yet noticed.
const OTHERS: u32 = 512;

#[derive(Clone)]
struct Doors {
    media: media::Streams,
    happenings: Happenings,
    room: Arc<Semaphore>,
    limit: Arc<Mutex<RateLimit>>,
    next: Arc<AtomicU64>,
}

/// The two paths.
pub(super) fn app(media: media::Streams, happenings: Happenings, capacity: u32) -> Router {
    let rate = rate(capacity);
    let permits = usize::try_from(channels(capacity, rate)).unwrap_or(usize::MAX);
    Router::new()
        .route(CONTROL_PATH, get(control))
        .route(MEDIA_PATH, get(rung_tls))
        .with_state(Doors {
            media,
            happenings,
            room: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            limit: Arc::new(Mutex::new(RateLimit::new(rate))),
            next: Arc::default(),
        })
}

/// How fast one address opens control channels on a router for so many participants.
fn rate(capacity: u32) -> Rate {
    let burst = capacity.max(BURST);
    Rate {
        burst,
        per_second: burst / REFILL,
    }
}

/// Control channels at a time: the participants' own, and at the door, where strangers have
/// [`HELLO_WITHIN`] to show a ticket, more than one address can fill.
fn channels(capacity: u32, rate: Rate) -> u64 {
    let meanwhile = u64::from(rate.per_second) * HELLO_WITHIN.as_secs();
    u64::from(capacity) + u64::from(rate.burst) + meanwhile + u64::from(OTHERS)
}

async fn control(
    State(doors): State<Doors>,
    Extension(peer): Extension<https::Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let span = plenum_traceparent::served("GET", CONTROL_PATH, &headers);
    let answer = let_in(doors, &peer, upgrade, span.clone());
    plenum_traceparent::answered(&span, answer.status());
    answer
}

/// The span ends when what the client says first has been decided on.
fn let_in(doors: Doors, peer: &https::Peer, upgrade: WebSocketUpgrade, span: Span) -> Response {
    let taken = doors
        .limit
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take(peer.addr.ip(), Instant::now());
    if taken.is_err() {
        let reason = "too many control channels from this address; try again later\n";
        return (StatusCode::TOO_MANY_REQUESTS, reason).into_response();
    }
    let Ok(place) = Arc::clone(&doors.room).try_acquire_owned() else {
        let reason = "too many control channels; ask the zone for another router\n";
        return (StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    };
    channel::bounded(upgrade, CLIENT_MESSAGE_BYTES)
        .protocols([SUBPROTOCOL])
        .on_upgrade(move |websocket| listen(doors, websocket, place, span))
}

/// Passes on what a client says, until it or the router closes the channel.
async fn listen(
    doors: Doors,
    websocket: WebSocket,
    _place: OwnedSemaphorePermit,
    mut entrance: Span,
) {
    let accepted = Channel::<FromClient, FromRouter>::accept(websocket, CLIENT_MESSAGE_BYTES);
    let (sender, mut receiver) = accepted.split();
    let channel = ChannelId(doors.next.fetch_add(1, Ordering::Relaxed));
    let mut happening = Happening::ControlOpened { channel, sender };
    while doors.happenings.send(happening).await.is_ok() {
        happening = match receiver.next().await {
            Received::Message(message) => Happening::ControlSaid {
                channel,
                message,
                entrance: std::mem::replace(&mut entrance, Span::none()),
            },
            Received::Bad(bad) => Happening::ControlBad { channel, bad },
            Received::Closed { code, reason } => {
                tracing::debug!(channel = channel.0, ?code, reason, "control channel closed");
                let closed = Happening::ControlClosed { channel };
                // Only fails when the router has ended.
                let _ = doors.happenings.send(closed).await;
                return;
            }
        };
    }
}

async fn rung_tls(
    State(doors): State<Doors>,
    Extension(peer): Extension<https::Peer>,
    Extension(marker): Extension<https::Marker>,
    upgrade: WebSocketUpgrade,
) -> Response {
    media::bounded(upgrade)
        .protocols([TLS_SUBPROTOCOL])
        .on_upgrade(async move |websocket| {
            doors.media.adopt_websocket(websocket, peer.addr, marker);
        })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_address_cannot_fill_the_door_however_long_it_tries() {
        for capacity in [1, 100, 5_000] {
            let rate = rate(capacity);
            let mut limit = RateLimit::new(rate);
            let address = Ipv4Addr::new(192, 0, 2, 1).into();
            let start = Instant::now();
            // Every 10 ms as often as it may, without ever showing a ticket.
            let mut opened = Vec::new();
            for now in (0..20_000).step_by(10).map(Duration::from_millis) {
                opened.retain(|at| now < *at + HELLO_WITHIN);
                while limit.take(address, start + now).is_ok() {
                    opened.push(now);
                }
                let left = channels(capacity, rate) - opened.len() as u64;
                assert!(left >= u64::from(capacity) + u64::from(OTHERS) / 2);
            }
        }
    }

    #[test]
    fn a_whole_router_may_come_from_one_address_at_once() {
        for capacity in [1_000, 5_000] {
            let mut limit = RateLimit::new(rate(capacity));
            let address = Ipv4Addr::new(192, 0, 2, 1).into();
            let now = Instant::now();
            assert!((0..capacity).all(|_| limit.take(address, now).is_ok()));
        }
    }
}
