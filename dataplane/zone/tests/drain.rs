//! A draining router becomes empty, a few meetings at a time, and nobody new goes there.

mod support;

use plenum_wire::join::Refusal;
use plenum_wire::link::Load;
use plenum_zone::{Event, Link, MOVES_PER_ROUTER, Order};
use support::{Zone, at, endpoint, idle, meeting, member, millis, moves, moving, router, seconds};

fn drain(name: &str, wanted: bool) -> (String, Order) {
    (name.to_owned(), Order::Drain(wanted))
}

fn draining(capacity: u32, participants: u32) -> Load {
    Load {
        participants,
        draining: true,
        ..idle(capacity)
    }
}

#[test]
fn nobody_new_goes_there_from_the_operators_word_on() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.operator(&["a"]);
    assert_eq!(zone.orders(), [drain("a", true)]);
    for index in 0..20 {
        assert_eq!(zone.join(&format!("m{index}"), "ada"), Ok("b".to_owned()));
    }
}

#[test]
fn its_meetings_fill_up_few_routers_and_leave_room_to_grow() {
    let mut zone = Zone::with(&[("a", 100), ("b", 50), ("c", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    assert_eq!(
        zone.orders(),
        [drain("a", true), moves("standup", "a", "b")]
    );
    let mut zone = Zone::with(&[("a", 100), ("b", 10), ("c", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    assert_eq!(
        zone.orders(),
        [drain("a", true), moves("standup", "a", "c")]
    );
}

#[test]
fn whoever_joins_a_meeting_that_leaves_goes_where_it_goes() {
    let mut zone = Zone::with(&[("a", 100), ("b", 50), ("c", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
}

#[test]
fn a_few_move_at_a_time_and_the_next_when_one_has_gone() {
    let names: Vec<String> = (0..9).map(|index| format!("m{index}")).collect();
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, names.iter().map(|name| at(name, 2)).collect());
    zone.operator(&["a"]);
    let orders = zone.orders();
    assert_eq!(orders.len(), 1 + MOVES_PER_ROUTER);
    zone.report_ended("a", draining(100, 16), vec![], &["m0"]);
    assert_eq!(zone.orders(), [moves("m4", "a", "b")]);
}

#[test]
fn the_router_is_told_the_way_for_its_participants() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 1)]);
    zone.operator(&["a"]);
    zone.orders();
    let link = zone.link("a");
    let wanted = |to: &str| Event::TicketsWanted {
        link,
        meeting: meeting("standup"),
        to: router(to),
        participants: vec![member("ada")],
    };
    zone.handle(wanted("b"));
    let tickets = Order::Tickets {
        meeting: meeting("standup"),
        to: router("b"),
        endpoint: endpoint(),
        participants: vec![member("ada")],
    };
    assert_eq!(zone.orders(), [("a".to_owned(), tickets)]);
    zone.handle(wanted("nobody-knows"));
    assert_eq!(zone.orders(), []);
}

#[test]
fn a_router_gets_no_tickets_for_a_meeting_that_does_not_leave_it() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100), ("c", 100)]);
    zone.hosts("a", 100, vec![at("standup", 1)]);
    zone.hosts("c", 100, vec![at("retro", 1)]);
    zone.operator(&["a"]);
    zone.orders();
    for (asks, name) in [("c", "standup"), ("c", "retro"), ("a", "retro")] {
        zone.handle(Event::TicketsWanted {
            link: zone.link(asks),
            meeting: meeting(name),
            to: router("b"),
            participants: vec![member("ada")],
        });
        assert_eq!(zone.orders(), [], "{asks} asks for {name}");
    }
}

#[test]
fn without_room_elsewhere_a_meeting_stays_until_there_is() {
    let mut zone = Zone::with(&[("a", 100), ("b", 2)]);
    zone.hosts("a", 100, vec![at("large", 3), at("small", 2)]);
    zone.operator(&["a"]);
    assert_eq!(zone.orders(), [drain("a", true), moves("small", "a", "b")]);
    zone.report("a", draining(100, 5), vec![moving("small", 2, "b")]);
    zone.connect("c");
    zone.report("c", idle(100), vec![]);
    zone.report("a", draining(100, 5), vec![]);
    assert_eq!(zone.orders(), [moves("large", "a", "c")]);
}

#[test]
fn a_meeting_that_cannot_leave_goes_on_taking_people_where_it_is() {
    for others in [&[("a", 100)][..], &[("a", 100), ("b", 2)]] {
        let mut zone = Zone::with(others);
        zone.hosts("a", 100, vec![at("large", 3)]);
        zone.operator(&["a"]);
        zone.report("a", draining(100, 3), vec![]);
        assert_eq!(zone.join("large", "ada"), Ok("a".to_owned()));
        let back = zone.rejoin("large", "bob", Some("a"), &[]);
        assert_eq!(back, Ok("a".to_owned()), "who was in it comes back");
        let not_there = zone.join_without("large", "ada", &["a"]);
        assert_ne!(not_there, Ok("a".to_owned()), "it refused her");
        let elsewhere = zone.join("new", "cem");
        assert_ne!(elsewhere, Ok("a".to_owned()), "no new meetings");
        zone.report("a", draining(100, 100), vec![at("large", 100)]);
        zone.join("large", "eve").unwrap_err();
    }
}

