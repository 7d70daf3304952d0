//! The operator: makes the cluster what `MeetingZone` and `MMRPool` resources say.
//!
//! | module | what lives there | touches the API |
//! |---|---|---|
//! | [`zone`] | the controllers, services and certificates of a zone | through `fetch` and `apply` |
//! | [`pki`] | keys and certificates as values | no |
//! | [`pool`] | routers: how many, on which nodes, which drain | through `fetch` and `apply` |
//! | [`reports`] | links to the zone controllers: reports in, draining orders out | reads |
//! | [`cache`] | what is watched, found without looking through it | watches |
//! | [`queue`] | what waits to be looked at | no |
//! | [`apply`] | the only writer | writes |
//! | [`environment`] | what pods of the data plane are told of traces and logs | no |
//! | [`requests`] | the client, whose requests are counted and end in time | is the way to it |
//! | `traces` | what traces see of a reconcile | no |
//! | [`lease`] | one leader, and the fence that stops all writing | its Lease |
//! | [`term`] | a controller runs for as long as this replica leads | no |
//!
//! A controller is a pipeline, one file a step: fetch -> validate -> build -> plan -> apply
//! -> status. What is decided is decided by pure functions of what was fetched, so that it
//! is tested without a cluster; `docs/operator.md` tells the whole.

pub mod apply;
pub mod cache;
pub mod conditions;
pub mod context;
pub mod covers;
pub mod environment;
pub mod events;
pub mod exactly;
pub mod health;
pub mod lease;
pub mod metrics;
pub mod pki;
pub mod pool;
pub mod queue;
pub mod reports;
pub mod requests;
pub mod term;
mod traces;
pub mod zone;
