//! The router's links to every controller.

use std::net::{IpAddr, SocketAddr};

use plenum_router::LinkId;
use plenum_transport::channel::{Channel, Received};
use plenum_transport::tls::Loaded;
use plenum_wire::link::{FromRouter, ROUTER_SUBPROTOCOL, ToRouter};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::happenings::{Happening, Happenings};
use crate::controllers::{Controllers, Host};

type Link = Channel<ToRouter, FromRouter>;

/// WebSocket close code (RFC 6455 section 7.4.1).
const NORMAL: u16 = 1000;

/// Keeps a link to each address of `host` until `ended`, from when it is known where clients reach
/// the router: nobody could be sent there before. A controller is told once a link, so when that
/// changes the links are made anew.
pub(super) async fn run(
    host: Host,
    tls: watch::Receiver<Loaded>,
    mut addresses: watch::Receiver<Vec<IpAddr>>,
    happenings: Happenings,
    ended: CancellationToken,
) {
    let known = addresses.wait_for(|all| !all.is_empty());
    let known = ended.run_until_cancelled(known).await;
    if known.is_none_or(|known| known.is_err()) {
        return;
    }
    let controllers = Controllers {
        host,
        tls,
        subprotocol: ROUTER_SUBPROTOCOL,
    };
    let carry =
        move |link: Link, address| carry(link, address, addresses.clone(), happenings.clone());
    controllers.keep(carry, ended).await;
}

/// Passes on what a controller says; returns why the link ended.
async fn carry(
    link: Link,
    address: SocketAddr,
    mut addresses: watch::Receiver<Vec<IpAddr>>,
    happenings: Happenings,
) -> String {
    let (sender, mut receiver) = link.split();
    // The engine's number: given once for the life of the process.
    let link = LinkId(rand::random());
    let mut happening = Happening::LinkOpened {
        link,
        sender: sender.clone(),
        addresses: addresses.borrow_and_update().clone(),
    };
    while happenings.send(happening).await.is_ok() {
        happening = loop {
            let heard = tokio::select! {
                heard = receiver.next() => heard,
                Ok(()) = addresses.changed() => {
                    sender.close(NORMAL, "the router's addresses changed");
                    continue;
                }
            };
            match heard {
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
