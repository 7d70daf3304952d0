//! A bad network in user space, for tests: delay, jitter, loss, a limited rate, reordering.
//!
//! | type | what it is |
//! |---|---|
//! | [`Link`] | pure: one direction; a packet and the time in, when it arrives or nothing out |
//! | [`Proxy`] | the shell: a UDP port in front of another one, a [`Link`] each way |
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

mod link;
mod proxy;

pub use link::{Conditions, Link};
pub use proxy::Proxy;
