//! The zone controller: keeps the controllers, Services and certificates of each
//! [`MeetingZone`](plenum_crds::MeetingZone).
//!
//! | step | file | touches the API |
//! |---|---|---|
//! | 1 fetch | `fetch`, `named_secrets` | reads |
//! | 2 validate | `validate` | no |
//! | 3 build | `build`, `children/` | no |
//! | 4 plan | `plan`, `deletion` | no |
//! | 5 apply | `apply` | writes |
//! | 6 status | `status`, `url`, `numbers` | no |
//!
//! `reconcile` runs them in this order, `controller` is what wakes it. What stands in a part's
//! way is kept in `problems`.
//!
//! Guarantees: no write when nothing changed; what belongs to somebody else is left alone and
//! said so; a spec that cannot be carried out leaves running what runs; a zone that is deleted
//! goes after its routers have drained, or at its deadline.
//!
//! Knows nothing of nodes, routers and load: that is `pool`'s.

pub mod apply;
pub mod build;
pub mod children;
pub mod controller;
pub mod deletion;
pub mod fetch;
pub mod named_secrets;
pub mod names;
pub mod numbers;
pub mod plan;
pub mod problems;
pub mod reconcile;
pub mod status;
pub mod url;
pub mod validate;

#[cfg(test)]
mod tests;

pub use controller::run;
