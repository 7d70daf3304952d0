//! Connecting in simulated time, against networks that work, do not, or only half.
//!
//! | file | idea |
//! |---|---|
//! | `world` | directories, zones and tunnels behind delays, loss and firewalls; runs the machine |
//! | `joins` | who gets in, by which way, and how long it takes |
//! | `refusals` | who does not, and what they are told |
//! | `nearest` | the right zone of three, in 1,000 seeded trials |
//! | `model` | any world: always an end, in time, and a router wherever there is a way to one |

mod joins;
mod model;
mod nearest;
mod refusals;
mod world;

use super::*;
use plenum_wire::directory::Denial;
use plenum_wire::join::Refusal;
