//! The client's side: media connections over every rung, and the control channel.
//!
//! A router has several addresses: the next one is tried when one fails or has not answered
//! for 250 ms (as RFC 8305 does), and the first that works is used.

mod changes;
mod error;
mod media;
mod udp;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use plenum_wire::frame::{ROQ_ALPN, TCP_ALPN, TLS_SUBPROTOCOL};
use plenum_wire::join::Endpoint;
use plenum_wire::{Fingerprint, Kind, Rung, control};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::time::timeout;

use crate::HANDSHAKE_TIMEOUT;
use crate::channel::{self, Channel};
use crate::media::WEBSOCKET;
use crate::quic;
use crate::route::{Route, race};
use crate::tls::{TlsError, Trust, client_config};
use crate::websocket::{self, Target};
use udp::Sockets;

pub use changes::Changes;
pub use error::DialError;
pub use media::{MediaConnection, MediaReceiver, MediaSender};

/// Routers whose TLS settings are kept. A client meets a handful, a load generator a pool.
const KEPT: usize = 256;
/// Application protocol of control channel and rung `tls`: what carries WebSockets.
const HTTP_ALPN: &[u8] = b"http/1.1";

/// Another way to a UDP address, such as one through a bad network.
pub type Detour = Arc<dyn Fn(SocketAddr) -> io::Result<SocketAddr> + Send + Sync>;

/// Dials routers. Clones share sockets and TLS settings.
#[derive(Clone)]
pub struct Dialer {
    shared: Arc<Shared>,
    detour: Option<Detour>,
    route: Route,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Shared {
    sockets: Sockets,
    /// What is to be heard of changes from now on.
    changes: Changes,
    /// The change after which new ports were taken last.
    rebound: AtomicU64,
    known: Mutex<HashMap<Fingerprint, Pinned>>,
}

/// TLS settings for one router. Kept because they also keep its session tickets.
#[derive(Debug, Clone)]
struct Pinned {
    udp: quinn::ClientConfig,
    tcp: Arc<ClientConfig>,
    https: Arc<ClientConfig>,
}

impl Pinned {
    fn new(fingerprint: Fingerprint) -> Result<Self, TlsError> {
        let trust = Trust::Pinned(fingerprint);
        Ok(Self {
            udp: quic::client_config(client_config(&trust, None, &[ROQ_ALPN])?)?,
            tcp: client_config(&trust, None, &[TCP_ALPN])?,
            https: client_config(&trust, None, &[HTTP_ALPN])?,
        })
    }
}

impl Dialer {
    /// Opens UDP sockets, for both address families. Must be called within a runtime, which then
    /// drives them.
    pub fn new() -> io::Result<Self> {
        let shared = Shared {
            sockets: Sockets::open()?,
            changes: Changes::watch(),
            rebound: AtomicU64::new(0),
            known: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            detour: None,
            route: Route::direct(),
        })
    }

