//! A tunnel's link: it hears everything that clients may reach through it, whole at first and
//! whenever something of it changes.

use std::time::Duration;

use axum::extract::ws::WebSocket;
use plenum_transport::HANDSHAKE_TIMEOUT;
use plenum_transport::channel::{Channel, Received, Receiver, Sender};
use plenum_transport::https::Peer;
use plenum_wire::link::{FromTunnel, ToTunnel};
use plenum_zone::Link;
use tokio::time::MissedTickBehavior;

use super::{GARBAGE, Gate, SETTINGS, VIOLATION, goodbye};

/// How often to look for changes. A router that is new is offered to clients at once, and
/// those that come by a tunnel try again for some seconds.
const LOOK: Duration = Duration::from_millis(250);

pub(super) async fn tunnel(gate: Gate, link: Link, peer: Peer, socket: WebSocket) {
    let channel: Channel<FromTunnel, ToTunnel> = Channel::accept_with(socket, SETTINGS);
    let (sender, mut receiver) = channel.split();
    let first = tokio::select! {
        () = gate.0.stop.cancelled() => return,
        first = tokio::time::timeout(HANDSHAKE_TIMEOUT, receiver.next()) => first,
    };
    let Ok(Received::Message(FromTunnel::Hello { tunnel })) = first else {
        gate.0.metrics.link_garbage();
        tracing::warn!(addr = %peer.addr, "a tunnel's link without hello");
        return sender.close(VIOLATION, "say hello first");
    };
    tracing::info!(%tunnel, addr = %peer.addr, link = link.0, "tunnel connected");
    let reason = talk(&gate, link, &sender, &mut receiver).await;
    tracing::info!(%tunnel, link = link.0, reason, "tunnel disconnected");
}

/// Tells a tunnel what is new until its link ends; returns why.
async fn talk(
    gate: &Gate,
    link: Link,
    sender: &Sender<ToTunnel>,
    receiver: &mut Receiver<FromTunnel>,
) -> String {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut garbage) = (None, 0);
    while garbage <= GARBAGE {
        let heard = tokio::select! {
            () = gate.0.stop.cancelled() => return goodbye(sender, receiver).await,
            _ = looks.tick() => {
                let targets = targets(gate).await;
                if let Some(new) = targets.filter(|new| told.as_ref() != Some(new)) {
                    sender.send(&new);
                    told = Some(new);
                }
                continue;
            }
            next = receiver.next() => next,
        };
        match heard {
            Received::Message(FromTunnel::Hello { .. }) => garbage += 1,
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

/// `None` once the broker has stopped.
async fn targets(gate: &Gate) -> Option<ToTunnel> {
    let about = &gate.0.about;
    Some(ToTunnel::Targets {
        controller: about.name.clone(),
        zone: about.zone.clone(),
        controllers: about.public.clone(),
        routers: gate.0.ask.targets().await?,
        keys: gate.0.keys.borrow().public().to_vec(),
        directory_keys: about.directory.keys(),
    })
}
