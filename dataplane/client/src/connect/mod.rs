//! The connection process: from a meeting's number to a router.
//!
//! 1. **Lookup** at the directory, straight and through a proxy: a token, and zones.
//! 2. **Network test** of every controller of every zone, at once: the best zone.
//! 3. **Router**: the zone is asked, then the next one; where no controller answers, through
//!    the fastest tunnel.
//! 4. **Media** is the session's: see [`ladder`](crate::ladder).
//!
//! | module | what it does |
//! |---|---|
//! | [`Connecting`] | pure: the first three steps, with everything that can go wrong |
//! | `looking` | pure: several directories and ways out, one after the other with a head start |
//! | `measure` | pure: whom to ping, and when the choice is clear |
//! | [`choice`] | pure: what the figures say |
//! | `driver`, `errand`, `doors` | does what [`Connecting`] decides: requests, and the ways that they go |
//! | `places` | pure: where the meeting may be joined |
//! | `proof` | what tunnels are shown |
//! | `blame` | pure: which way is the last choice, because routers could not be reached by it |
//! | `connector` | what a session knows of its way |
//! | [`inspect`] | the steps one by one |
//! | `words` | what is said to [`Connecting`], and what it wants done |

mod blame;
pub mod choice;
mod connecting;
mod connector;
mod doors;
mod driver;
mod errand;
pub mod inspect;
mod looking;
mod measure;
mod places;
mod proof;
mod words;

pub(crate) use connector::{Connector, Located};
pub(crate) use errand::failure;
pub(crate) use words::Waiting;

pub use connecting::{Connecting, Setting};
pub use connector::{RouteKind, Way};
pub use places::{Place, Places};
pub use words::{
    Action, Attempt, Failure, Fault, Found, Input, News, Out, Path, Setback, Steps, Target, Tunnel,
    Unanswered,
};

/// Timed requests on one kept connection, after the first, which connects.
pub const SAMPLES: usize = 4;
