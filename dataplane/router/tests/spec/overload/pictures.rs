//! What is left out, and for whom.

use plenum_router::{Input, OverloadStep, Strain};
use plenum_wire::Kind;

use super::three::{ALL, BOB, NO_PICTURE, Three};
use super::{SAMPLE, strain};

#[test]
fn few_people_come_in_and_keep_their_pictures_while_others_fill_the_machine() {
    let mut three = Three::new();
    for _ in 0..19 {
        three.house.pass(SAMPLE);
        let full = Strain {
            busy: 1.0,
            ..Strain::default()
        };
        three.house.handle(Input::Strain(full));
    }
    assert_eq!(three.seen(), [ALL; 3]);
    assert_eq!(three.house.shard.overload(), OverloadStep::Open);
}

#[test]
fn few_people_whose_router_uses_up_its_cpu_limit_keep_their_voices_and_screens() {
    let mut three = Three::new();
    for _ in 0..2 {
        three.house.pass(SAMPLE);
        let used_up = Strain {
            limit_used: 1.0,
            ..Strain::default()
        };
        three.house.handle(Input::Strain(used_up));
    }
    assert_eq!(three.house.shard.overload(), OverloadStep::LowLayers);
    assert_eq!(three.seen(), [NO_PICTURE, ALL, NO_PICTURE]);
}

#[test]
fn pictures_of_who_does_not_speak_are_left_out_and_nothing_else() {
    let mut three = Three::new();
    assert_eq!(three.seen(), [ALL; 3]);
    strain(&mut three.house, 2, 1.0);
    assert_eq!(three.house.shard.overload(), OverloadStep::LowLayers);
    assert_eq!(three.seen(), [NO_PICTURE, ALL, NO_PICTURE]);
    strain(&mut three.house, 20, 1.0);
    assert_eq!(three.house.shard.overload(), OverloadStep::ActiveOnly);
    assert_eq!(three.seen(), [NO_PICTURE, ALL, NO_PICTURE]);
    strain(&mut three.house, 19, 0.3);
    assert_eq!(three.seen(), [ALL; 3]);
}

#[test]
fn a_closed_router_leaves_out_nothing() {
    let mut three = Three::new();
    strain(&mut three.house, 10, 0.92);
    assert_eq!(three.house.shard.overload(), OverloadStep::Closed);
    assert_eq!(three.seen(), [ALL; 3]);
}

#[test]
fn who_speaks_again_after_a_return_is_heard_by_all_others_and_asked_for_a_picture() {
    let mut three = Three::new();
    three.strain(1, 1.0);
    assert!(three.come(BOB));
    for busy in [1.0, 0.0] {
        three.sequence += 1;
        assert_eq!(three.send(BOB, Kind::Audio), 2);
        three.strain(1, busy);
    }
    three.sequence += 1;
    assert_eq!(three.send(BOB, Kind::Audio), 2);
}
