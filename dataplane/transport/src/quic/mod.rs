//! A UDP port and the QUIC connections on it, driven by its owner: no task, no runtime.
//!
//! A [`Port`] belongs to one thread. The owner waits until its socket is readable or
//! [`Port::next_timeout`], then:
//!
//! 1. [`Port::receive`] and [`Port::handle_timeout`] with the time; both give [`Event`]s;
//! 2. [`Port::send`] for what is to go out: it gathers;
//! 3. [`Port::flush`]: it sends, the packets of one destination together.
//!
//! | file | idea |
//! |---|---|
//! | `socket` | many datagrams by one system call |
//! | `receive_buffer` | room in the kernel for what comes, and what found none |
//! | `port` | all of it together |
//! | `door` | who may come in |
//! | `congestion` | how much may be on the way, and how much the path carries |
//! | `peer` | one connection, what waits for it |
//! | `timers` | when which connection has something to do |
//! | `steer` | connection ids carry the core |
//! | `tick` | how long to gather before sending |

mod config;
mod congestion;
mod door;
mod peer;
mod port;
mod receive_buffer;
mod socket;
mod steer;
mod tick;
mod timers;

pub(crate) use config::client_config;
pub use config::{SEND_BUFFER, endpoint_config, server_config};
pub use port::{Port, Stray};
pub(crate) use receive_buffer::ReceiveBuffer;
pub(crate) use socket::{Outgoing, send};
pub use steer::CoreNumber;
pub use tick::Tick;
