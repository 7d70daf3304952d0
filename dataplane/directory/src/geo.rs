//! Where in the world something is, roughly.
//!
//! | file | what it does |
//! |---|---|
//! | `distance` | how far two places are apart: pure |
//! | `file` | a MaxMind-format file of the user, read again when it changes |
//!
//! Without a file, or for an address that it does not know, there is no place, and zones are
//! ordered by everything else.

mod distance;
mod file;

pub use distance::distance_km;
pub use file::{GeoError, GeoFile};
