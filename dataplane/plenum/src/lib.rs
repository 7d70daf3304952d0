//! The roles of the `plenum` binary: one file per role, wiring only, no decisions.
//!
//! The decisions are in `plenum-zone` and `plenum-router`, the bytes in `plenum-wire`, the
//! sockets in `plenum-transport`. What is here connects them, and reads the command line.

mod controllers;
pub mod directory;
pub mod doctor;
pub mod health;
pub mod ht;
pub mod join;
pub mod load;
pub mod mmr;
pub mod serve;
mod upstream;
pub mod zc;

/// What a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Sentences, for people.
    Text,
    /// One JSON object a line, for scripts.
    Json,
}
