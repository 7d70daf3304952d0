//! Links to every controller of a zone, each on its own: one that is away or slow costs the
//! others nothing. Routers and tunnels keep them alike.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use plenum_transport::channel::{Channel, Dial, Settings};
use plenum_transport::dial::DialError;
use plenum_transport::tls::{Loaded, client_config};
use plenum_wire::limits::MESSAGE_BYTES;
use plenum_wire::link::{HEARTBEAT_MS, LINK_PATH, SILENCE_MS};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A controller that is new shows in DNS; looking this often finds it in time.
const RESOLVE: Duration = Duration::from_secs(2);
/// First pause before a lost link is dialled again; doubled up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// A link that lasted this long was a good one: the next loss begins with the first pause.
const GOOD: Duration = Duration::from_secs(2);

/// A DNS name or address with a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name, which is also the name in the certificate.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl std::str::FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once(':').and_then(|(name, port)| {
            let name = name.trim_start_matches('[').trim_end_matches(']');
            Some((name, port.parse().ok()?))
        });
        match parts {
            Some((name, port)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                port,
            }),
            _ => Err(format!("write HOST:PORT, not {text:?}")),
        }
    }
}

/// The controllers of a zone, as one of its members talks to them.
#[derive(Clone)]
pub(crate) struct Controllers {
    /// Every address of this name is dialled.
    pub(crate) host: Host,
    /// Certificate and trust; followed when they change.
    pub(crate) tls: watch::Receiver<Loaded>,
    /// The member's language.
    pub(crate) subprotocol: &'static str,
}

impl Controllers {
    /// Keeps a link to each address until `ended`. Every link that opens is given to `carry`,
    /// which lasts as long as it does, and returns why it ended.
    pub(crate) async fn keep<In, Out, F, Fut>(self, carry: F, ended: CancellationToken)
    where
        In: DeserializeOwned + 'static,
        Out: Serialize + 'static,
        F: Fn(Channel<In, Out>, SocketAddr) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = String> + Send,
    {
        let (list, listed) = watch::channel(BTreeSet::new());
        let mut links: HashMap<SocketAddr, JoinHandle<()>> = HashMap::new();
        let mut ticks = tokio::time::interval(RESOLVE);
        loop {
            let found = tokio::select! {
                () = ended.cancelled() => return,
                found = async { ticks.tick().await; self.resolve().await } => found,
            };
            // With DNS away the last known addresses are dialled on.
            let Some(found) = found else { continue };
            links.retain(|_, link| !link.is_finished());
            for &address in &found {
                links.entry(address).or_insert_with(|| {
                    let (controllers, carry) = (self.clone(), carry.clone());
                    let (listed, ended) = (listed.clone(), ended.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            () = ended.cancelled() => {}
                            () = controllers.keep_one(address, carry, listed) => {}
                        }
                    })
                });
            }
            list.send_replace(found);
        }
    }

    async fn resolve(&self) -> Option<BTreeSet<SocketAddr>> {
        let host = &self.host;
        match tokio::net::lookup_host((host.name.as_str(), host.port)).await {
            Ok(found) => Some(found.collect()),
            Err(error) => {
                tracing::debug!(host = host.name, %error, "looking up the controllers");
                None
            }
        }
    }

    /// Dials one controller again and again, for as long as it is listed.
    async fn keep_one<In, Out, F, Fut>(
        &self,
        address: SocketAddr,
        carry: F,
        listed: watch::Receiver<BTreeSet<SocketAddr>>,
    ) where
        In: DeserializeOwned,
        Out: Serialize,
        F: Fn(Channel<In, Out>, SocketAddr) -> Fut,
        Fut: Future<Output = String>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let since = tokio::time::Instant::now();
            match self.dial(address).await {
                Ok(link) => {
                    let reason = carry(link, address).await;
                    tracing::warn!(%address, reason, "link to a controller lost");
                }
                Err(error) => tracing::debug!(%address, %error, "no link to a controller"),
            }
            if since.elapsed() >= GOOD {
                pause = FIRST_PAUSE;
            }
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(LAST_PAUSE);
            if !listed.borrow().contains(&address) {
                return;
            }
        }
    }

    async fn dial<In, Out>(&self, address: SocketAddr) -> Result<Channel<In, Out>, DialError> {
        let tls = {
            let loaded = self.tls.borrow();
            client_config(&loaded.trust, Some(&loaded.identity), &[b"http/1.1"])?
        };
        let request = Dial {
            addr: address,
            server_name: self.host.name.clone(),
            path: LINK_PATH.to_owned(),
            subprotocol: self.subprotocol.to_owned(),
            tls,
        };
        let settings = Settings {
            limit: MESSAGE_BYTES,
            ping: Duration::from_millis(HEARTBEAT_MS),
            silence: Duration::from_millis(SILENCE_MS),
        };
        Channel::dial_with(request, settings).await
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn hosts_are_names_or_addresses_with_a_port() {
        let host = |text: &str| text.parse::<Host>().ok().map(|host| (host.name, host.port));
        assert_eq!(host("zc.svc:9443"), Some(("zc.svc".into(), 9443)));
        assert_eq!(host("[::1]:9443"), Some(("::1".into(), 9443)));
        assert_eq!(host("zc.svc"), None);
        assert_eq!(host(":9443"), None);
        assert_eq!(host("zc:https"), None);
    }
}