#[test]
fn a_meeting_on_its_way_out_takes_nobody_where_it_was() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 3), vec![moving("standup", 3, "b")]);
    let full = Load {
        participants: 100,
        ..idle(100)
    };
    zone.report("b", full, vec![]);
    zone.join("standup", "ada").unwrap_err();
}

#[test]
fn cancelled_it_stops_and_takes_newcomers_again() {
    let names: Vec<String> = (0..9).map(|index| format!("m{index}")).collect();
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, names.iter().map(|name| at(name, 2)).collect());
    zone.operator(&["a"]);
    zone.report("a", draining(100, 18), vec![]);
    zone.orders();
    zone.operator(&[]);
    assert_eq!(zone.orders(), [drain("a", false)]);
    zone.report_ended("a", draining(100, 16), vec![], &["m0"]);
    let busy = Load {
        participants: 16,
        ..idle(100)
    };
    zone.report("a", busy, vec![]);
    zone.pass(seconds(10));
    assert_eq!(zone.orders(), [], "nothing is ordered after the cancelling");
    assert_eq!(zone.join("m8", "ada"), Ok("a".to_owned()));
}

#[test]
fn a_router_that_did_not_follow_is_told_again() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.operator(&["a"]);
    assert_eq!(zone.orders(), [drain("a", true)]);
    zone.pass(millis(999));
    assert_eq!(zone.orders(), []);
    zone.pass(millis(501));
    assert_eq!(zone.orders(), [drain("a", true)]);
}

#[test]
fn a_failed_move_is_tried_with_another_router() {
    let mut zone = Zone::with(&[("a", 100), ("b", 50), ("c", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 3), vec![moving("standup", 3, "c")]);
    zone.orders();
    zone.move_ended("a", "standup", "c", (0, 1));
    assert_eq!(zone.orders(), [moves("standup", "a", "b")]);
}

#[test]
fn with_no_other_router_a_failed_move_is_tried_again_later_and_later() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 3), vec![]);
    let mut waits = vec![];
    for _ in 0..4 {
        zone.report("a", draining(100, 3), vec![moving("standup", 3, "b")]);
        zone.orders();
        zone.move_ended("a", "standup", "b", (0, 1));
        zone.report("a", draining(100, 3), vec![at("standup", 3)]);
        let before = zone.now;
        while zone.orders().is_empty() {
            zone.pass(millis(500));
        }
        waits.push((zone.now - before).as_secs());
    }
    assert_eq!(waits, [3, 6, 12, 24]);
}

#[test]
fn an_unanswered_order_is_given_again() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 3), vec![]);
    zone.orders();
    zone.pass(millis(2_999));
    assert_eq!(zone.orders(), []);
    zone.pass(millis(1));
    assert_eq!(zone.orders(), [moves("standup", "a", "b")]);
}

#[test]
fn a_router_that_is_being_stopped_drains_without_an_operator() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.report("a", draining(100, 3), vec![]);
    assert_eq!(zone.orders(), [moves("standup", "a", "b")]);
}

#[test]
fn a_router_that_is_being_stopped_drains_against_the_operators_word() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&[]);
    zone.report("a", draining(100, 3), vec![]);
    assert_eq!(
        zone.orders(),
        [drain("a", false)],
        "it may not have heard yet"
    );
    zone.pass(seconds(2));
    assert!(zone.orders().contains(&moves("standup", "a", "b")));
}

#[test]
fn with_the_operator_gone_a_drain_goes_on() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("m0", 2), at("m1", 2)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 4), vec![]);
    zone.handle(Event::OperatorGone {
        link: support::OPERATOR,
    });
    zone.orders();
    assert_eq!(zone.join("m0", "ada"), Ok("b".to_owned()));
    zone.pass(seconds(3));
    let again = zone.orders();
    assert!(again.contains(&moves("m0", "a", "b")), "{again:?}");
}

#[test]
fn an_old_operators_link_does_not_undo_a_newer_word() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.operator_on(Link(2_000_000), &["a"]);
    zone.operator_on(Link(1_000_000), &[]);
    zone.handle(Event::OperatorGone {
        link: Link(1_000_000),
    });
    assert_eq!(zone.orders(), [drain("a", true)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
}

#[test]
fn a_router_that_connects_is_told_what_the_operator_wants() {
    let mut zone = Zone::new();
    zone.operator(&["a"]);
    zone.connect("a");
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::NoRouter));
    zone.report("a", idle(100), vec![]);
    assert_eq!(zone.orders(), [drain("a", true)]);
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::NoRouter));
}

#[test]
fn after_a_move_the_last_who_leave_are_not_moved_again() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 3), vec![moving("standup", 3, "b")]);
    zone.hosts("b", 100, vec![at("standup", 3)]);
    zone.orders();
    zone.move_ended("a", "standup", "b", (3, 0));
    zone.report("a", draining(100, 1), vec![at("standup", 1)]);
    zone.pass(seconds(1));
    zone.report_ended("a", draining(100, 0), vec![], &["standup"]);
    zone.pass(seconds(5));
    assert_eq!(zone.orders(), []);
}

