//! The tunnel: where nothing else gets through, it carries a client's TLS connections on its
//! port 443 to the controllers and routers of one zone, and to nothing else.
//!
//! | module | what it decides or does |
//! |---|---|
//! | [`target`] | reads what a client wants to reach, strictly |
//! | [`allowed`] | what may be reached |
//! | [`known`] | the same from what several controllers say, some of them away |
//! | [`admission`] | who may use the tunnel |
//! | [`shares`] | who goes next when there is more than the tunnel may carry |
//! | [`limits`] | how much one client may have |
//! | `places`, `pacer` | counts and clocks for these |
//! | `connect`, `forward` | the two ways in: CONNECT, and WebSockets for browsers |
//! | `door` | what both have in common |
//! | `reach`, `relay` | a connection to a target, and the bytes both ways |
//! | `refusal` | what is answered otherwise |
//! | [`metrics`] | what is counted |
//!
//! It does not know what it carries: TLS goes through from end to end, so a tunnel hears
//! nothing of a meeting. (Browsers' WebSockets end here, as a browser cannot pin a router.)
//!
//! ```
//! use plenum_tunnel::{Allowed, Target};
//!
//! let controllers = ["https://meet.example.org".to_owned()];
//! let allowed = Allowed::registered(&controllers, &[], false);
//! let reaches = |text| Target::parse(text).is_ok_and(|target| allowed.contains(&target));
//! assert!(reaches("meet.example.org:443"));
//! assert!(!reaches("meet.example.org:22"));
//! assert!(!reaches("meet.example.org.:443"));
//! ```

pub mod admission;
pub mod allowed;
mod connect;
mod door;
mod forward;
pub mod known;
pub mod limits;
pub mod metrics;
mod pacer;
mod places;
mod reach;
mod refusal;
mod relay;
mod server;
pub mod shares;
pub mod target;

pub use admission::Admission;
pub use allowed::Allowed;
pub use door::View;
pub use known::Known;
pub use limits::Limits;
pub use metrics::Metrics;
pub use server::{Config, Tunnel, start};
pub use target::Target;
