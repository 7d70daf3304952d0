//! A router that is out of touch gets nobody, and its meetings are placed anew.

mod support;

use plenum_wire::join::Refusal;
use plenum_wire::link::SILENCE_MS;
use plenum_zone::Event;
use support::{Zone, at, idle, millis, moves, moving, seconds};

#[test]
fn its_meeting_is_placed_anew_with_the_next_join() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.lose("a");
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
    assert_eq!(zone.join("standup", "bob"), Ok("b".to_owned()));
}

#[test]
fn who_knows_first_that_it_is_dead_are_all_placed_together() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100), ("c", 100), ("d", 100)]);
    zone.hosts("a", 100, vec![at("standup", 5)]);
    let new = zone.join_without("standup", "p0", &["a"]).unwrap();
    for index in 1..5 {
        let name = format!("p{index}");
        assert_eq!(zone.join_without("standup", &name, &["a"]), Ok(new.clone()));
    }
}

#[test]
fn silence_counts_as_loss() {
    let mut zone = Zone::with(&[("a", 100)]);
    let link = zone.link("a");
    zone.pass_in_silence(millis(SILENCE_MS - 1));
    assert!(zone.join("standup", "ada").is_ok());
    zone.pass_in_silence(millis(1));
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::NoRouter));
    assert_eq!(zone.closed, [link]);
    assert!(!zone.broker.report(zone.now)[0].connected);
}

#[test]
fn a_heartbeat_is_enough_to_count_as_alive() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.pass(seconds(60));
    assert!(zone.broker.report(zone.now)[0].connected);
    assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
}

#[test]
fn what_a_silent_link_says_later_is_ignored_until_it_connects_again() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.pass_in_silence(millis(SILENCE_MS));
    zone.report("a", idle(100), vec![]);
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::NoRouter));
    zone.connect("a");
    zone.report("a", idle(100), vec![]);
    assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
}

#[test]
fn the_end_of_an_old_link_does_not_undo_a_newer() {
    let mut zone = Zone::with(&[("a", 100)]);
    let old = zone.link("a");
    zone.connect("a");
    assert_eq!(zone.closed, [old]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.handle(Event::RouterLost { link: old });
    zone.handle(Event::RouterReport {
        link: old,
        load: idle(0),
        meetings: vec![],
        ended: vec![support::meeting("standup")],
    });
    assert_eq!(zone.broker.report(zone.now)[0].meetings, 1);
    assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
}

#[test]
fn a_link_that_was_opened_earlier_and_speaks_later_is_turned_away() {
    let mut zone = Zone::new();
    let newer = zone.connect_as("a", 2);
    zone.report("a", idle(100), vec![]);
    let older = plenum_zone::Link(0);
    zone.handle(Event::RouterHello {
        link: older,
        router: support::router("a"),
        pool: support::pool(),
        boot: plenum_wire::Boot(1),
        endpoint: support::endpoint(),
    });
    assert_eq!(zone.closed, [older]);
    assert_eq!(zone.link("a"), newer);
    assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
}

#[test]
fn a_new_run_of_a_router_has_no_meetings() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.connect_as("a", 2);
    zone.report("a", idle(100), vec![]);
    zone.hosts("b", 100, vec![at("standup", 1)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
}

#[test]
fn a_meeting_on_its_way_to_a_lost_router_is_ordered_elsewhere() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100), ("c", 50)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    let busy = plenum_wire::link::Load {
        draining: true,
        participants: 3,
        ..idle(100)
    };
    zone.report("a", busy, vec![moving("standup", 3, "b")]);
    zone.orders();
    zone.lose("b");
    zone.report("a", busy, vec![]);
    assert_eq!(zone.orders(), [moves("standup", "a", "c")]);
}

#[test]
fn the_operator_hears_of_it_with_a_growing_age_for_an_hour() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    let version = zone.broker.version();
    zone.lose("a");
    assert_ne!(zone.broker.version(), version);
    zone.pass(seconds(59 * 60));
    let report = zone.broker.report(zone.now);
    assert_eq!(report[0].router, support::router("a"));
    assert_eq!(report[0].age_ms, 59 * 60 * 1_000);
    assert!(!report[0].connected && report[1].connected);
    zone.pass(seconds(60));
    assert_eq!(zone.broker.report(zone.now).len(), 1);
}
