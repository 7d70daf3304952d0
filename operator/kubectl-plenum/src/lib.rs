//! `kubectl plenum`: zones for people, by the API server alone.
//!
//! | module | what lives there | asks the API |
//! |---|---|---|
//! | [`snapshot`] | every object that is judged, as it was at one moment | no |
//! | [`finding`] | what is wrong: what, why, and what to type | no |
//! | [`doctor`] | the checks, in the order in which a zone comes to be | no, pure |
//! | [`status`] | a zone at a glance | no, pure |
//! | [`top`] | the routers' figures, and how fast they grow | no, pure |
//! | [`drain`] | how far the drain of a node's router is | no, pure |
//! | [`waiting`] | looking again and again until a drain is over | no |
//! | [`meetings`] | which meetings run where | no, pure |
//! | [`bundle`] | what support needs, without what is secret | no, pure |
//! | [`exposition`] | metrics as text | no, pure |
//! | [`render`] | tables, colours, lengths of time | no |
//! | [`cluster`] | the only part that asks, and its troubles as sentences | yes |
//! | [`arguments`], [`commands`] | the command line; one command after the other | through `cluster` |
//!
//! Nothing is ever changed but one annotation of a node, by `drain`.
//!
//! ```
//! use kubectl_plenum::doctor::diagnose;
//! use kubectl_plenum::snapshot::Snapshot;
//!
//! let nothing = Snapshot::at("2026-11-22T12:00:00Z".parse().unwrap());
//! let report = diagnose(&nothing);
//! assert!(!report.healthy);
//! assert_eq!(report.checks[0].findings[0].reason, "DefinitionMissing");
//! ```

pub mod arguments;
pub mod bundle;
pub mod cluster;
pub mod commands;
pub mod doctor;
pub mod drain;
pub mod exposition;
pub mod finding;
pub mod meetings;
pub mod render;
pub mod snapshot;
pub mod status;
pub mod top;
pub mod waiting;
