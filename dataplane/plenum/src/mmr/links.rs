//! Links to every controller, each on its own: one that is away or slow costs the others
//! and the media nothing.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use plenum_router::LinkId;
use plenum_transport::channel::{Channel, Dial, Received, Settings};
use plenum_transport::dial::DialError;
use plenum_transport::tls::{Loaded, client_config};
use plenum_wire::limits::MESSAGE_BYTES;
use plenum_wire::link::{
    FromRouter, HEARTBEAT_MS, LINK_PATH, ROUTER_SUBPROTOCOL, SILENCE_MS, ToRouter,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Host;
use super::engine::{Happening, Happenings};

/// A controller that is new shows in DNS; looking this often finds it in time.
const RESOLVE: Duration = Duration::from_secs(2);
/// First pause before a lost link is dialled again; doubled up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// A link that lasted this long was a good one: the next loss begins with the first pause.
const GOOD: Duration = Duration::from_secs(2);

type Link = Channel<ToRouter, FromRouter>;

/// What all links of a router share.
#[derive(Clone)]
struct Shared {
    name: String,
    tls: watch::Receiver<Loaded>,
    /// The controllers' addresses now.
    listed: watch::Receiver<BTreeSet<SocketAddr>>,
    happenings: Happenings,
}

/// Keeps a link to each address of `host` until `ended`.
pub(super) async fn run(
    host: Host,
    tls: watch::Receiver<Loaded>,
    happenings: Happenings,
    ended: CancellationToken,
) {
    let (list, listed) = watch::channel(BTreeSet::new());
    let shared = Shared {
        name: host.name.clone(),
        tls,
        listed,
        happenings,
    };
    let mut links: HashMap<SocketAddr, JoinHandle<()>> = HashMap::new();
    let mut ticks = tokio::time::interval(RESOLVE);
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let found = tokio::select! {
            () = ended.cancelled() => return,
            found = resolve(&host) => found,
        };
        // With DNS away the last known addresses are dialled on.
        let Some(found) = found else { continue };
        links.retain(|_, link| !link.is_finished());
        for &address in &found {
            links.entry(address).or_insert_with(|| {
                let (shared, ended) = (shared.clone(), ended.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = ended.cancelled() => {}
                        () = keep(address, shared) => {}
                    }
                })
            });
        }
        list.send_replace(found);
    }
}

async fn resolve(host: &Host) -> Option<BTreeSet<SocketAddr>> {
    match tokio::net::lookup_host((host.name.as_str(), host.port)).await {
        Ok(found) => Some(found.collect()),
        Err(error) => {
            tracing::debug!(host = host.name, %error, "looking up the controllers");
            None
        }
    }
}

/// Dials one controller again and again, for as long as it is listed.
async fn keep(address: SocketAddr, shared: Shared) {
    let mut pause = FIRST_PAUSE;
    loop {
        let since = tokio::time::Instant::now();
        match dial(address, &shared).await {
            Ok(link) => {
                let reason = carry(link, address, &shared.happenings).await;
                tracing::warn!(%address, reason, "link to a controller lost");
            }
            Err(error) => tracing::debug!(%address, %error, "no link to a controller"),
        }
        if since.elapsed() >= GOOD {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(LAST_PAUSE);
        let listed = shared.listed.borrow().contains(&address);
        if !listed || shared.happenings.is_closed() {
            return;
        }
    }
}

async fn dial(address: SocketAddr, shared: &Shared) -> Result<Link, DialError> {
    let tls = {
        let loaded = shared.tls.borrow();
        client_config(&loaded.trust, Some(&loaded.identity), &[b"http/1.1"])?
    };
    let request = Dial {
        addr: address,
        server_name: shared.name.clone(),
        path: LINK_PATH.to_owned(),
        subprotocol: ROUTER_SUBPROTOCOL.to_owned(),
        tls,
    };
    let settings = Settings {
        limit: MESSAGE_BYTES,
        ping: Duration::from_millis(HEARTBEAT_MS),
        silence: Duration::from_millis(SILENCE_MS),
    };
    Link::dial_with(request, settings).await
}

/// Passes on what a controller says; returns why the link ended.
async fn carry(link: Link, address: SocketAddr, happenings: &Happenings) -> String {
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
