//! What forwarding costs: a router of ours and a small forwarder on stock quinn, in turns, under
//! the same load.
//!
//! | module | what it does |
//! |---|---|
//! | [`meetings`] | who is in which meeting, and on which flows: both servers and the load agree |
//! | [`ours`] | the router's own loop, SFU core and port, without the control channels |
//! | [`stock`] | what one writes in an afternoon with quinn and tokio, with the same settings |
//! | [`load`] | people who send and receive, and what they noticed |
//! | [`compare`] | rounds, medians, the table |
//!
//! Servers and load are processes of their own, each on cores of its own, so that one's work is
//! not counted as the other's.

pub mod compare;
pub mod cores;
pub mod load;
pub mod meetings;
pub mod ours;
pub mod stock;
