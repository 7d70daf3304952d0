//! What all sessions of a process share: sockets, TLS settings, HTTP connections.

use std::time::Duration;

pub use plenum_transport::dial::Detour;
use plenum_transport::dial::Dialer;
use plenum_transport::tls::{self, Trust};

use crate::error::JoinError;

/// How long connecting to a zone controller may take. A hedge overtakes it long before.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A zone controller's connection is kept for a burst of joins, not to find it dead later.
const IDLE: Duration = Duration::from_secs(5);

/// Shared by any number of sessions; cheap to clone.
#[derive(Clone)]
pub struct Network {
    pub(crate) dialer: Dialer,
    pub(crate) http: reqwest::Client,
}

impl Network {
    /// `authority` is the PEM of the authority that vouches for the zone controllers; without
    /// it the public web's. Routers are pinned by what the controllers say. Must be called
    /// within a tokio runtime.
    pub fn new(authority: Option<&[u8]>) -> Result<Self, JoinError> {
        let wrong = |error: &dyn std::fmt::Display| {
            JoinError::Configuration(format!(
                "the certificate authority cannot be used: {error}. \
                 Give a file with the zone's certificate authority in PEM"
            ))
        };
        let trust = match authority {
            Some(pem) => Trust::from_pem(pem).map_err(|error| wrong(&error))?,
            None => Trust::WebPki,
        };
        let tls =
            tls::client_config(&trust, None, &[b"http/1.1"]).map_err(|error| wrong(&error))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .connect_timeout(CONNECT_WITHIN)
            .pool_idle_timeout(IDLE)
            .no_proxy()
            .user_agent(concat!("plenum/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| JoinError::Configuration(format!("no HTTPS here: {error}")))?;
        let dialer = Dialer::new().map_err(|error| {
            JoinError::Configuration(format!(
                "no UDP socket could be opened: {error}. Raise the limit of open files (ulimit -n)"
            ))
        })?;
        Ok(Self { dialer, http })
    }
    /// The same network, but media over UDP goes by `detour`, such as through a bad network.
    #[must_use]
    pub fn through(&self, detour: Detour) -> Self {
        Self {
            dialer: self.dialer.through(detour),
            http: self.http.clone(),
        }
    }
}
