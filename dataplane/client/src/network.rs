//! What all sessions of a process share: sockets, TLS settings, HTTP connections, and the way
//! that they take.

use std::sync::Arc;

pub use plenum_transport::dial::Detour;
use plenum_transport::dial::Dialer;
use plenum_transport::route::{Http, Route};
use plenum_transport::tls::{self, Trust};
use rustls::ClientConfig;

use crate::error::JoinError;
use crate::terrain::Terrain;

/// Shared by any number of sessions; cheap to clone.
#[derive(Clone)]
pub struct Network {
    dialer: Dialer,
    route: Route,
    trust: Trust,
    tls: Arc<ClientConfig>,
    http: Http,
    terrain: Terrain,
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
        Ok(Self::assemble(dialer, Route::direct(), trust(authority)?))
    }

    fn assemble(dialer: Dialer, route: Route, trusted: (Trust, Arc<ClientConfig>)) -> Self {
        let (trust, tls) = trusted;
        let http = Http::new(route.clone(), Arc::clone(&tls));
        Self {
            dialer,
            route,
            trust,
            tls,
            http,
            terrain: Terrain::default(),
        }
    }

    /// The same sockets and trust, but everything over TCP takes `route`. Media has no rung
    /// `udp` unless it is the direct one.
    #[must_use]
    pub fn via(&self, route: Route) -> Self {
        let dialer = self.dialer.via(&route);
        Self {
            terrain: self.terrain.clone(),
            ..Self::assemble(dialer, route, (self.trust.clone(), Arc::clone(&self.tls)))
        }
    }

    /// The same sockets and route, but another authority vouches for those that are asked over
    /// HTTPS.
    pub fn trusting(&self, authority: Option<&[u8]>) -> Result<Self, JoinError> {
        let trusted = trust(authority)?;
        Ok(Self {
            terrain: self.terrain.clone(),
            ..Self::assemble(self.dialer.clone(), self.route.clone(), trusted)
        })
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

    /// Who vouches for those that are asked over HTTPS.
    #[must_use]
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(crate) const fn terrain(&self) -> &Terrain {
        &self.terrain
    }

    pub(crate) const fn dialer(&self) -> &Dialer {
        &self.dialer
    }
}

fn trust(authority: Option<&[u8]>) -> Result<(Trust, Arc<ClientConfig>), JoinError> {
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
    let tls = tls::client_config(&trust, None, &[b"http/1.1"]).map_err(|error| wrong(&error))?;
    Ok((trust, tls))
}
