//! The zone link: routers, tunnels and the operator, told apart by their certificates.

mod tunnel;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use plenum_transport::HANDSHAKE_TIMEOUT;
use plenum_transport::channel::{self, Channel, Received, Receiver, Sender, Settings};
use plenum_transport::https::Peer;
use plenum_transport::tls::Role;
use plenum_wire::limits::MESSAGE_BYTES;
use plenum_wire::link::{
    FromOperator, FromRouter, HEARTBEAT_MS, LINK_PATH, OPERATOR_SUBPROTOCOL, ROUTER_SUBPROTOCOL,
    SILENCE_MS, TUNNEL_SUBPROTOCOL, ToOperator, ToRouter,
};
use plenum_wire::{BadMessage, ZoneName};
use plenum_zone::{Event, Link};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::admit::Directory;
use super::core::Ask;
use super::keys::KeyRing;
use super::metrics::Metrics;
use super::problem::Problem;

/// How a link is kept alive: a peer that is silent for three heartbeats is gone.
const SETTINGS: Settings = Settings {
    limit: MESSAGE_BYTES,
    ping: Duration::from_millis(HEARTBEAT_MS),
    silence: Duration::from_millis(SILENCE_MS),
};
/// Messages that make no sense before a link is closed. A newer peer may know message types
/// that we do not, so a few are no reason.
const GARBAGE: u32 = 64;
/// WebSocket close codes (RFC 6455 section 7.4.1).
const GOING_AWAY: u16 = 1001;
const VIOLATION: u16 = 1008;

/// What links need.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

/// What is told of the zone itself.
pub struct About {
    pub zone: ZoneName,
    /// This controller, for logs.
    pub name: String,
    /// Where clients reach the controllers, `https://HOST[:PORT]` each.
    pub public: Vec<String>,
    /// Whose tokens are good.
    pub directory: Directory,
}

struct Inner {
    about: About,
    ask: Ask,
    keys: watch::Receiver<KeyRing>,
    metrics: Metrics,
    stop: CancellationToken,
    opened: AtomicU64,
}

