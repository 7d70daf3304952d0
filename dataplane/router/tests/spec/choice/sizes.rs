//! As large as it is shown, and as the path carries.

use plenum_wire::Kind;
use plenum_wire::control::Want;

use crate::studio::{HIGH, LOW, MIDDLE, MS, Studio, want};

#[test]
fn nobody_gets_more_than_is_shown() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    for (height, shows) in [
        (180, LOW),
        (719, MIDDLE),
        (Want::ANY_HEIGHT, HIGH),
        (1, LOW),
    ] {
        studio.says(bob, want("ann", Kind::Video, height, 0));
        studio.until_shows(bob, shows, 500 * MS);
        studio.pictures(1_000 * MS);
        assert_eq!(studio.shows(bob), Some(shows), "{height}");
    }
}

#[test]
fn a_layer_that_takes_a_little_more_than_it_says_stays_while_it_fits() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 300);
    studio.until_shows(bob, LOW, 500 * MS);
    // 15 % more than the 500 that it says; with its packets' headers it takes 507.
    studio.estimate(bob, 575);
    studio.until_shows(bob, MIDDLE, 1_500 * MS);
    for _ in 0..200 {
        studio.picture();
        assert_eq!(studio.shows(bob), Some(MIDDLE));
    }
}
