//! The router's links to every controller.

use std::net::SocketAddr;

use plenum_router::LinkId;
use plenum_transport::channel::{Channel, Received};
use plenum_transport::tls::Loaded;
use plenum_wire::link::{FromRouter, ROUTER_SUBPROTOCOL, ToRouter};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::happenings::{Happening, Happenings};
use crate::controllers::{Controllers, Host};

type Link = Channel<ToRouter, FromRouter>;

/// Keeps a link to each address of `host` until `ended`.
pub(super) async fn run(
    host: Host,
    tls: watch::Receiver<Loaded>,
    happenings: Happenings,
    ended: CancellationToken,
) {
    let controllers = Controllers {
        host,
        tls,
        subprotocol: ROUTER_SUBPROTOCOL,
    };
    let carry = move |link: Link, address| carry(link, address, happenings.clone());
    controllers.keep(carry, ended).await;
}

/// Passes on what a controller says; returns why the link ended.
async fn carry(link: Link, address: SocketAddr, happenings: Happenings) -> String {
    let (sender, mut receiver) = link.split();
    // The engine's number: given once for the life of the process.
    let link = LinkId(rand::random());
    let mut happening = Happening::LinkOpened { link, sender };
    while happenings.send(happening).await.is_ok() {
        happening = loop {
            match receiver.next().await {
                Received::Message(message) => break Happening::LinkSaid { link, message },
                // From a newer controller: what it wants of routers like this it says in words
                // that they know.
                Received::Bad(error) => tracing::warn!(%address, %error, "from a controller"),
                Received::Closed { code, reason } => {
                    // Only fails when the router has ended.
                    let _ = happenings.send(Happening::LinkClosed { link }).await;
                    return code.map_or(reason.clone(), |code| format!("{code} {reason}"));
                }
            }
        };
    }
    "the router ends".to_owned()
}
