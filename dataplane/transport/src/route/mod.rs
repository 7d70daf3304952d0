//! The way a connection over TCP takes: directly, or through proxies one after another.
//!
//! A [`Hop`] is an HTTP proxy that is asked with CONNECT (RFC 9110 section 9.3.6), over plain
//! TCP or TLS. A company's proxy is one such hop, a zone's tunnel another, and a tunnel behind
//! a company's proxy is both, in that order. Only the first hop's name is resolved here; the
//! rest is up to the proxies, which see names and addresses and no content: what matters is
//! inside TLS of our own, end to end.
//!
//! Each hop has [`HANDSHAKE_TIMEOUT`] to be reached and as long again to let us through. What
//! it answers is bounded, and errors say what to do next; no error and no `Debug` tells a
//! secret.
//!
//! | file | idea |
//! |---|---|
//! | `target` | a host and a port |
//! | `hop` | one proxy, and how we prove ourselves to it |
//! | `tcp`, `race` | the first connection, to whichever address answers first |
//! | `tunnel` | CONNECT |
//! | `verdict` | pure: what an answer to CONNECT means |
//! | `stream` | what comes out: TCP, or TLS in TCP, or TLS in TLS |
//! | `http` | HTTP over a route |

mod error;
mod hop;
mod http;
pub(crate) mod race;
mod stream;
mod target;
mod tcp;
mod tunnel;
mod verdict;

use std::sync::Arc;

use tokio::time::timeout;

pub use self::http::{ANSWER_BYTES, Http, HttpError};
use crate::HANDSHAKE_TIMEOUT;
pub use error::{ProxyProblem, RouteError};
pub use hop::{Credentials, Hop};
pub use stream::Stream;
pub(crate) use target::Target;

/// The way a connection takes. Clones are cheap.
#[derive(Debug, Clone, Default)]
pub struct Route {
    hops: Arc<[Hop]>,
    /// What goes there is live.
    live: bool,
}

impl Route {
    /// No proxy at all.
    #[must_use]
    pub fn direct() -> Self {
        Self::default()
    }

    /// Through these proxies, the nearest first.
    #[must_use]
    pub fn through(hops: impl IntoIterator<Item = Hop>) -> Self {
        Self {
            hops: hops.into_iter().collect(),
            live: false,
        }
    }

    /// The same way, for media: a connection that goes dead is given up after about 3 s, and not
    /// after 8 s; but not where it leads through a proxy.
    ///
    /// There the kernel sees the path to the proxy only, and every other way for media leads along
    /// it too: to give one up because bad Wi-Fi stalls for a moment gains nothing, and costs each
    /// kind of media its handshakes with proxy and router just when the path comes back. Whether
    /// the way is dead from end to end the control channel finds out, which goes by it as well:
    /// not heard of for 3 s it ends, and all media with it.
    #[must_use]
    pub fn live(&self) -> Self {
        Self {
            live: true,
            ..self.clone()
        }
    }

    /// The same way, and through one more proxy at its end.
    #[must_use]
    pub fn then(&self, hop: Hop) -> Self {
        Self {
            live: self.live,
            ..Self::through(self.hops.iter().cloned().chain([hop]))
        }
    }

    /// Whether there is no proxy.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.hops.is_empty()
    }

    /// The proxies, the nearest first.
    #[must_use]
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// Connects to a port of a host, which is a name or an address (IPv6 with or without
    /// brackets). Nothing has been said to that host yet.
    pub async fn connect(&self, host: &str, port: u16) -> Result<Stream, RouteError> {
        self.reach(&Target::new(host, port)?).await
    }

    pub(crate) async fn reach(&self, target: &Target) -> Result<Stream, RouteError> {
        let Some(first) = self.hops.first() else {
            let reached = tcp::connect(target, self.live).await;
            return reached.map_err(|failure| failure.of(target));
        };
        let reached = tcp::connect(first.target(), false).await;
        let mut stream = reached.map_err(|failure| first.failed(failure.into()))?;
        for (at, hop) in self.hops.iter().enumerate() {
            let next = self.hops.get(at + 1).map_or(target, Hop::target);
            stream = timeout(HANDSHAKE_TIMEOUT, hop.pass(stream, next))
                .await
                .unwrap_or(Err(ProxyProblem::TimedOut))
                .map_err(|problem| hop.failed(problem))?;
        }
        Ok(stream)
    }
}
