//! What forwarding costs: a router of ours and a small forwarder on stock quinn, in turns, under
//! the same load.
//!
//! | module | what it does |
//! |---|---|
//! | [`meetings`] | who is in which meeting, and on which flows: both servers and the load agree |
//! | [`ours`] | the router's own loop, SFU core and port, without the control channels |
//! | [`stock`] | what one writes in an afternoon with quinn and tokio, with the same settings |
//! | [`load`] | people who send and receive, and what they noticed |
//! | [`clients`] | their connections, as cheap as can be |
//! | [`stamp`] | packets that say when they were sent |
//! | [`trial`] | one server under one load |
//! | [`command`] | the command line |
//! | [`compare`] | ours and stock quinn in turns, medians, the table |
//! | [`capacity`] | what one core carries, and what a second one adds |
//!
//! Servers and load are processes of their own, each on cores of its own, so that one's work is
//! not counted as the other's.

pub mod capacity;
pub mod clients;
pub mod command;
pub mod compare;
pub mod cores;
pub mod load;
pub mod meetings;
pub mod ours;
pub mod running;
pub mod stamp;
pub mod stock;
pub mod trial;
