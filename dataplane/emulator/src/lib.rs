//! A bad network in user space, for tests and for `plenum load`: delay, jitter, loss, a
//! limited rate, reordering.
//!
//! | type | what it is |
//! |---|---|
//! | [`Link`] | pure: one direction; a packet and the time in, when it arrives or nothing out |
//! | [`Phases`] | pure: how both directions change over time, readable as text |
//! | [`Proxy`] | the shell: a UDP port in front of another one, a [`Link`] each way |
//! | [`HttpProxy`] | a proxy such as companies have: CONNECT, maybe with a password |
//! | [`Network`] | a client's network: a [`Proxy`] in front of each server it turns to |
//!
//! The same seed and the same packets at the same times give the same fates.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use plenum_emulator::{Conditions, Link};
//!
//! let now = Instant::now();
//! let delay = Duration::from_millis(50);
//! let mut link = Link::new(Conditions { delay, ..Conditions::default() }, 1);
//! assert_eq!(link.send(1_200, now), Some(now + delay));
//! ```

mod http_proxy;
mod link;
mod network;
mod phases;
mod proxy;

pub use http_proxy::{HttpProxy, ProxyRules};
pub use link::{Conditions, Link};
pub use network::Network;
pub use phases::{Path, Phase, Phases};
pub use proxy::Proxy;
