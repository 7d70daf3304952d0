//! The selective forwarding unit: who is in which meeting on this router, which packets go
//! to whom, and how a meeting moves to another router. It knows no sockets and no clock.
//!
//! One [`Shard`] owns its meetings. The shell around it holds the connections and gives each
//! a number:
//!
//! 1. for everything that happens: [`Shard::handle`] with the time;
//! 2. at [`Shard::next_timeout`]: [`Shard::handle_timeout`];
//! 3. after either: [`Shard::poll`] until `None`, and do what it says, in order.
//!
//! Whatever arrives, a shard answers or counts it: nothing from outside makes it panic.
//!
//! | file | idea |
//! |---|---|
//! | `shard` | the four doors |
//! | `control`, `admission` | the control channel and who may come in |
//! | `members`, `meeting`, `participant` | who is here, publishes, receives |
//! | `tracks` | plain or with layers: which layer each receiver gets, which nobody needs |
//! | `binding`, `forward` | whose a media connection is; the hot path |
//! | `repair` | packets again, asked for and given; key frames |
//! | `speakers` | whose audio is forwarded: the loudest few |
//! | `moving`, `moves` | a meeting's move to another router |
//! | `zone`, `report`, `drain` | the links to the controllers |
//! | `endings` | meetings that were ended |
//! | `overload` | what to do about too much to do |
//! | `shed` | what is left out when there is no time for everything |
//! | `limits`, `counters`, `due` | bounds, totals, what to look at later |
//!
//! ```
//! use std::time::{Duration, Instant};
//! use plenum_router::{ChannelId, Config, Input, Output, Shard};
//! use plenum_wire::{Boot, Fingerprint, join::Endpoint};
//!
//! # #[expect(clippy::disallowed_methods)]
//! let now = Instant::now();
//! let mut shard = Shard::new(Config {
//!     router: "router-1".parse()?,
//!     pool: "media.pool".parse()?,
//!     boot: Boot(1),
//!     endpoint: Endpoint {
//!         addresses: vec![[127, 0, 0, 1].into()],
//!         https_port: 443,
//!         media_port: 8801,
//!         fingerprint: Fingerprint([0; 32]),
//!     },
//!     capacity: 100,
//! });
//! // A client connects and says nothing: after 5 seconds it is told to go.
//! let channel = ChannelId(1);
//! shard.handle(Input::ControlOpened { channel }, now);
//! assert_eq!(shard.next_timeout(), Some(now + Duration::from_secs(5)));
//! shard.handle_timeout(now + Duration::from_secs(5));
//! assert!(matches!(shard.poll(), Some(Output::Control { .. })));
//! assert!(matches!(shard.poll(), Some(Output::CloseControl { code: 4400, .. })));
//! # Ok::<(), plenum_wire::InvalidId>(())
//! ```

mod admission;
mod binding;
mod control;
mod counters;
mod drain;
mod due;
mod endings;
mod forward;
mod ids;
mod io;
pub mod limits;
mod meeting;
mod members;
mod moves;
pub mod moving;
mod overload;
mod participant;
mod repair;
mod report;
mod shard;
mod shed;
pub mod speakers;
pub mod tracks;
mod zone;

pub use counters::{Counters, Dropped, Media, Moves, Overloads, Refused};
pub use ids::{ChannelId, ConnectionId, LinkId};
pub use io::{Input, Output};
pub use overload::{OverloadStep, Shed, Strain};
pub use shard::{Config, Shard};
