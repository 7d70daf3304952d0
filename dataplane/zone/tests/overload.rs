//! A router with as much to do as it can gets nobody more, and says when it can again.

mod support;

use plenum_wire::join::Refusal;
use plenum_wire::link::{Load, MeetingLoad};
use support::{Zone, at, idle, moves, moving, seconds};

/// What an overloaded router says: it takes nobody, and is not to be emptied.
fn overloaded(zone: &mut Zone, name: &str, meetings: Vec<MeetingLoad>) {
    let load = Load {
        participants: meetings.iter().map(|it| it.participants).sum(),
        accepting: false,
        ..idle(100)
    };
    zone.report(name, load, meetings);
}

#[test]
fn nobody_is_placed_there_while_another_has_room() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    overloaded(&mut zone, "a", vec![]);
    for index in 0..80 {
        let meeting = format!("m{index}");
        assert_eq!(zone.join(&meeting, "ada"), Ok("b".to_owned()), "{meeting}");
    }
    assert_eq!(zone.orders(), [], "and nobody there is moved for it");
}

#[test]
fn a_newcomer_takes_their_meeting_to_a_router_with_room() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    overloaded(&mut zone, "a", vec![at("standup", 20)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
    assert_eq!(zone.orders(), [moves("standup", "a", "b")]);
}

/// The meeting has moved from one overloaded router to another, which is so too by now.
fn passed_on(routers: &[(&str, u32)]) -> Zone {
    let mut zone = Zone::with(routers);
    overloaded(&mut zone, "a", vec![at("standup", 20)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
    assert_eq!(zone.orders(), [moves("standup", "a", "b")]);
    overloaded(&mut zone, "a", vec![moving("standup", 20, "b")]);
    overloaded(&mut zone, "b", vec![at("standup", 21)]);
    zone.move_ended("a", "standup", "b", (20, 0));
    zone.report_ended("a", idle(100), vec![], &["standup"]);
    zone.pass(seconds(5));
    zone
}

#[test]
fn two_that_are_overloaded_in_turn_do_not_pass_a_meeting_to_each_other() {
    let mut zone = passed_on(&[("a", 100), ("b", 100)]);
    assert_eq!(zone.join("standup", "bob"), Err(Refusal::ZoneOverloaded));
    assert_eq!(zone.orders(), []);
    let back = zone.rejoin("standup", "ada", Some("b"), &[]);
    assert_eq!(back, Ok("b".to_owned()));
    assert_eq!(
        zone.join("retro", "bob"),
        Ok("a".to_owned()),
        "there is room"
    );
    zone.pass(seconds(60));
    assert_eq!(zone.join("standup", "bob"), Ok("a".to_owned()));
    assert_eq!(zone.orders(), [moves("standup", "b", "a")]);
}

#[test]
fn from_the_second_it_goes_on_to_a_third() {
    let mut zone = passed_on(&[("a", 100), ("b", 90), ("c", 50)]);
    assert_eq!(zone.join("standup", "bob"), Ok("c".to_owned()));
    assert_eq!(zone.orders(), [moves("standup", "b", "c")]);
}

#[test]
fn not_all_its_meetings_leave_at_once() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    let meetings: Vec<_> = (0..9).map(|it| format!("m{it}")).collect();
    overloaded(
        &mut zone,
        "a",
        meetings.iter().map(|it| at(it, 5)).collect(),
    );
    for (index, meeting) in meetings.iter().enumerate() {
        let expected = if index < 4 {
            Ok("b".to_owned())
        } else {
            Err(Refusal::ZoneOverloaded)
        };
        assert_eq!(zone.join(meeting, "ada"), expected, "{meeting}");
    }
    assert_eq!(zone.orders().len(), 4);
    // One is over: there is room for the next.
    overloaded(&mut zone, "a", vec![moving("m0", 5, "b")]);
    zone.move_ended("a", "m0", "b", (5, 0));
    assert_eq!(zone.join("m8", "ada"), Ok("b".to_owned()));
}

#[test]
fn when_all_are_overloaded_the_answer_says_so() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    overloaded(&mut zone, "a", vec![at("standup", 20)]);
    overloaded(&mut zone, "b", vec![]);
    for (meeting, exclude) in [("standup", &[][..]), ("retro", &[]), ("standup", &["a"])] {
        let answer = zone.join_without(meeting, "ada", exclude);
        assert_eq!(answer, Err(Refusal::ZoneOverloaded), "{meeting}");
    }
    assert_eq!(zone.orders(), []);
}

#[test]
fn a_full_router_beside_it_makes_the_zone_full() {
    let mut zone = Zone::with(&[("a", 100), ("b", 5)]);
    overloaded(&mut zone, "a", vec![]);
    zone.hosts("b", 5, vec![at("retro", 5)]);
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::ZoneFull));
}

#[test]
fn who_lost_their_wire_comes_back_to_their_meeting() {
    let mut zone = Zone::with(&[("a", 100)]);
    overloaded(&mut zone, "a", vec![at("standup", 20)]);
    let back = zone.rejoin("standup", "ada", Some("a"), &[]);
    assert_eq!(back, Ok("a".to_owned()));
}

#[test]
fn it_gets_people_again_with_the_first_word_that_it_takes_them() {
    let mut zone = Zone::with(&[("a", 100)]);
    overloaded(&mut zone, "a", vec![]);
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::ZoneOverloaded));
    zone.report("a", idle(100), vec![]);
    assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
}

#[test]
fn a_router_that_shall_be_empty_is_not_taken_for_overloaded() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.operator(&["a"]);
    overloaded(&mut zone, "a", vec![]);
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::NoRouter));
}

#[test]
fn a_meeting_in_two_halves_does_not_come_together_there() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    overloaded(&mut zone, "a", vec![at("standup", 20)]);
    zone.hosts("b", 100, vec![at("standup", 1)]);
    zone.pass(support::seconds(2));
    assert_eq!(zone.orders(), [moves("standup", "a", "b")]);
}
