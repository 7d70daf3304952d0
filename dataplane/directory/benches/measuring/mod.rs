//! What the benches of this crate and of `plenum` share, which takes it from here by its path.

pub mod aims;
pub mod cpu;
