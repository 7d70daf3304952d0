//! Sockets, TLS, QUIC and WebSockets: what moves Plenum's bytes and knows nothing of meetings.
//!
//! | module | what it does |
//! |---|---|
//! | [`tls`] | identities, whom to trust (pins, roots), roles read from certificates, files that change |
//! | [`https`] | an axum router behind TLS, its certificate swapped while it runs |
//! | [`channel`] | one typed JSON WebSocket, both sides: control channel and zone links |
//! | [`media`] | the router's side of the three rungs: one stream of events, one `send` |
//! | [`dial`] | the client's side of the three rungs and of the control channel |
//! | [`rate`] | how often one address may do something |
//! | [`socket`] | the socket options that media needs |
//!
//! All of it speaks TLS 1.3 only, and names its cryptography (aws-lc-rs) itself, so it does not
//! depend on what else in the process chose a default.
//!
//! ```
//! use bytes::Bytes;
//! use plenum_transport::dial::Dialer;
//! use plenum_transport::media::{Config, Event, Server};
//! use plenum_transport::tls::Identity;
//! use plenum_wire::{FlowId, Rung, join::Endpoint};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let any = "127.0.0.1:0".parse()?;
//!     let identity = Identity::self_signed(&["router".to_owned()])?;
//!     let config = Config { udp: any, tcp: any, identity: identity.clone() };
//!     let (server, mut events) = Server::bind(config).await?;
//!
//!     let endpoint = Endpoint {
//!         addresses: vec![any.ip()],
//!         https_port: 443,
//!         media_port: server.udp_address().port(),
//!         fingerprint: identity.fingerprint(),
//!     };
//!     let connection = Dialer::new()?.media(Rung::Udp, &endpoint).await?;
//!     let (to_router, mut from_router) = connection.split();
//!     let (flow, packet) = (FlowId::new(7).expect("not 0"), Bytes::from_static(b"RTP"));
//!     assert!(to_router.send(flow, &packet));
//!
//!     // The router sends the first packet back.
//!     while let Some(event) = events.recv().await {
//!         if let Event::Packet { connection, flow, packet } = event {
//!             server.send(connection, flow, &packet);
//!             break;
//!         }
//!     }
//!     assert_eq!(from_router.recv().await, Some((flow, packet)));
//!     server.stop().await;
//!     Ok(())
//! }
//! ```

pub mod channel;
pub mod dial;
pub mod https;
pub mod media;
pub mod rate;
pub mod socket;
pub mod tls;
mod websocket;

use std::time::Duration;

/// How long a peer may take for a TLS or QUIC handshake, or for the head of an HTTP request.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
