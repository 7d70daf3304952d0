//! The registry of zones.

use ipnet::IpNet;
use jiff::Timestamp;
use plenum_wire::ZoneName;
use plenum_wire::directory::ZoneReport;
use serde::{Deserialize, Serialize};

use super::{Revision, SecretHash};

/// Why this is no part of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidZone {
    /// Not on the globe.
    #[error("coordinates are degrees: latitude -90 to 90, longitude -180 to 180")]
    Coordinates,
    /// Too many ranges.
    #[error("a zone has at most {} network ranges", Zone::NETWORKS)]
    Networks,
}

/// Where on the globe, in degrees (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

impl Coordinates {
    /// Latitude -90 to 90, longitude -180 to 180.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidZone> {
        // A number that is none is in no range.
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return Err(InvalidZone::Coordinates);
        }
        Ok(Self {
            latitude,
            longitude,
        })
    }

    /// Degrees north.
    #[must_use]
    pub const fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    #[must_use]
    pub const fn longitude(self) -> f64 {
        self.longitude
    }
}

impl TryFrom<[f64; 2]> for Coordinates {
    type Error = InvalidZone;
    fn try_from([latitude, longitude]: [f64; 2]) -> Result<Self, InvalidZone> {
        Self::new(latitude, longitude)
    }
}

impl From<Coordinates> for [f64; 2] {
    fn from(at: Coordinates) -> Self {
        [at.latitude, at.longitude]
    }
}

/// A zone as the administrator set it up. What it says of itself is a [`StoredReport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name; unique.
    pub name: ZoneName,
    /// Of the secret its controllers report with.
    pub credential: SecretHash,
    /// Whoever asks from there belongs there, before any guess by geography.
    pub networks: Vec<IpNet>,
    /// Where it is.
    pub location: Option<Coordinates>,
    /// Its share beside others that are as good, relative to theirs; 0 is the last resort.
    pub weight: u16,
    /// Whether it is offered to meetings that do not run there.
    pub enabled: bool,
    /// When it was registered.
    pub created: Timestamp,
    /// Its last change.
    pub revision: Revision,
}

impl Zone {
    /// Network ranges at most.
    pub const NETWORKS: usize = 1_000;
}

/// A zone to be registered.
#[derive(Debug, Clone)]
pub struct NewZone {
    /// Its name; unique.
    pub name: ZoneName,
    /// Of the secret its controllers report with.
    pub credential: SecretHash,
    /// Whoever asks from there belongs there; at most [`Zone::NETWORKS`].
    pub networks: Vec<IpNet>,
    /// Where it is.
    pub location: Option<Coordinates>,
    /// Its share beside others that are as good, relative to theirs; 0 is the last resort.
    pub weight: u16,
    /// Whether it is offered to meetings that do not run there.
    pub enabled: bool,
}

/// What one controller said last of its zone.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredReport {
    /// Which zone.
    pub zone: ZoneName,
    /// When it was heard, by the directory's clock.
    pub heard: Timestamp,
    /// What it said.
    pub report: ZoneReport,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_on_the_globe() {
        Coordinates::new(52.5, 13.4).unwrap();
        Coordinates::new(-90.0, 180.0).unwrap();
        for (latitude, longitude) in [
            (90.1, 0.0),
            (0.0, -180.1),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert_eq!(
                Coordinates::new(latitude, longitude),
                Err(InvalidZone::Coordinates)
            );
        }
    }
}