#[test]
fn after_a_move_newcomers_go_where_it_went_while_the_last_leave() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 3), vec![moving("standup", 3, "b")]);
    zone.move_ended("a", "standup", "b", (3, 0));
    zone.report("a", draining(100, 3), vec![at("standup", 3)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
}

#[test]
fn after_a_move_no_seat_is_promised_to_it_any_more() {
    let mut zone = Zone::with(&[("a", 100), ("b", 8)]);
    zone.hosts("a", 100, vec![at("standup", 4)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 4), vec![moving("standup", 4, "b")]);
    zone.hosts("b", 8, vec![at("standup", 4)]);
    zone.move_ended("a", "standup", "b", (3, 0));
    // As a router says it: still here, and not on its way any more.
    zone.report("a", draining(100, 4), vec![at("standup", 4)]);
    zone.report("a", draining(100, 1), vec![at("standup", 1)]);
    zone.hosts("b", 8, vec![at("standup", 7)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
}

#[test]
fn after_a_move_its_seats_are_kept_until_the_new_router_counts_them() {
    let mut zone = Zone::with(&[("a", 100), ("b", 8)]);
    zone.hosts("a", 100, vec![at("m0", 4), at("m1", 4), at("m2", 4)]);
    zone.operator(&["a"]);
    let leave = |name| vec![moving(name, 4, "b")];
    zone.report("a", draining(100, 12), [leave("m0"), leave("m1")].concat());
    zone.orders();
    zone.move_ended("a", "m0", "b", (4, 0));
    assert_eq!(zone.orders(), [], "b has not said yet that it is half full");
    zone.hosts("b", 8, vec![at("m0", 4)]);
    zone.report_ended("a", draining(100, 8), vec![], &["m0"]);
    assert_eq!(zone.orders(), [], "the rest is for m1");
}

#[test]
fn after_a_move_seats_of_who_never_came_are_free_again() {
    let mut zone = Zone::with(&[("a", 100), ("b", 4)]);
    zone.hosts("a", 100, vec![at("m0", 4), at("m1", 4)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 8), vec![moving("m0", 4, "b")]);
    zone.orders();
    zone.move_ended("a", "m0", "b", (4, 0));
    // They hung up before b counted them.
    zone.report_ended("a", draining(100, 4), vec![], &["m0"]);
    assert_eq!(zone.orders(), []);
    zone.pass(seconds(2));
    assert_eq!(zone.orders(), [moves("m1", "a", "b")]);
}

#[test]
fn who_hung_up_on_the_way_keeps_no_seat() {
    let mut zone = Zone::with(&[("a", 100), ("b", 4)]);
    zone.hosts("a", 100, vec![at("m0", 4), at("m1", 2)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 6), vec![moving("m0", 4, "b")]);
    zone.orders();
    zone.move_ended("a", "m0", "b", (2, 0));
    assert_eq!(zone.orders(), [moves("m1", "a", "b")]);
}

#[test]
fn of_a_meeting_that_came_from_two_routers_all_seats_are_kept() {
    let mut zone = Zone::with(&[("a", 100), ("b", 8), ("c", 100)]);
    zone.hosts("a", 100, vec![at("m0", 4)]);
    zone.hosts("c", 100, vec![at("m0", 4)]);
    zone.operator(&["a", "c"]);
    zone.report("a", draining(100, 4), vec![moving("m0", 4, "b")]);
    zone.report("c", draining(100, 4), vec![moving("m0", 4, "b")]);
    zone.orders();
    zone.move_ended("a", "m0", "b", (4, 0));
    zone.move_ended("c", "m0", "b", (4, 0));
    zone.report("a", draining(100, 8), vec![at("m1", 4)]);
    assert_eq!(zone.orders(), [], "b has not said yet that it is full");
}

#[test]
fn after_a_move_newcomers_are_not_put_apart_from_their_meeting() {
    for other in ["c", "d", "e", "f"] {
        let mut zone = Zone::with(&[("a", 100), ("b", 100), (other, 100)]);
        zone.hosts("a", 100, vec![at("standup", 4)]);
        zone.operator(&["a"]);
        zone.report("a", draining(100, 4), vec![moving("standup", 4, "b")]);
        zone.move_ended("a", "standup", "b", (4, 0));
        zone.report_ended("a", draining(100, 0), vec![], &["standup"]);
        assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
    }
}

#[test]
fn after_a_move_newcomers_for_whom_there_is_no_seat_wait_until_it_is_counted() {
    let mut zone = Zone::with(&[("a", 100), ("b", 4), ("c", 100)]);
    zone.hosts("a", 100, vec![at("standup", 4)]);
    zone.operator(&["a"]);
    zone.report("a", draining(100, 4), vec![moving("standup", 4, "b")]);
    zone.move_ended("a", "standup", "b", (4, 0));
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::MeetingFull));
    zone.hosts("b", 4, vec![at("standup", 4)]);
    assert_eq!(zone.join("standup", "ada"), Ok("c".to_owned()));
}
