//! Connecting in simulated time, against networks that work, do not, or only half.
//!
//! | file | idea |
//! |---|---|
//! | `world` | directories, zones and tunnels behind delays, loss and firewalls |
//! | `weather` | how long packets take |
//! | `answers` | what those who are asked answer |
//! | `internet` | what comes back from a world, and after how long |
//! | `run` | runs the machine in a world |
//! | `joins` | who gets in, by which way, and how long it takes |
//! | `cost` | the bytes of the network test, and how many they may be |
//! | `beginnings` | those who begin a meeting come to one zone |
//! | `obstacles` | what is wrong with one server, way or router keeps nobody from the others |
//! | `turns` | more doors than one network test may try, and what is told of them |
//! | `returns` | who was in and comes back |
//! | `aside` | what those say who are asked beside the others, whenever that comes |
//! | `no_room` | who comes back where there is no room, or no such meeting any more |
//! | `refusals` | who does not, and what they are told |
//! | `nearest` | the right zone of three, in 1,000 seeded trials |
//! | `model` | any world: always an end, in time, and a router wherever there is a way to one |

mod answers;
mod aside;
mod beginnings;
mod cost;
mod internet;
mod joins;
mod model;
mod nearest;
mod no_room;
mod obstacles;
mod refusals;
mod returns;
mod run;
mod turns;
mod weather;
mod world;

use super::*;
use plenum_wire::directory::Denial;
use plenum_wire::join::Refusal;
