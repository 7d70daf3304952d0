//! Which wishes are kept.

use plenum_wire::Kind;
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Want};
use plenum_wire::limits::WANTS;

use crate::house::{House, objection, said};
use crate::studio::{HIGH, LOW, MIDDLE, MS, Studio, simulcast, want};

#[test]
fn a_wish_may_be_said_before_its_track_is_there() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    let channel = studio.ann.channel;
    studio
        .house
        .say(channel, FromClient::Unpublish { kind: Kind::Video });
    studio.says(bob, want("ann", Kind::Video, 180, 0));
    let ssrcs = [LOW, MIDDLE, HIGH];
    studio.house.say(channel, simulcast(Kind::Video, 7, &ssrcs));
    studio.pictures(1_000 * MS);
    assert_eq!(studio.shows(bob), Some(LOW));
}

#[test]
fn so_many_wants_are_kept_and_audio_has_none() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let about = |from: usize, count: usize| FromClient::Want {
        wants: (from..from + count)
            .map(|number| Want {
                participant: number.to_string().parse().unwrap(),
                kind: Kind::Video,
                height: 180,
                priority: 0,
            })
            .collect(),
    };
    house.say(ann.channel, about(0, WANTS));
    assert_eq!(said(&house.take(), ann.channel), []);
    for bad in [
        about(WANTS, 1),
        about(0, WANTS + 1),
        want("0", Kind::Audio, 180, 0),
    ] {
        house.say(ann.channel, bad);
        let out = house.take();
        assert_eq!(objection(&out, ann.channel), ErrorCode::BadMessage);
        let told = said(&out, ann.channel);
        let [FromRouter::Error { message, .. }] = &told[..] else {
            panic!("{told:?}")
        };
        assert!(message.contains("wants") || message.contains("unsubscribe"));
    }
    house.say(ann.channel, want("0", Kind::Video, Want::ANY_HEIGHT, 0));
    house.say(ann.channel, about(WANTS, 1));
    assert_eq!(said(&house.take(), ann.channel), []);
}
