//! The HTTPS paths that clients come in by.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use plenum_router::ChannelId;
use plenum_transport::channel::{self, Channel, Received};
use plenum_transport::{https, media};
use plenum_wire::control::{CONTROL_PATH, FromClient, FromRouter, MEDIA_PATH, SUBPROTOCOL};
use plenum_wire::frame::TLS_SUBPROTOCOL;
use plenum_wire::limits::CLIENT_MESSAGE_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::engine::Happening;

/// Control channels beyond the participants' own: people at the door, who have 5 s to show
/// a ticket, and channels that broke and are not yet noticed.
const AT_THE_DOOR: usize = 1_024;

#[derive(Clone)]
struct Doors {
    media: media::Server,
    happenings: mpsc::Sender<Happening>,
    room: Arc<Semaphore>,
    next: Arc<AtomicU64>,
}

/// The two paths.
pub(super) fn app(
    media: media::Server,
    happenings: mpsc::Sender<Happening>,
    capacity: u32,
) -> Router {
    let participants = usize::try_from(capacity).unwrap_or(usize::MAX);
    let permits = participants
        .saturating_add(AT_THE_DOOR)
        .min(Semaphore::MAX_PERMITS);
    Router::new()
        .route(CONTROL_PATH, get(control))
        .route(MEDIA_PATH, get(rung_tls))
        .with_state(Doors {
            media,
            happenings,
            room: Arc::new(Semaphore::new(permits)),
            next: Arc::default(),
        })
}

async fn control(State(doors): State<Doors>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = Arc::clone(&doors.room).try_acquire_owned() else {
        let reason = "too many control channels; ask the zone for another router\n";
        return (StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    };
    channel::bounded(upgrade, CLIENT_MESSAGE_BYTES)
        .protocols([SUBPROTOCOL])
        .on_upgrade(move |websocket| listen(doors, websocket, place))
}

/// Passes on what a client says, until it or the router closes the channel.
async fn listen(doors: Doors, websocket: WebSocket, _place: OwnedSemaphorePermit) {
    let accepted = Channel::<FromClient, FromRouter>::accept(websocket, CLIENT_MESSAGE_BYTES);
    let (sender, mut receiver) = accepted.split();
    let channel = ChannelId(doors.next.fetch_add(1, Ordering::Relaxed));
    let mut happening = Happening::ControlOpened { channel, sender };
    while doors.happenings.send(happening).await.is_ok() {
        happening = match receiver.next().await {
            Received::Message(message) => Happening::ControlSaid { channel, message },
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
    upgrade: WebSocketUpgrade,
) -> Response {
    media::bounded(upgrade)
        .protocols([TLS_SUBPROTOCOL])
        .on_upgrade(async move |websocket| doors.media.adopt_websocket(websocket, peer.addr))
}
