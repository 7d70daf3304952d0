//! The chart, without a cluster: what it renders under several values, and whether its alerts,
//! dashboards and pages fit to each other and to what the programs export.
//!
//! Tests that render need the pinned helm, and those that install an API server, which are built
//! from Go modules where they are not in the cache: `make test-chart` runs them.

mod connections;
mod directory;
mod former;
mod installed;
mod monitoring;
mod notes;
mod objects;
mod promtool;
mod readme;
mod render;
mod restricted;
mod schema;
mod selecting;
mod telemetry;
