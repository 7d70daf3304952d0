//! What Plenum costs and how it sounds: `plenum serve` and `plenum load` on the loopback
//! interface, without a cluster.
//!
//! | module | what it measures |
//! |---|---|
//! | [`rungs`] | a join, a forwarded packet and a participant, over each rung |
//! | [`quality`] | what is heard and seen over bad networks |
//! | [`overload`] | what becomes of voices, pictures and newcomers where there is no time for all |
//! | [`soak`] | whether anything grows or is left over after people came and went for a while |
//!
//! These machines are noisy: figures of one run compare with each other better than with
//! those of another.

mod cpu_limit;
mod median;
pub mod overload;
mod process;
pub mod quality;
pub mod rungs;
mod site;
pub mod soak;

pub use process::Usage;
