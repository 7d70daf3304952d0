//! The way from one place to another.

use crate::model::Coordinates;

/// The mean radius of the earth in kilometres (IUGG).
const RADIUS_KM: f64 = 6_371.0;

/// The way over the globe in kilometres (haversine; 0.5 % off at most, the earth being no ball).
#[must_use]
pub fn distance_km(from: Coordinates, to: Coordinates) -> f64 {
    let (south, north) = (from.latitude().to_radians(), to.latitude().to_radians());
    let up = ((north - south) / 2.0).sin();
    let along = ((to.longitude() - from.longitude()).to_radians() / 2.0).sin();
    let half = up * up + south.cos() * north.cos() * along * along;
    2.0 * RADIUS_KM * half.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(latitude: f64, longitude: f64) -> Coordinates {
        Coordinates::new(latitude, longitude).unwrap()
    }

    #[test]
    fn known_distances() {
        let (berlin, sydney) = (place(52.52, 13.405), place(-33.87, 151.21));
        let munich = place(48.137, 11.575);
        for (from, to, km) in [
            (berlin, munich, 504.0),
            (berlin, sydney, 16_090.0),
            (place(0.0, 179.9), place(0.0, -179.9), 22.2),
            (place(90.0, 0.0), place(-90.0, 0.0), 20_015.0),
        ] {
            let measured = distance_km(from, to);
            assert!((measured / km - 1.0).abs() < 0.01, "{measured} for {km}");
        }
    }

    proptest! {
        #[test]
        fn it_is_as_far_there_as_back(
            a in -90.0..90.0, b in -180.0..180.0, c in -90.0..90.0, d in -180.0..180.0,
        ) {
            let (one, other) = (place(a, b), place(c, d));
            let (there, back) = (distance_km(one, other), distance_km(other, one));
            prop_assert!((there - back).abs() < 1e-6);
            prop_assert!((0.0..=20_016.0).contains(&there));
        }
    }
}
