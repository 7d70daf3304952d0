//! What all sessions of a process share: sockets, TLS settings, HTTP connections, and the way
//! that they take.

use std::sync::Arc;

pub use plenum_transport::dial::Detour;
use plenum_transport::dial::Dialer;
use plenum_transport::route::{Http, Route};
use plenum_transport::tls::{self, Trust};
use rustls::ClientConfig;

use crate::error::JoinError;

/// Shared by any number of sessions; cheap to clone.
#[derive(Clone)]
pub struct Network {
    dialer: Dialer,
    route: Route,
    tls: Arc<ClientConfig>,
    http: Http,
}

impl Network {
    /// `authority` is the PEM of the authority that vouches for directory and zone controllers;
    /// without it the public web's. Routers are pinned by what the controllers say. Without
    /// any proxy. Must be called within a tokio runtime.
    pub fn new(authority: Option<&[u8]>) -> Result<Self, JoinError> {
        let dialer = Dialer::new().map_err(|error| {
            JoinError::Configuration(format!(
                "no UDP socket could be opened: {error}. Raise the limit of open files (ulimit -n)"
            ))
        })?;
        let (tls, route) = (trust(authority)?, Route::direct());
        Ok(Self::assemble(dialer, route, tls))
    }

    fn assemble(dialer: Dialer, route: Route, tls: Arc<ClientConfig>) -> Self {
        let http = Http::new(route.clone(), Arc::clone(&tls));
        Self {
            dialer,
            route,
            tls,
            http,
        }
    }

    /// The same sockets and trust, but everything over TCP takes `route`. Media has no rung
    /// `udp` unless it is the direct one.
    #[must_use]
    pub fn via(&self, route: Route) -> Self {
        let dialer = self.dialer.via(&route);
        Self::assemble(dialer, route, Arc::clone(&self.tls))
    }

    /// The same sockets and route, but another authority vouches for those that are asked over
    /// HTTPS.
    pub fn trusting(&self, authority: Option<&[u8]>) -> Result<Self, JoinError> {
        let tls = trust(authority)?;
        Ok(Self::assemble(self.dialer.clone(), self.route.clone(), tls))
    }

    /// The same network, but media over UDP goes by `detour`, such as through a bad network.
    #[must_use]
    pub fn through(&self, detour: Detour) -> Self {
        Self {
            dialer: self.dialer.through(detour),
            ..self.clone()
        }
    }

    /// The way that everything over TCP takes.
    #[must_use]
    pub const fn route(&self) -> &Route {
        &self.route
    }

    /// For requests to directories and controllers. Connections are kept and shared.
    #[must_use]
    pub const fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) const fn dialer(&self) -> &Dialer {
        &self.dialer
    }
}

fn trust(authority: Option<&[u8]>) -> Result<Arc<ClientConfig>, JoinError> {
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
    tls::client_config(&trust, None, &[b"http/1.1"]).map_err(|error| wrong(&error))
}
