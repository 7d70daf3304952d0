//! The two decisions of a lookup: who may join (`admission`), and which zones to offer them
//! (`health`, `order`). Pure: no clock, no store, no file.
//!
//! Which zones to offer to somebody, and in which order: of these rules the first that tells
//! two zones apart decides.
//!
//! 1. A zone that is silent is not offered. One that is switched off, or has no router that
//!    takes people, is offered to meetings that run there, and to no others.
//! 2. Where the meeting runs already comes first, the larger part of it before the smaller:
//!    people of one meeting want to meet. One that runs nowhere yet begins in the zone that the
//!    first of them named, who is on the way there, as long as that zone takes it.
//! 3. Then a zone that was heard of: those that this directory has just begun to listen for may
//!    be gone.
//! 4. Then the zone that has been given the caller's network by hand; the narrower network
//!    counts. Who runs the network knows better than any file.
//! 5. Then a zone whose weight is not 0: those are the last resort.
//! 6. Then the cost: the way there ([`COST_PER_KM`]), and how full it is.
//! 7. Then chance, but the same chance for everybody in a meeting, so that they meet, while
//!    many meetings are spread by weight over zones that are alike.
//!
//! At most [`OFFERED`] are offered; the client tests the network to them and has the last
//! word, but where the first is marked as the one where the meeting runs or begins.

mod admission;
mod health;
mod order;

pub use admission::{Asker, Life, Refused, Said, admit};
pub use health::{Health, SILENT_AFTER, STARTING_FOR, State};
pub use order::{COST_PER_KM, Caller, Candidate, NoZone, OFFERED, order};
