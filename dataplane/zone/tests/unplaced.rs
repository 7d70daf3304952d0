//! A meeting that all routers together have seats for, and none enough of them.

mod support;

use plenum_wire::join::Refusal;
use plenum_wire::link::Load;
use support::{Zone, at, moving, seconds};

fn unplaced(zone: &Zone) -> Vec<Option<u32>> {
    let said = zone.broker.report(zone.now);
    said.iter().map(|router| router.unplaced).collect()
}

/// Somebody is refused, and asks again.
fn refused_twice(zone: &mut Zone) {
    for _ in 0..2 {
        assert_eq!(zone.join("lecture", "ada"), Err(Refusal::MeetingFull));
        zone.pass(seconds(2));
    }
}

#[test]
fn the_operator_is_told_what_a_meeting_that_outgrows_its_router_needs() {
    let mut zone = Zone::with(&[("a", 60), ("b", 50)]);
    zone.hosts("a", 60, vec![at("lecture", 60)]);
    refused_twice(&mut zone);
    assert_eq!(unplaced(&zone), [Some(61), None], "those and the newcomer");
}

#[test]
fn one_refusal_is_not_enough() {
    let mut zone = Zone::with(&[("a", 60), ("b", 50)]);
    zone.hosts("a", 60, vec![at("lecture", 60)]);
    assert_eq!(zone.join("lecture", "ada"), Err(Refusal::MeetingFull));
    zone.pass(seconds(3));
    assert_eq!(unplaced(&zone), [None, None]);
}

#[test]
fn when_nobody_asks_any_more_it_is_forgotten() {
    let mut zone = Zone::with(&[("a", 60), ("b", 50)]);
    zone.hosts("a", 60, vec![at("lecture", 60)]);
    refused_twice(&mut zone);
    zone.pass(seconds(15));
    assert_eq!(unplaced(&zone), [None, None]);
    assert_eq!(zone.join("lecture", "ada"), Err(Refusal::MeetingFull));
    assert_eq!(unplaced(&zone), [None, None], "and begins anew");
}

#[test]
fn once_the_meeting_leaves_nothing_is_needed() {
    let mut zone = Zone::with(&[("a", 60), ("b", 50)]);
    zone.hosts("a", 60, vec![at("lecture", 60)]);
    refused_twice(&mut zone);
    zone.connect("c");
    zone.hosts("c", 100, vec![]);
    assert_eq!(zone.join("lecture", "ada"), Ok("c".to_owned()));
    assert_eq!(unplaced(&zone), [None, None, None]);
}

const LEAVES: Load = Load {
    participants: 80,
    capacity: 100,
    accepting: false,
    draining: true,
};

/// A router that is to be empty, and has a meeting that fits nowhere.
fn cannot_be_emptied() -> Zone {
    let mut zone = Zone::with(&[("a", 100), ("b", 50), ("c", 60)]);
    zone.hosts("a", 100, vec![at("lecture", 70), at("standup", 10)]);
    zone.operator(&["a"]);
    for _ in 0..4 {
        let meetings = vec![at("lecture", 70), moving("standup", 10, "b")];
        zone.report("a", LEAVES, meetings);
        zone.pass(seconds(1));
    }
    zone
}

#[test]
fn a_meeting_that_cannot_leave_a_draining_router_is_told_of() {
    assert_eq!(unplaced(&cannot_be_emptied()), [Some(70), None, None]);
}

#[test]
fn when_it_is_to_stay_after_all_it_needs_no_other() {
    let mut zone = cannot_be_emptied();
    zone.operator(&[]);
    assert_eq!(unplaced(&zone), [None, None, None]);
}
