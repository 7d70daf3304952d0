//! Who looks after a zone is told which meetings are on which router.

mod support;

use plenum_wire::whereabouts::{Half, Located};
use support::{Zone, at, meeting, router};

fn located(name: &str, at: &[(&str, u32)]) -> Located {
    let half = |(name, participants): &(&str, u32)| Half {
        router: router(name),
        participants: *participants,
    };
    Located {
        meeting: meeting(name),
        at: at.iter().map(half).collect(),
    }
}

#[test]
fn each_meeting_has_its_routers_the_one_with_most_people_first() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 2), at("retro", 4)]);
    zone.hosts("b", 100, vec![at("standup", 3)]);
    let expected = [
        located("retro", &[("a", 4)]),
        located("standup", &[("b", 3), ("a", 2)]),
    ];
    assert_eq!(zone.broker.whereabouts(10).meetings, expected);
}

#[test]
fn a_router_out_of_touch_has_no_meetings() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.lose("a");
    assert_eq!(zone.broker.whereabouts(10).meetings, []);
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.hosts("a", 100, vec![at("m1", 1), at("m2", 1), at("m3", 1)]);
    let told = zone.broker.whereabouts(2);
    assert_eq!((told.meetings.len(), told.left_out), (2, 1));
}
