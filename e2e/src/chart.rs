//! The chart beside what it installs: its page, and what must hold for it on a real cluster.
//! What can be said without a cluster is in `tests/chart`.
//!
//! | module | what it is |
//! |---|---|
//! | [`readme`] | the table of values in the chart's README |
//! | `scenarios` | the API server takes all that is rendered; the operator runs where pods are restricted |
//! | `foreign` | definitions of the kinds that others define |
//! | `prometheus` | a real one, which reads what runs on the cluster |
//! | `dashboards` | what panels and alerts make of it |

pub(crate) mod dashboards;
mod foreign;
mod prometheus;
pub mod readme;
pub(crate) mod scenarios;
