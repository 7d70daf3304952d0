//! A meeting that is on two routers comes together.

mod support;

use plenum_zone::{RECOVERY, SETTLE};
use support::{Zone, at, idle, millis, moves, moving, seconds};

#[test]
fn the_smaller_half_moves_to_the_larger() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 2)]);
    zone.hosts("b", 100, vec![at("standup", 3)]);
    assert_eq!(
        zone.orders(),
        [],
        "another replica may see it differently yet"
    );
    zone.pass(SETTLE);
    assert_eq!(zone.orders(), [moves("standup", "a", "b")]);
}

#[test]
fn of_equal_halves_the_one_with_the_smaller_name_stays() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("b", 100, vec![at("standup", 2)]);
    zone.hosts("a", 100, vec![at("standup", 2)]);
    zone.pass(SETTLE);
    assert_eq!(zone.orders(), [moves("standup", "b", "a")]);
}

#[test]
fn newcomers_go_where_it_will_be() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 2)]);
    zone.hosts("b", 100, vec![at("standup", 3)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
    zone.pass(SETTLE);
    assert_eq!(zone.join("standup", "bob"), Ok("b".to_owned()));
}

#[test]
fn when_the_larger_has_no_room_it_moves_to_the_smaller() {
    let mut zone = Zone::with(&[("a", 100), ("b", 3)]);
    zone.hosts("a", 100, vec![at("standup", 2)]);
    zone.hosts("b", 3, vec![at("standup", 3)]);
    zone.pass(SETTLE);
    assert_eq!(zone.orders(), [moves("standup", "b", "a")]);
}

#[test]
fn when_neither_has_room_both_meet_on_a_third() {
    let mut zone = Zone::with(&[("a", 2), ("b", 3), ("c", 10)]);
    zone.hosts("a", 2, vec![at("standup", 2)]);
    zone.hosts("b", 3, vec![at("standup", 3)]);
    zone.pass(SETTLE);
    assert_eq!(zone.orders(), [moves("standup", "b", "c")]);
    zone.hosts("b", 3, vec![moving("standup", 3, "c")]);
    zone.hosts("c", 10, vec![at("standup", 3)]);
    zone.move_ended("b", "standup", "c", (3, 0));
    zone.report_ended("b", idle(3), vec![], &["standup"]);
    zone.pass(seconds(3));
    assert_eq!(zone.orders(), [moves("standup", "a", "c")]);
}

#[test]
fn without_room_both_go_on_and_meet_as_soon_as_there_is() {
    let mut zone = Zone::with(&[("a", 2), ("b", 3)]);
    zone.hosts("a", 2, vec![at("standup", 2)]);
    zone.hosts("b", 3, vec![at("standup", 3)]);
    zone.pass(seconds(5));
    assert_eq!(zone.orders(), []);
    zone.connect("c");
    zone.report("c", idle(10), vec![]);
    zone.pass(millis(500));
    assert_eq!(zone.orders(), [moves("standup", "b", "c")]);
}

#[test]
fn who_fled_from_a_dying_router_is_not_sent_back() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 5)]);
    assert_eq!(
        zone.join_without("standup", "ada", &["a"]),
        Ok("b".to_owned())
    );
    zone.hosts("b", 100, vec![at("standup", 1)]);
    zone.pass(RECOVERY.saturating_sub(millis(1)));
    assert_eq!(zone.orders(), []);
    // The router lives after all: only its guest could not reach it.
    zone.pass(millis(501));
    assert_eq!(zone.orders(), [moves("standup", "b", "a")]);
}

#[test]
fn newcomers_of_a_meeting_that_came_back_go_where_it_is() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("b", 100, vec![moving("standup", 3, "a")]);
    zone.move_ended("b", "standup", "a", (3, 0));
    zone.hosts("a", 100, vec![moving("standup", 3, "b")]);
    zone.move_ended("a", "standup", "b", (3, 0));
    // Neither has counted yet who came and who went.
    zone.hosts("a", 100, vec![at("standup", 3)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
}
