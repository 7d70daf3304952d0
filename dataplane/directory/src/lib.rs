//! The directory: accounts, meetings, schedules and zones, and what clients ask before
//! they join.
//!
//! | module | what lives there | knows nothing of |
//! |---|---|---|
//! | [`model`] | the things themselves, their rules and their clockwork, as pure code | databases, HTTP, the clock |
//! | [`store`] | the same things kept in `SQLite` or `PostgreSQL`, and the feed for replicas | HTTP, who may do what |
//! | [`geo`] | where an address is, by a file of the user | zones |
//! | [`lookup`] | who may join, and which zones they are offered, as pure code | databases, HTTP, the clock |
//! | [`replica`] | following another directory, as pure code | databases, HTTP, the clock |
//! | [`tokens`] | the signed word that somebody may join | who asks |
//! | [`api`] | all of it over HTTP | sockets, TLS |
//! | [`random`] | numbers, names and secrets nobody can guess | what they are for |

pub mod api;
pub mod geo;
pub mod lookup;
pub mod model;
pub mod random;
pub mod replica;
pub mod store;
pub mod tokens;
