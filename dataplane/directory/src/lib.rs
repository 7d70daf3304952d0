//! The directory: accounts, meetings, schedules and zones, and what clients ask before
//! they join.
//!
//! | module | what lives there | knows nothing of |
//! |---|---|---|
//! | [`model`] | the things themselves, their rules and their clockwork, as pure code | databases, HTTP, the clock |
//! | [`store`] | the same things kept in `SQLite` or `PostgreSQL`, and the feed for replicas | HTTP, who may do what |
//! | [`random`] | numbers, names and secrets nobody can guess | what they are for |

pub mod model;
pub mod random;
pub mod store;
