//! What Prometheus is told.

use super::super::numbers::numbers;
use super::saying::simply;
use super::*;
use crate::metrics::{Life, ZoneNumbers};
use crate::pki::CLOCK_SKEW;

fn told(fetched: &Fetched) -> ZoneNumbers {
    numbers(fetched, &simply(fetched))
}

#[test]
fn a_zone_of_which_nothing_exists_yet_has_no_certificate_that_ends() {
    let expected = ZoneNumbers {
        ready: false,
        certificate: None,
    };
    assert_eq!(told(&fresh(MeetingZoneSpec::default())), expected);
}

#[test]
fn the_certificate_that_is_served_counts_and_not_the_one_that_was_refused() {
    let mut fetched = fresh(with_own_certificate());
    fetched.certificate = Some(named("mine", Some(given("meet.example.org", now()))));
    let plan = planned(&fetched);
    let mut fetched = carried_out(fetched, &plan);
    let serving = ZoneNumbers {
        ready: true,
        certificate: Some(Life {
            begins: now() - CLOCK_SKEW,
            ends: now() + days(90),
        }),
    };
    assert_eq!(told(&fetched), serving);

    let newer = given("other.example.org", now() + days(1));
    fetched.certificate = Some(named("mine", Some(newer)));
    let refused = ZoneNumbers {
        ready: false,
        ..serving
    };
    assert_eq!(told(&fetched), refused);
}
