//! Who comes in, and what those hear who do not.

use plenum_router::Input;
use plenum_wire::Kind;
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest};

use crate::house::{House, UNIX_S, Zone, refusal, said};

#[test]
fn a_good_ticket_is_welcomed_with_what_the_ticket_says() {
    let mut house = House::new(10);
    let ann = house.enter("4711", "ann", Interest::All);
    let out = house.take();
    let Some(FromRouter::Welcome {
        meeting,
        participant,
        router,
        participants,
        tracks,
    }) = said(&out, ann.channel).pop()
    else {
        panic!("{out:?}")
    };
    assert_eq!(
        (meeting.as_str(), participant.as_str(), router.as_str()),
        ("4711", "ann", "a")
    );
    assert!(participants.is_empty() && tracks.is_empty());
    assert_eq!(house.shard.load().participants, 1);
}

#[test]
fn a_bad_ticket_is_refused_with_its_code() {
    let mut house = House::new(10);
    let good = house.zone.claims("a", "4711", "ann");

    let garbage = house.refused("garbage".into());
    assert_eq!(garbage, (ErrorCode::TicketForged, 4401));

    let stranger = Zone::new("zone").key.sign(&good);
    assert_eq!(
        house.refused(stranger),
        (ErrorCode::TicketForged, 4401),
        "the same key id is not the same key"
    );

    let mut old = good.clone();
    old.expires = UNIX_S;
    let old = house.zone.key.sign(&old);
    assert_eq!(house.refused(old), (ErrorCode::TicketExpired, 4410));

    let foreign = house.zone.offer("b", "4711", "ann").ticket;
    assert_eq!(house.refused(foreign), (ErrorCode::TicketForeign, 4403));

    let mut other_run = good.clone();
    other_run.fingerprint.0[0] ^= 1;
    let other_run = house.zone.key.sign(&other_run);
    assert_eq!(house.refused(other_run), (ErrorCode::TicketForeign, 4403));

    let mut folded = good;
    folded.flows.video = folded.flows.audio;
    let folded = house.zone.key.sign(&folded);
    assert_eq!(house.refused(folded), (ErrorCode::TicketForged, 4401));

    assert_eq!(house.shard.load().participants, 0);
    let refused = house.shard.counters().refused;
    assert_eq!(
        (
            refused.ticket_forged,
            refused.ticket_expired,
            refused.ticket_foreign
        ),
        (3, 1, 2)
    );
}

#[test]
fn nobody_comes_in_before_a_controller_told_the_keys() {
    let mut house = House::unlinked("a", Zone::new("zone"), 10);
    let ticket = house.zone.offer("a", "4711", "ann").ticket;
    assert_eq!(house.refused(ticket.clone()).0, ErrorCode::TicketForged);
    house.link();
    house.hello(ticket, Interest::All);
    assert_eq!(house.shard.load().participants, 1);
}

#[test]
fn flow_ids_that_somebody_has_are_not_given_twice() {
    let mut house = House::new(10);
    let mut claims = house.zone.claims("a", "4711", "ann");
    let ticket = house.zone.key.sign(&claims);
    house.hello(ticket, Interest::All);
    house.take();
    claims.participant = "bob".parse().unwrap();
    let ticket = house.zone.key.sign(&claims);
    assert_eq!(house.refused(ticket).0, ErrorCode::TicketForged);
}

#[test]
fn the_router_takes_its_capacity_and_no_more() {
    let mut house = House::new(2);
    house.join("4711", "ann");
    let bob = house.join("4712", "bob");
    let ticket = house.zone.offer("a", "4711", "eve").ticket;
    assert_eq!(house.refused(ticket.clone()), (ErrorCode::RouterFull, 4503));
    house.say(bob.channel, FromClient::Bye);
    house.take();
    let channel = house.hello(ticket, Interest::All);
    assert!(matches!(
        said(&house.take(), channel)[..],
        [FromRouter::Welcome { .. }]
    ));
}

#[test]
fn a_replayed_ticket_is_its_holder_again_and_nobody_more() {
    let mut house = House::new(10);
    let bob = house.join("4711", "bob");
    let ticket = house.zone.offer("a", "4711", "ann").ticket;
    let ann = house.hello(ticket.clone(), Interest::All);
    house.take();
    let thief = house.hello(ticket.clone(), Interest::All);
    let out = house.take();
    assert_eq!(refusal(&out, ann), (ErrorCode::Replaced, 4409));
    let who = |message: &FromRouter| match message {
        FromRouter::Welcome {
            meeting,
            participant,
            ..
        } => (meeting.to_string(), participant.to_string()),
        other => panic!("{other:?}"),
    };
    let welcome = who(&said(&out, thief)[0]);
    assert_eq!(welcome, ("4711".to_owned(), "ann".to_owned()));
    assert_eq!(house.shard.load().participants, 2, "ann and bob");
    let told = said(&out, bob.channel);
    let of_others = |message: &&FromRouter| match message {
        FromRouter::ParticipantJoined { present } => present.participant.as_str() != "ann",
        _ => false,
    };
    assert!(!told.iter().any(|it| of_others(&it)), "{told:?}");
    // Nor at another router of the zone, which knows the same keys.
    let mut other = House::named("b", house.zone, 10);
    let refused = other.refused(ticket);
    assert_eq!(refused, (ErrorCode::TicketForeign, 4403));
}

#[test]
fn a_participant_that_comes_again_takes_its_own_place() {
    let mut house = House::new(1);
    let ticket = house.zone.offer("a", "4711", "ann").ticket;
    let older = house.hello(ticket.clone(), Interest::All);
    house.say(older, crate::house::publish(Kind::Audio, 7));
    house.take();
    // The same ticket again, as after a broken connection.
    let newer = house.hello(ticket, Interest::All);
    let out = house.take();
    assert_eq!(refusal(&out, older), (ErrorCode::Replaced, 4409));
    assert!(matches!(
        said(&out, newer)[..],
        [FromRouter::Welcome { .. }]
    ));
    // The shell reports the old channel's end later: the newer self stays.
    house.handle(Input::ControlClosed { channel: older });
    assert_eq!(house.shard.load().participants, 1);
    house.say(newer, crate::house::publish(Kind::Audio, 7));
    assert_eq!(
        said(&house.take(), newer),
        [FromRouter::Published { kind: Kind::Audio }]
    );
}

#[test]
fn whoever_loses_its_control_channel_leaves_at_once() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let bob = house.join("4711", "bob");
    house.take();
    house.handle(Input::ControlClosed {
        channel: bob.channel,
    });
    let out = house.take();
    assert_eq!(
        said(&out, ann.channel),
        [FromRouter::ParticipantLeft {
            participant: "bob".parse().unwrap()
        }]
    );
    assert_eq!(house.shard.load().participants, 1);
}

#[test]
fn a_meeting_ends_with_its_last_participant() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    assert_eq!(house.shard.meetings(), 1);
    house.say(ann.channel, FromClient::Bye);
    assert_eq!(house.shard.meetings(), 0);
}
