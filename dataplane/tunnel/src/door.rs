//! What both ways in have in common: who may come in, to where, and what happens then.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use plenum_transport::HANDSHAKE_TIMEOUT;
use plenum_transport::rate::RateLimit;
use plenum_wire::ZoneName;
use plenum_wire::ticket::Keys;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{Admission, Client, Proof, admit, stranger};
use crate::allowed::{Allowed, Kind};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::pacer::Pacer;
use crate::places::{Place, Places, Taking};
use crate::reach::{Unreached, reach};
use crate::refusal::Refusal;
use crate::relay::{Ended, Lane, relay};
use crate::target::Target;

/// What the tunnel knows of its zone.
#[derive(Clone, Default)]
pub struct View {
    /// What may be reached.
    pub allowed: Allowed,
    /// Who signs the zone's tickets.
    pub tickets: Keys,
}

/// What requests need. Clones are the same.
#[derive(Clone)]
pub(crate) struct Door(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) zone: ZoneName,
    pub(crate) admission: Admission,
    pub(crate) limits: Limits,
    pub(crate) view: watch::Receiver<View>,
    pub(crate) metrics: Metrics,
    pub(crate) places: Places,
    pub(crate) requests: Mutex<RateLimit>,
    pub(crate) pacer: Pacer,
    pub(crate) running: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// Which way a client came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Connect,
    Forward,
}

/// Somebody who may go where they want to.
pub(crate) struct Admitted {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

impl Door {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// One more request from this address.
    pub(crate) fn knock(&self, address: IpAddr) -> Result<(), Refusal> {
        let mut requests = self
            .0
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        requests
            .take(address, Instant::now())
            .map_err(Refusal::TooFast)
    }

    /// Whether somebody may go to `target`, and a place for that. Who may not come in at all
    /// does not learn what is registered.
    pub(crate) fn admit(
        &self,
        way: Way,
        address: IpAddr,
        token: Option<&str>,
        target: &Target,
    ) -> Result<Admitted, Refusal> {
        let (client, own) = self.client(address, token).map_err(|why| {
            let proxy = way == Way::Connect;
            Refusal::Unproven { why, proxy }
        })?;
        let kind = {
            let view = self.0.view.borrow();
            match view.allowed.kind(target) {
                Some(kind) => kind,
                None if view.allowed.is_empty() => return Err(Refusal::NotReady),
                None => return Err(Refusal::NotRegistered),
            }
        };
        let place = self.0.places.take(client, own, address);
        let place = place.map_err(|why| match why {
            Taking::Full => Refusal::Full,
            Taking::Crowded => Refusal::Crowded,
            Taking::TooMany => Refusal::TooMany,
        })?;
        Ok(Admitted { place, kind })
    }

    /// Who somebody is, and how many connections they may have.
    fn client(
        &self,
        address: IpAddr,
        token: Option<&str>,
    ) -> Result<(Client, usize), crate::admission::Unproven> {
        let Inner { zone, limits, .. } = &*self.0;
        match &self.0.admission {
            Admission::Open => Ok((stranger(address), limits.per_address)),
            Admission::Directory(verify) => {
                let now = unix_now();
                let proof = match token {
                    None => Proof::None,
                    Some(token) => match verify(token) {
                        Some(claims) => Proof::Token(claims),
                        None => self.ticket(token, now),
                    },
                };
                Ok((admit(proof, zone, now)?, limits.per_person))
            }
        }
    }

    fn ticket(&self, token: &str, now: u64) -> Proof {
        let claims = self.0.view.borrow().tickets.identify(token, now);
        claims.map_or(Proof::Forged, Proof::Ticket)
    }

    /// Connects to a target that was allowed.
    pub(crate) async fn reach(&self, target: &Target) -> Result<TcpStream, Refusal> {
        let reached = reach(target, self.0.limits.patience).await;
        reached.map_err(|why| match why {
            Unreached::Unreachable => Refusal::Unreachable,
            Unreached::Silent => Refusal::Silent,
        })
    }

    /// How long a target may take for anything.
    pub(crate) fn patience(&self) -> std::time::Duration {
        self.0.limits.patience
    }

    /// Carries between a client, once it has been answered, and its target.
    pub(crate) fn carry<T>(&self, door: &'static str, place: Place, client: OnUpgrade, target: T)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let lane = Lane {
            client: place.number(),
            pacer: self.0.pacer.clone(),
            idle: self.0.limits.idle,
            metrics: self.0.metrics.clone(),
            stop: self.0.stop.clone(),
        };
        self.0.running.spawn(async move {
            let _place = place;
            // A client that is gone, or does not even read our answer.
            let Ok(Ok(client)) = timeout(HANDSHAKE_TIMEOUT, client).await else {
                return lane.metrics.ended(Ended::Broken);
            };
            let open = lane.metrics.opened(door);
            let ended = relay(TokioIo::new(client), target, &lane).await;
            drop(open);
            lane.metrics.ended(ended);
            tracing::debug!(door, ended = ended.as_str(), "tunnel ended");
        });
    }
}

/// Unix time in seconds.
fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
