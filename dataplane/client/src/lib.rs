//! A media client: how a participant gets into a meeting and stays in it.
//!
//! | module | what it does |
//! |---|---|
//! | [`connect`] | lookup, network test, router, tunnels: from a meeting's number to a router |
//! | `zone` | asks the controllers of one zone for a router, hedged |
//! | [`ladder`] | pure: races the rungs of one media connection, takes up a better one later |
//! | [`moving`] | pure: which routers, through moves and their deaths |
//! | [`roster`] | pure: who and which tracks are there, told by one or two routers, and each packet once |
//! | [`proxy`] | finds the proxy that is configured here |
//! | `wanted`, `uplink` | pure: which layers of our own tracks are to be sent |
//! | [`media`] | Ogg and IVF files to RTP packets and back |
//! | [`dedup`] | pure: removes the second copy of each packet |
//! | `repair` | pure: asks for what was lost, and answers those who lost something |
//! | [`quality`] | pure: what a listener would hear and a viewer see, as figures |
//! | [`Session`] | drives all of it over `plenum-transport` |
//!
//! ```no_run
//! use plenum_client::{Event, JoinConfig, Network, Session};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let authority = std::fs::read("ca.crt")?;
//! let network = Network::new(Some(&authority))?;
//! let zones = vec!["https://127.0.0.1:8443".to_owned()];
//! let mut session = Session::join(JoinConfig::new(network, zones, "100".parse()?)).await?;
//! while let Some(event) = session.next_event().await {
//!     if let Event::Packet { track, packet, .. } = event {
//!         println!("{} bytes of {}'s {}", packet.len(), track.participant, track.kind);
//!     }
//! }
//! # Ok(()) }
//! ```

mod backoff;
pub mod connect;
pub mod dedup;
mod error;
mod event;
pub mod ladder;
mod leg;
pub mod media;
pub mod moving;
mod network;
pub mod proxy;
pub mod quality;
mod repair;
pub mod roster;
mod session;
mod speakers;
mod terrain;
mod track;
mod uplink;
mod wanted;
mod whereabouts;
mod zone;

pub use error::{JoinError, exit};
pub use event::Event;
pub use ladder::RungPolicy;
pub use moving::Ending;
pub use network::{Detour, Network};
pub use session::{JoinConfig, LayerSize, PublishError, Session};
pub use speakers::is_heard;
pub use track::TrackSender;
