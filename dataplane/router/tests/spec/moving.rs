//! A meeting goes to another router, or stays, as a whole.

use std::time::Duration;

use plenum_router::moving::{LEAVE_WITHIN, MOVE_WITHIN, TICKETS_WITHIN};
use plenum_router::{Input, LinkId, Output};
use plenum_wire::RouterId;
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest};
use plenum_wire::join::Offer;
use plenum_wire::link::{self, ToRouter};

use crate::house::{Guest, House, UNIX_S, refusal, reported, said};

const MEETING: &str = "4711";

fn b() -> RouterId {
    "b".parse().unwrap()
}

/// A meeting with two participants, and a controller that has ordered it to `b`.
struct Ordered {
    house: House,
    link: LinkId,
    ann: Guest,
    bob: Guest,
}

fn order(house: &mut House, link: LinkId, to: &str) {
    house.order(
        link,
        ToRouter::MoveMeeting {
            meeting: MEETING.parse().unwrap(),
            to: to.parse().unwrap(),
        },
    );
}

fn offers(house: &mut House, who: &[&str]) -> Vec<Offer> {
    who.iter()
        .map(|who| house.zone.offer("b", MEETING, who))
        .collect()
}

impl Ordered {
    fn new() -> Self {
        let mut house = House::new(10);
        let ann = house.join(MEETING, "ann");
        let bob = house.join(MEETING, "bob");
        let link = house.link();
        house.take();
        order(&mut house, link, "b");
        Self {
            house,
            link,
            ann,
            bob,
        }
    }

    fn tickets(&mut self, who: &[&str]) -> Vec<Output> {
        self.house.take();
        let offers = offers(&mut self.house, who);
        self.house.order(
            self.link,
            ToRouter::Tickets {
                meeting: MEETING.parse().unwrap(),
                to: b(),
                offers,
            },
        );
        self.house.take()
    }

    fn migrating() -> Self {
        let mut ordered = Self::new();
        ordered.tickets(&["ann", "bob"]);
        ordered
    }

    fn moved(&mut self, guest: Guest) -> Vec<Output> {
        self.house.say(guest.channel, FromClient::Moved { to: b() });
        self.house.take()
    }

    fn pass(&mut self, duration: Duration) -> Vec<Output> {
        self.house.pass(duration)
    }

    /// How the controller heard the move end: moved, failed.
    fn ended(&self, out: &[Output]) -> Option<(u32, u32)> {
        reported(out, self.link).iter().find_map(|m| match m {
            link::FromRouter::MoveEnded { moved, failed, .. } => Some((*moved, *failed)),
            _ => None,
        })
    }
}

#[test]
fn the_router_asks_for_tickets_for_everybody() {
    let mut at = Ordered::new();
    let out = at.house.take();
    assert_eq!(
        reported(&out, at.link),
        [link::FromRouter::TicketsWanted {
            meeting: MEETING.parse().unwrap(),
            to: b(),
            participants: ["ann", "bob"]
                .map(|who| link::Member {
                    participant: who.parse().unwrap(),
                    admitted: UNIX_S - 7,
                    vouched: UNIX_S - 9,
                })
                .into(),
        }]
    );
    assert!(said(&out, at.ann.channel).is_empty());
}

#[test]
fn it_is_reported_as_on_its_way_and_newcomers_are_sent_on() {
    let mut at = Ordered::new();
    let out = at.pass(Duration::from_millis(50));
    let on_its_way = reported(&out, at.link).iter().any(|message| {
        matches!(message, link::FromRouter::Report { meetings, .. }
            if meetings[0].moving_to == Some(b()))
    });
    assert!(on_its_way, "{out:?}");
    let ticket = at.house.zone.offer("a", MEETING, "cem").ticket;
    assert_eq!(at.house.refused(ticket), (ErrorCode::RouterDraining, 4504));
    at.house.join("another", "dan");
}

