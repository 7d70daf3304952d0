//! The broker of a meeting zone: which router hosts which meeting.
//!
//! One [`Broker`] per zone controller. It has no store, no clock and no sockets: it hears
//! what the routers report and what is asked, and says what is to be done. Replicas never
//! talk to each other: they hear the same reports and decide alike.
//!
//! What lives here, and where to look:
//!
//! | module | decides |
//! |---|---|
//! | `broker` | the four doors: [`Broker::handle`], [`Broker::handle_timeout`], [`Broker::poll`], [`Broker::next_timeout`] |
//! | `join` | where one participant goes, and what happens when that router is full |
//! | [`placement`] | which router a new meeting gets, as pure functions |
//! | `routers`, `meetings` | what is known, and the room that is promised but not yet taken |
//! | `moves` | orders to routers, from the order to its end |
//! | `endings` | which meetings were ended, and who is still to be told |
//! | `drain`, `merge` | which meetings have to move: off a draining router, and back together |
//! | `operator`, `report` | what the operator wants, and what it is told |
//! | [`outward`] | what the directory is told, and when |
//! | [`admission`] | who may join at all |
//!
//! It does not know what a socket, Kubernetes or a ticket's signature is: the shell signs.
//!
//! ```
//! use plenum_wire::join::{Endpoint, Refusal};
//! use plenum_wire::link::Load;
//! use plenum_wire::{Boot, Fingerprint};
//! use plenum_zone::{Action, Answer, Broker, Event, Join, Link, Request};
//!
//! # #[allow(clippy::disallowed_methods)]
//! let now = std::time::Instant::now();
//! let mut broker = Broker::new();
//! let endpoint = Endpoint {
//!     addresses: vec!["192.0.2.1".parse().unwrap()],
//!     https_port: 443,
//!     media_port: 8801,
//!     fingerprint: Fingerprint([7; 32]),
//! };
//! broker.handle(
//!     Event::RouterHello {
//!         link: Link(1),
//!         router: "router-a".parse().unwrap(),
//!         pool: "site.pool".parse().unwrap(),
//!         boot: Boot(1),
//!         endpoint: endpoint.clone(),
//!     },
//!     now,
//! );
//! let load = Load { participants: 0, capacity: 100, accepting: true, draining: false };
//! broker.handle(
//!     Event::RouterReport { link: Link(1), load, meetings: vec![], ended: vec![] },
//!     now,
//! );
//! broker.handle(
//!     Event::Join(Join {
//!         request: Request(1),
//!         meeting: "standup".parse().unwrap(),
//!         participant: "ada".parse().unwrap(),
//!         from: None,
//!         exclude: vec![],
//!         vouched: 1_700_000_000,
//!     }),
//!     now,
//! );
//! let placed = Answer::Placed { router: "router-a".parse().unwrap(), endpoint };
//! assert_eq!(broker.poll(), Some(Action::Answer { request: Request(1), answer: placed }));
//! assert_eq!(broker.poll(), None);
//! ```

pub mod admission;
mod broker;
mod drain;
mod endings;
mod event;
mod join;
mod meetings;
mod merge;
mod moves;
mod operator;
pub mod outward;
pub mod placement;
mod report;
mod routers;
mod timers;
mod unplaced;
mod whereabouts;

pub use broker::Broker;
pub use event::{Action, Answer, Event, Join, Link, Order, Request};
pub use join::RESERVATION;
pub use merge::{RECOVERY, SETTLE};
pub use moves::{MOVES_PER_ROUTER, ORDER_PATIENCE};
