//! What the controllers say, put together for the tunnel by [`Known`].

use std::net::SocketAddr;
use std::time::Instant;

use plenum_transport::channel::{Channel, Received};
use plenum_tunnel::{Allowed, Known, Metrics, View};
use plenum_wire::link::{FromTunnel, TicketKey, ToTunnel};
use plenum_wire::ticket::Keys;
use plenum_wire::{TunnelId, ZoneName};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::Args;
use crate::zc::Directory;

/// Messages of controllers that may wait.
const QUEUE: usize = 64;

type Link = Channel<ToTunnel, FromTunnel>;

/// What happens on a link.
pub(super) enum Heard {
    Said(SocketAddr, ToTunnel),
    Lost(SocketAddr),
}

/// Starts putting it together; it ends when nobody can say anything any more.
pub(super) fn start(
    args: &Args,
    directory: Directory,
    metrics: Metrics,
) -> (mpsc::Sender<Heard>, watch::Receiver<View>) {
    let (sender, heard) = mpsc::channel(QUEUE);
    let (view, views) = watch::channel(View::default());
    let listener = Listener {
        zone: args.zone.clone(),
        loopback: args.listen.ip().is_loopback(),
        known: Known::default(),
        directory,
        metrics,
        view,
    };
    tokio::spawn(listener.run(heard));
    (sender, views)
}

/// Says hello, and passes on what a controller says; returns why the link ended.
pub(super) async fn carry(
    link: Link,
    address: SocketAddr,
    tunnel: TunnelId,
    hears: mpsc::Sender<Heard>,
) -> String {
    let (sender, mut receiver) = link.split();
    sender.send(&FromTunnel::Hello { tunnel });
    let reason = loop {
        match receiver.next().await {
            Received::Message(message) => {
                // Only fails at the end of the process.
                let _ = hears.send(Heard::Said(address, message)).await;
            }
            // From a newer controller: what a tunnel like this has to know it says in words
            // that it knows.
            Received::Bad(error) => tracing::warn!(%address, %error, "from a controller"),
            Received::Closed { code, reason } => {
                break code.map_or(reason.clone(), |code| format!("{code} {reason}"));
            }
        }
    };
    let _ = hears.send(Heard::Lost(address)).await;
    reason
}

struct Listener {
    zone: ZoneName,
    /// The whole zone is on this machine.
    loopback: bool,
    known: Known,
    directory: Directory,
    metrics: Metrics,
    view: watch::Sender<View>,
}

impl Listener {
    async fn run(mut self, mut heard: mpsc::Receiver<Heard>) {
        loop {
            let due = self.known.next_timeout();
            let forget = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                heard = heard.recv() => match heard {
                    Some(Heard::Said(controller, message)) => self.said(controller, message),
                    Some(Heard::Lost(controller)) => self.known.lost(controller, Instant::now()),
                    None => return,
                },
                () = forget => self.known.handle_timeout(Instant::now()),
            }
            self.show();
        }
    }

    fn said(&mut self, address: SocketAddr, message: ToTunnel) {
        let ToTunnel::Targets {
            controller,
            zone,
            controllers,
            routers,
            keys,
            directory_keys,
        } = message;
        if zone != self.zone {
            return tracing::warn!(%zone, controller, "a controller of another zone");
        }
        let registered = Allowed::registered(&controllers, &routers, self.loopback);
        tracing::debug!(controller, targets = registered.len(), "targets heard");
        self.known.heard(address, registered, Instant::now());
        if !directory_keys.is_empty() {
            self.directory.learn(jwks(&directory_keys));
        }
        if !keys.is_empty() {
            let tickets = Keys::from_keys(&keys);
            self.view.send_modify(|view| view.tickets = tickets);
        }
    }

    fn show(&self) {
        let allowed = self.known.allowed();
        self.metrics.zone(allowed.len(), self.known.controllers());
        self.view.send_if_modified(|view| {
            let changed = view.allowed != allowed;
            if changed {
                tracing::info!(targets = allowed.len(), "what may be reached has changed");
                view.allowed = allowed;
            }
            changed
        });
    }
}

/// RFC 8037 section 2.
fn jwks(keys: &[TicketKey]) -> serde_json::Value {
    let key = |TicketKey { kid, x }: &TicketKey| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x});
    json!({"keys": keys.iter().map(key).collect::<Vec<_>>()})
}
