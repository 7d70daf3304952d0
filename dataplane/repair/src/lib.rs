//! Repairing loss, one track at a time: what is missing and when to ask for it, what was
//! sent lately, and how much of it may be sent again. Routers and clients both do all three.
//!
//! Pure: time arrives as a value. Packets are as the publisher made them, so that whoever
//! gets one twice removes the second copy by track and sequence number.
//!
//! | file | idea |
//! |---|---|
//! | `gaps` | what did not come, asked for a few times and then given up |
//! | `smooth` | a measured time and how much it varies |
//! | `cache` | the packets sent last, found by number |
//! | `budget` | what one receiver may have again |
//!
//! ```
//! use std::time::{Duration, Instant};
//! use plenum_repair::{Gaps, Patience};
//!
//! # #[expect(clippy::disallowed_methods)]
//! let now = Instant::now();
//! let mut gaps = Gaps::new(Patience::AUDIO);
//! gaps.receive(1, now);
//! gaps.receive(3, now);
//! let due = gaps.next_due().unwrap();
//! let mut asked = Vec::new();
//! gaps.ask(due, &mut asked);
//! assert_eq!(asked, [2]);
//! ```

mod budget;
mod cache;
mod gaps;
mod smooth;

pub use budget::Budget;
pub use cache::Cache;
pub use gaps::{Arrival, Gaps, Patience};