impl Gate {
    pub fn new(
        about: About,
        ask: Ask,
        keys: watch::Receiver<KeyRing>,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            about,
            ask,
            keys,
            metrics,
            stop,
            opened: AtomicU64::new(0),
        }))
    }

    /// The next link's number: upwards, in the order in which they opened.
    fn number(&self) -> Link {
        Link(self.0.opened.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn welcome(&self) -> ToRouter {
        ToRouter::Welcome {
            controller: self.0.about.name.clone(),
            zone: self.0.about.zone.clone(),
            keys: self.0.keys.borrow().public().to_vec(),
        }
    }

    /// A message made no sense.
    fn bad(&self, link: Link, bad: &BadMessage) {
        tracing::warn!(link = link.0, %bad, "a message on a zone link makes no sense");
        self.0.metrics.link_garbage();
    }
}

/// The zone link's path.
pub fn app(gate: Gate) -> Router {
    Router::new()
        .route(LINK_PATH, any(upgrade))
        .fallback(async || {
            Problem::bad_request(format!("there is {LINK_PATH}")).with_status(StatusCode::NOT_FOUND)
        })
        .with_state(gate)
}

async fn upgrade(
    State(gate): State<Gate>,
    Extension(peer): Extension<Peer>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let refuse = |status: StatusCode, detail: &str| {
        gate.0.metrics.link_garbage();
        tracing::warn!(addr = %peer.addr, member = ?peer.member, detail, "link refused");
        Problem::bad_request(detail)
            .with_status(status)
            .into_response()
    };
    let role = match &peer.member {
        Some(member) if member.zone != gate.0.about.zone => {
            let detail = format!("the certificate is of the zone {}", member.zone);
            return refuse(StatusCode::FORBIDDEN, &detail);
        }
        member => member.as_ref().map(|member| member.role),
    };
    let subprotocol = match role {
        Some(Role::Router) => ROUTER_SUBPROTOCOL,
        Some(Role::Operator) => OPERATOR_SUBPROTOCOL,
        Some(Role::Tunnel) => TUNNEL_SUBPROTOCOL,
        Some(Role::Controller) | None => {
            let detail = "the certificate is no router's, no tunnel's and no operator's";
            return refuse(StatusCode::FORBIDDEN, detail);
        }
    };
    let Ok(upgrade) = upgrade else {
        return refuse(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket");
    };
    let upgrade = channel::bounded(upgrade, MESSAGE_BYTES).protocols([subprotocol]);
    if upgrade.selected_protocol().is_none() {
        let detail = format!("this certificate's subprotocol is {subprotocol}");
        return refuse(StatusCode::FORBIDDEN, &detail);
    }
    let link = gate.number();
    upgrade.on_upgrade(async move |socket| match role {
        Some(Role::Operator) => operator(gate, link, peer, socket).await,
        Some(Role::Tunnel) => tunnel::tunnel(gate, link, peer, socket).await,
        _ => router(gate, link, peer, socket).await,
    })
}

async fn router(gate: Gate, link: Link, peer: Peer, socket: WebSocket) {
    let (sender, mut receiver) = Channel::accept_with(socket, SETTINGS).split();
    let Some(hello) = hello(&gate, link, &mut receiver).await else {
        gate.0.metrics.link_garbage();
        tracing::warn!(addr = %peer.addr, "a router's link without hello");
        return sender.close(VIOLATION, "say hello first");
    };
    if let Event::RouterHello { router, boot, .. } = &hello {
        tracing::info!(%router, boot = boot.0, addr = %peer.addr, link = link.0, "router connected");
    }
    gate.0.ask.router(link, sender.clone()).await;
    let mut keys = gate.0.keys.clone();
    keys.mark_unchanged();
    sender.send(&gate.welcome());
    gate.0.ask.event(hello).await;
    let reason = listen_to_router(&gate, link, keys, &sender, &mut receiver).await;
    tracing::info!(link = link.0, reason, "router disconnected");
    gate.0.ask.event(Event::RouterLost { link }).await;
}

/// Passes on what a router says until its link ends; returns why.
async fn listen_to_router(
    gate: &Gate,
    link: Link,
    mut keys: watch::Receiver<KeyRing>,
    sender: &Sender<ToRouter>,
    receiver: &mut Receiver<FromRouter>,
) -> String {
    let mut garbage = 0;
    while garbage <= GARBAGE {
        let heard = tokio::select! {
            () = gate.0.stop.cancelled() => return goodbye(sender, receiver).await,
            Ok(()) = keys.changed() => {
                sender.send(&gate.welcome());
                continue;
            }
            next = receiver.next() => next,
        };
        match heard {
            Received::Message(message) => match event(link, message) {
                Some(event) => gate.0.ask.event(event).await,
                None => garbage += 1,
            },
            Received::Bad(bad) => {
                gate.bad(link, &bad);
                garbage += 1;
            }
            Received::Closed { reason, .. } => return reason,
        }
    }
    sender.close(VIOLATION, "too many messages make no sense");
    "too many messages make no sense".to_owned()
}

/// Tells the peer that the controller stops, and waits until it knows.
async fn goodbye<In, Out>(sender: &Sender<Out>, receiver: &mut Receiver<In>) -> String
where
    In: DeserializeOwned,
{
    sender.close(GOING_AWAY, "the controller stops");
    while !matches!(receiver.next().await, Received::Closed { .. }) {}
    "the controller stops".to_owned()
}

/// The first message, which must come in time.
async fn hello(gate: &Gate, link: Link, receiver: &mut Receiver<FromRouter>) -> Option<Event> {
    let first = tokio::select! {
        () = gate.0.stop.cancelled() => return None,
        first = tokio::time::timeout(HANDSHAKE_TIMEOUT, receiver.next()) => first.ok()?,
    };
    let Received::Message(FromRouter::Hello {
        router,
        pool,
        boot,
        endpoint,
    }) = first
    else {
        return None;
    };
    (!endpoint.addresses.is_empty()).then_some(Event::RouterHello {
        link,
        router,
        pool,
        boot,
        endpoint,
    })
}

/// A router's message as the broker knows it; `None` for a second hello.
fn event(link: Link, message: FromRouter) -> Option<Event> {
    Some(match message {
        FromRouter::Hello { .. } => return None,
        FromRouter::Report {
            load,
            meetings,
            ended,
        } => Event::RouterReport {
            link,
            load,
            meetings,
            ended,
        },
        FromRouter::TicketsWanted {
            meeting,
            to,
            participants,
        } => Event::TicketsWanted {
            link,
            meeting,
            to,
            participants,
        },
        FromRouter::MoveEnded {
            meeting,
            to,
            moved,
            failed,
            took_ms,
        } => {
            tracing::info!(%to, moved, failed, took_ms, "a meeting's move ended");
            Event::MoveEnded {
                link,
                meeting,
                to,
                moved,
                failed,
            }
        }
    })
}

async fn operator(gate: Gate, link: Link, peer: Peer, socket: WebSocket) {
    let channel: Channel<FromOperator, ToOperator> = Channel::accept_with(socket, SETTINGS);
    let (sender, receiver) = channel.split();
    tracing::info!(addr = %peer.addr, link = link.0, "operator connected");
    let name = gate.0.about.name.clone();
    gate.0.ask.operator(link, name, sender.clone()).await;
    let reason = listen_to_operator(&gate, link, sender, receiver).await;
    tracing::info!(link = link.0, reason, "operator disconnected");
    gate.0.ask.event(Event::OperatorGone { link }).await;
}

async fn listen_to_operator(
    gate: &Gate,
    link: Link,
    sender: Sender<ToOperator>,
    mut receiver: Receiver<FromOperator>,
) -> String {
    let mut garbage = 0;
    while garbage <= GARBAGE {
        let heard = tokio::select! {
            () = gate.0.stop.cancelled() => return goodbye(&sender, &mut receiver).await,
            next = receiver.next() => next,
        };
        match heard {
            Received::Message(FromOperator::SetDraining { pool, routers }) => {
                let draining = routers.into_iter().collect();
                let word = Event::OperatorWord {
                    link,
                    pool,
                    draining,
                };
                gate.0.ask.event(word).await;
            }
            Received::Bad(bad) => {
                gate.bad(link, &bad);
                garbage += 1;
            }
            Received::Closed { reason, .. } => return reason,
        }
    }
    sender.close(VIOLATION, "too many messages make no sense");
    "too many messages make no sense".to_owned()
}