    /// The same dialer, whose rung `udp` goes by `detour`.
    #[must_use]
    pub fn through(&self, detour: Detour) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            detour: Some(detour),
            route: self.route.clone(),
        }
    }

    /// The same dialer, whose connections over TCP take `route`. There is no rung `udp` unless
    /// it is the direct one.
    #[must_use]
    pub fn via(&self, route: &Route) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            detour: self.detour.clone(),
            route: route.clone(),
        }
    }

    /// When to look whether the network has changed.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.shared.changes.clone()
    }

    /// Takes new UDP ports, once for a `change` of the network however many ask for it:
    /// connections of rung `udp` go on from there, and their routers learn it at once (RFC 9000
    /// section 9).
    pub fn rebind_after(&self, change: u64) -> io::Result<()> {
        if self.shared.rebound.fetch_max(change, Ordering::Relaxed) < change {
            return self.shared.sockets.rebind();
        }
        Ok(())
    }

    /// Takes new UDP ports.
    pub fn rebind(&self) -> io::Result<()> {
        self.shared.sockets.rebind()
    }

    /// Opens a connection for one kind of media over one rung, within 5 s for each address.
    pub async fn media(
        &self,
        kind: Kind,
        rung: Rung,
        endpoint: &Endpoint,
    ) -> Result<MediaConnection, DialError> {
        if rung == Rung::Udp && !self.route.is_direct() {
            return Err(DialError::NotOnRoute);
        }
        let pinned = self.pinned(endpoint.fingerprint)?;
        let port = match rung {
            Rung::Udp | Rung::Tcp => endpoint.media_port,
            Rung::Tls => endpoint.https_port,
        };
        let addresses = addresses(endpoint, port);
        let dialled = race::first(&addresses, DialError::NoAddress, |address| {
            let pinned = pinned.clone();
            async move {
                match rung {
                    Rung::Udp => self.udp(kind, address, pinned.udp).await,
                    Rung::Tcp => self.tcp(address, pinned.tcp).await,
                    Rung::Tls => self.tls(address, pinned.https).await,
                }
            }
        });
        Ok(dialled.await?.carrying(kind))
    }

    /// Opens the control channel, within 5 s for each address.
    pub async fn control(
        &self,
        endpoint: &Endpoint,
    ) -> Result<Channel<control::FromRouter, control::FromClient>, DialError> {
        let tls = self.pinned(endpoint.fingerprint)?.https;
        let addresses = addresses(endpoint, endpoint.https_port);
        race::first(&addresses, DialError::NoAddress, |addr| {
            let request = channel::Dial {
                addr,
                server_name: addr.ip().to_string(),
                path: control::CONTROL_PATH.to_owned(),
                subprotocol: control::SUBPROTOCOL.to_owned(),
                tls: Arc::clone(&tls),
            };
            Channel::dial_via(&self.route, request)
        })
        .await
    }

    fn pinned(&self, fingerprint: Fingerprint) -> Result<Pinned, TlsError> {
        let mut known = self
            .shared
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(pinned) = known.get(&fingerprint) {
            return Ok(pinned.clone());
        }
        if known.len() >= KEPT {
            known.clear();
        }
        let pinned = Pinned::new(fingerprint)?;
        known.insert(fingerprint, pinned.clone());
        Ok(pinned)
    }

    async fn udp(
        &self,
        kind: Kind,
        address: SocketAddr,
        config: quinn::ClientConfig,
    ) -> Result<MediaConnection, DialError> {
        let address = match &self.detour {
            Some(detour) => detour(address)?,
            None => address,
        };
        let endpoint = self.shared.sockets.toward(address, kind);
        let endpoint = endpoint.ok_or(DialError::NoAddress)?;
        let connecting = endpoint
            .connect_with(config, address, &address.ip().to_string())
            .map_err(|error| DialError::Request(error.to_string()))?;
        let connection = timeout(HANDSHAKE_TIMEOUT, connecting)
            .await
            .map_err(|_| DialError::TimedOut)??;
        if connection.max_datagram_size().is_none() {
            return Err(DialError::Protocol(
                "the peer takes no datagrams".to_owned(),
            ));
        }
        Ok(MediaConnection::udp(connection))
    }

    async fn tcp(
        &self,
        address: SocketAddr,
        config: Arc<ClientConfig>,
    ) -> Result<MediaConnection, DialError> {
        let name = ServerName::from(address.ip());
        let route = self.route.live();
        let connecting = websocket::tls(&route, address, name, config);
        let stream = timeout(HANDSHAKE_TIMEOUT, connecting)
            .await
            .map_err(|_| DialError::TimedOut)??;
        if stream.get_ref().1.alpn_protocol() != Some(TCP_ALPN) {
            return Err(DialError::Protocol("the peer speaks no media".to_owned()));
        }
        Ok(MediaConnection::tcp(stream))
    }

    async fn tls(
        &self,
        address: SocketAddr,
        config: Arc<ClientConfig>,
    ) -> Result<MediaConnection, DialError> {
        let dialled = websocket::dial(Target {
            route: &self.route.live(),
            address,
            server_name: ServerName::from(address.ip()),
            path: control::MEDIA_PATH,
            subprotocol: TLS_SUBPROTOCOL,
            tls: config,
            bounds: WEBSOCKET,
        })
        .await?;
        Ok(MediaConnection::tls(dialled))
    }
}

fn addresses(endpoint: &Endpoint, port: u16) -> Vec<SocketAddr> {
    let with_port = |ip: &IpAddr| SocketAddr::new(*ip, port);
    endpoint.addresses.iter().map(with_port).collect()
}
