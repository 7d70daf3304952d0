//! A meeting that outgrows its router moves, and whoever was one too many goes ahead.

mod support;

use plenum_wire::join::Refusal;
use support::{Zone, at, idle, moves, moving, seconds};

#[test]
fn the_whole_meeting_moves_to_the_router_with_most_room() {
    let mut zone = Zone::with(&[("a", 5), ("b", 50), ("c", 100)]);
    zone.hosts("a", 5, vec![at("standup", 5)]);
    assert_eq!(zone.join("standup", "ada"), Ok("c".to_owned()));
    assert_eq!(zone.orders(), [moves("standup", "a", "c")]);
}

#[test]
fn while_it_moves_newcomers_go_where_it_goes() {
    let mut zone = Zone::with(&[("a", 5), ("b", 100)]);
    zone.hosts("a", 5, vec![at("standup", 5)]);
    zone.join("standup", "ada").unwrap();
    zone.hosts("a", 5, vec![moving("standup", 5, "b")]);
    zone.orders();
    assert_eq!(zone.join("standup", "bob"), Ok("b".to_owned()));
    assert_eq!(zone.orders(), [], "it moves already");
}

#[test]
fn the_room_of_those_on_their_way_is_kept() {
    let mut zone = Zone::with(&[("a", 5), ("b", 8)]);
    zone.hosts("a", 5, vec![at("standup", 5)]);
    zone.join("standup", "ada").unwrap();
    for count in 1..=3 {
        let who = format!("x{count}");
        assert_eq!(zone.join("retro", &who), Ok("b".to_owned()));
        zone.hosts("b", 8, vec![at("retro", count)]);
    }
    assert_eq!(zone.join("third", "z"), Err(Refusal::ZoneFull));
}

#[test]
fn when_no_router_can_take_all_the_meeting_is_full() {
    let mut zone = Zone::with(&[("a", 5), ("b", 5)]);
    zone.hosts("a", 5, vec![at("standup", 5)]);
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::MeetingFull));
    assert_eq!(zone.orders(), []);
    assert_eq!(zone.join("retro", "ada"), Ok("b".to_owned()));
}

#[test]
fn when_no_router_can_take_anybody_the_zone_is_full() {
    let mut zone = Zone::with(&[("a", 5), ("b", 0)]);
    zone.hosts("a", 5, vec![at("standup", 5)]);
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::ZoneFull));
}

#[test]
fn it_does_not_move_to_a_router_where_that_just_failed() {
    let mut zone = Zone::with(&[("a", 5), ("b", 50), ("c", 100)]);
    zone.hosts("a", 5, vec![at("standup", 5)]);
    zone.join("standup", "ada").unwrap();
    zone.hosts("a", 5, vec![moving("standup", 5, "c")]);
    zone.move_ended("a", "standup", "c", (0, 2));
    zone.hosts("a", 5, vec![at("standup", 5)]);
    zone.orders();
    assert_eq!(zone.join("standup", "bob"), Ok("b".to_owned()));
    assert_eq!(zone.orders(), [moves("standup", "a", "b")]);
}

#[test]
fn an_order_that_the_router_never_took_up_lapses() {
    let mut zone = Zone::with(&[("a", 5), ("b", 100)]);
    zone.hosts("a", 5, vec![at("standup", 5)]);
    zone.join("standup", "ada").unwrap();
    zone.orders();
    zone.pass(seconds(6));
    zone.report("a", idle(5), vec![at("standup", 4)]);
    assert_eq!(zone.join("standup", "bob"), Ok("a".to_owned()));
}
