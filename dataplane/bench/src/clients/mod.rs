//! The client ends of many QUIC connections on one thread: real ones, that shake hands, decrypt
//! and acknowledge, and cost as little as they can, so that a load does not end before a server.
//!
//! quinn-proto is driven directly, as the router drives it: no task and no timer for each
//! connection, many datagrams by one system call, what the kernel joined (GRO) taken as one.
//! How often they acknowledge is what the server asks for, as with any client.
//!
//! | file | idea |
//! |---|---|
//! | `socket` | many datagrams by one system call |
//! | `line` | a socket and the connections on it |
//! | `crowd` | all of them, and who is where |

mod crowd;
mod line;
mod socket;

pub use crowd::{Crowd, Settings};
pub use line::Happened;
pub use socket::{Arrived, Room, Socket};