#[test]
fn once_all_are_released_it_is_not_reported_as_on_its_way_any_more() {
    let mut at = Ordered::migrating();
    at.moved(at.ann);
    let out = at.moved(at.bob);
    assert_eq!(at.ended(&out), Some((2, 0)));
    let out = at.pass(Duration::from_millis(50));
    let told: Vec<_> = reported(&out, at.link)
        .into_iter()
        .filter_map(|message| match message {
            link::FromRouter::Report { meetings, .. } => Some(meetings),
            _ => None,
        })
        .flatten()
        .map(|meeting| (meeting.participants, meeting.moving_to))
        .collect();
    assert_eq!(told, [(2, None)], "they are still leaving");
}

#[test]
fn each_gets_its_own_offer() {
    let mut at = Ordered::new();
    let out = at.tickets(&["bob", "ann", "left-meanwhile"]);
    for (guest, who) in [(at.ann, "ann"), (at.bob, "bob")] {
        let told = said(&out, guest.channel);
        assert!(
            matches!(&told[..], [FromRouter::Migrate { offer }]
                if offer.participant.as_str() == who && offer.router == b()),
            "{told:?}"
        );
    }
}

#[test]
fn all_are_released_when_the_last_has_moved() {
    let mut at = Ordered::migrating();
    assert_eq!(at.moved(at.ann), []);
    assert_eq!(at.moved(at.ann), [], "saying it twice counts once");
    let out = at.moved(at.bob);
    for guest in [at.ann, at.bob] {
        assert_eq!(said(&out, guest.channel), [FromRouter::Release { to: b() }]);
    }
    assert_eq!(at.ended(&out), Some((2, 0)));
    // They leave one by one, which is no news to the others.
    at.house.say(at.ann.channel, FromClient::Bye);
    assert!(said(&at.house.take(), at.bob.channel).is_empty());
    at.house.say(at.bob.channel, FromClient::Bye);
    at.house.take();
    assert_eq!(at.house.shard.meetings(), 0);
    let moves = at.house.shard.counters().moves;
    assert_eq!(
        (moves.started, moves.succeeded, moves.participants),
        (1, 1, 2)
    );
    // The meeting may come back.
    at.house.join(MEETING, "ann");
}

#[test]
fn whoever_leaves_or_dies_in_the_middle_is_not_waited_for() {
    let mut at = Ordered::migrating();
    at.moved(at.ann);
    at.house.handle(Input::ControlClosed {
        channel: at.bob.channel,
    });
    let out = at.house.take();
    assert!(said(&out, at.ann.channel).contains(&FromRouter::Release { to: b() }));
    assert_eq!(at.ended(&out), Some((1, 0)));
}

#[test]
fn when_everybody_leaves_the_move_is_over() {
    for migrating in [false, true] {
        let mut at = if migrating {
            Ordered::migrating()
        } else {
            Ordered::new()
        };
        at.house.take();
        at.house.say(at.ann.channel, FromClient::Bye);
        at.house.say(at.bob.channel, FromClient::Bye);
        let out = at.house.take();
        assert_eq!(at.ended(&out), Some((0, 0)), "migrating: {migrating}");
        at.house.join(MEETING, "cem");
        assert!(
            at.pass(MOVE_WITHIN).iter().all(|output| !matches!(
                output,
                Output::Control { .. } | Output::CloseControl { .. }
            ))
        );
    }
}

#[test]
fn one_who_cannot_go_keeps_all_here() {
    let mut at = Ordered::migrating();
    at.moved(at.ann);
    at.house.say(
        at.bob.channel,
        FromClient::MoveFailed {
            to: b(),
            reason: "no rung reaches it".into(),
        },
    );
    let out = at.house.take();
    for guest in [at.ann, at.bob] {
        assert_eq!(said(&out, guest.channel), [FromRouter::Stay { to: b() }]);
    }
    assert_eq!(at.ended(&out), Some((1, 1)));
    // Newcomers are welcome again, and what comes late of the old move changes nothing.
    at.house.join(MEETING, "cem");
    assert!(said(&at.moved(at.bob), at.bob.channel).is_empty());
    // The zone may try another router.
    at.house.take();
    order(&mut at.house, at.link, "c");
    let out = at.house.take();
    assert!(matches!(
        &reported(&out, at.link)[..],
        [link::FromRouter::TicketsWanted { participants, .. }] if participants.len() == 3
    ));
}

