//! Sockets, TLS, QUIC and WebSockets: what moves Plenum's bytes and knows nothing of meetings.
//!
//! | module | what it does |
//! |---|---|
//! | [`tls`] | identities, whom to trust (pins, roots), roles read from certificates, files that change |
//! | [`https`] | an axum router behind TLS, its certificate swapped while it runs |
//! | [`channel`] | one typed JSON WebSocket, both sides: control channel and zone links |
//! | [`quic`] | a UDP port and its QUIC connections, driven by their thread |
//! | [`media`] | the router's side of the three rungs, in the hands of one thread |
//! | [`dial`] | the client's side of the three rungs and of the control channel |
//! | [`route`] | the way of a connection over TCP, through proxies, and HTTP on it |
//! | [`buckets`], [`rate`] | how often somebody, or one address, may do something |
//! | [`socket`] | the socket options that media needs |
//!
//! All of it speaks TLS 1.3 only, and names its cryptography (aws-lc-rs) itself, so it does not
//! depend on what else in the process chose a default.
//!
//! ```
//! use std::num::NonZeroU8;
//!
//! use bytes::Bytes;
//! use plenum_transport::dial::Dialer;
//! use plenum_transport::media::{Config, Event, Switch};
//! use plenum_transport::tls::Identity;
//! use plenum_wire::{FlowId, Kind, Rung, join::Endpoint};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let any = "127.0.0.1:0".parse()?;
//!     let identity = Identity::self_signed(&["router".to_owned()])?;
//!     let cores = NonZeroU8::MIN;
//!     let config = Config { udp: any, tcp: any, identity: identity.clone(), cores };
//!     let (mut switch, streams) = Switch::bind(&config)?;
//!     let media_port = switch.udp_address()?.port();
//!
//!     // A router in small: the first packet goes back to who sent it.
//!     let router = std::thread::spawn(move || -> std::io::Result<()> {
//!         let mut events = Vec::new();
//!         loop {
//!             switch.wait(None)?;
//!             switch.receive(&mut events)?;
//!             let mut done = false;
//!             for event in events.drain(..) {
//!                 if let Event::Packet { connection, flow, packet } = event {
//!                     switch.send(connection, flow, &packet, None);
//!                     done = true;
//!                 }
//!             }
//!             switch.flush();
//!             if done {
//!                 switch.stop();
//!                 return Ok(());
//!             }
//!         }
//!     });
//!
//!     let endpoint = Endpoint {
//!         addresses: vec![any.ip()],
//!         https_port: 443,
//!         media_port,
//!         fingerprint: identity.fingerprint(),
//!     };
//!     let connection = Dialer::new()?.media(Kind::Video, Rung::Udp, &endpoint).await?;
//!     let (to_router, mut from_router) = connection.split();
//!     let (flow, packet) = (FlowId::new(7).expect("not 0"), Bytes::from_static(b"RTP"));
//!     assert!(to_router.send(flow, &packet));
//!     assert_eq!(from_router.recv().await, Some((flow, packet)));
//!     streams.stopped().await;
//!     router.join().expect("the router runs")?;
//!     Ok(())
//! }
//! ```

pub mod buckets;
pub mod channel;
pub mod dial;
mod estimate;
pub mod https;
mod marking;
pub mod media;
pub mod quic;
pub mod rate;
pub mod route;
pub mod socket;
pub mod tls;
mod websocket;

use std::time::Duration;

/// How long a peer may take for a TLS or QUIC handshake, or for the head of an HTTP request.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
