//! When a meeting takes place.

mod expectation;
mod properties;
mod refused;
mod vectors;