#[test]
fn after_10_seconds_the_meeting_stays() {
    let mut at = Ordered::migrating();
    at.moved(at.ann);
    let out = at.pass(MOVE_WITHIN.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(at.ended(&out), None);
    let out = at.pass(Duration::from_millis(1));
    assert_eq!(said(&out, at.bob.channel), [FromRouter::Stay { to: b() }]);
    assert_eq!(at.ended(&out), Some((1, 1)));
}

#[test]
fn without_tickets_for_all_nobody_is_sent_off() {
    for came in [&["ann"][..], &[]] {
        let mut at = Ordered::new();
        let mut out = at.tickets(came);
        out.extend(at.pass(TICKETS_WITHIN));
        assert_eq!(at.ended(&out), Some((0, 2)));
        let no_migrate = said(&out, at.ann.channel)
            .iter()
            .all(|message| !matches!(message, FromRouter::Migrate { .. }));
        assert!(no_migrate);
    }
}

#[test]
fn tickets_may_come_in_several_messages() {
    let mut at = Ordered::new();
    assert_eq!(at.tickets(&["ann"]), [], "bob has none yet");
    let out = at.tickets(&["bob", "ann"]);
    for guest in [at.ann, at.bob] {
        let told = said(&out, guest.channel);
        assert!(matches!(told[..], [FromRouter::Migrate { .. }]), "{told:?}");
    }
    at.moved(at.ann);
    let out = at.moved(at.bob);
    assert_eq!(at.ended(&out), Some((2, 0)));
}

#[test]
fn a_second_order_changes_nothing_while_it_moves() {
    let mut at = Ordered::new();
    at.house.take();
    order(&mut at.house, at.link, "c");
    assert_eq!(at.house.take(), []);
    at.tickets(&["ann", "bob"]);
    order(&mut at.house, at.link, "c");
    assert_eq!(at.house.take(), []);
    // Tickets that come twice, or for another router, do not start it anew either.
    assert_eq!(at.tickets(&["ann", "bob"]), []);
    at.moved(at.ann);
    let out = at.moved(at.bob);
    assert_eq!(at.ended(&out), Some((2, 0)));
}

#[test]
fn every_controller_hears_the_end() {
    let mut at = Ordered::migrating();
    let other = at.house.link();
    at.house.take();
    at.moved(at.ann);
    let out = at.moved(at.bob);
    let heard = reported(&out, other)
        .iter()
        .any(|message| matches!(message, link::FromRouter::MoveEnded { .. }));
    assert!(heard);
}

#[test]
fn what_cannot_move_is_answered_at_once() {
    let mut house = House::new(10);
    let link = house.link();
    house.take();
    order(&mut house, link, "b");
    let ended = |house: &mut House| match &reported(&house.take(), link)[..] {
        [link::FromRouter::MoveEnded { moved, failed, .. }] => (*moved, *failed),
        other => panic!("{other:?}"),
    };
    assert_eq!(ended(&mut house), (0, 0), "no such meeting");
    house.join(MEETING, "ann");
    house.take();
    order(&mut house, link, "a");
    assert_eq!(ended(&mut house), (0, 1), "it is here");
}

#[test]
fn who_was_released_and_does_not_go_is_sent_away() {
    let mut at = Ordered::migrating();
    at.moved(at.ann);
    at.moved(at.bob);
    at.house.say(at.ann.channel, FromClient::Bye);
    at.house.take();
    let out = at.pass(LEAVE_WITHIN);
    assert_eq!(refusal(&out, at.bob.channel), (ErrorCode::GoingAway, 1001));
    assert_eq!(at.house.shard.meetings(), 0);
    assert_eq!(at.house.shard.load().participants, 0);
}

#[test]
fn who_arrives_by_a_move_counts_on_the_new_router() {
    let mut house = House::new(10);
    let ticket = house.zone.offer("a", MEETING, "ann").ticket;
    let channel = house.open();
    house.say(
        channel,
        FromClient::Hello {
            ticket,
            name: None,
            subscribe: Interest::All,
            moved_from: Some(b()),
        },
    );
    assert_eq!(house.shard.load().participants, 1);
    assert_eq!(house.shard.counters().moved_in, 1);
}
