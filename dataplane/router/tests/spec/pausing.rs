//! What nobody watches need not be sent: publishers are told.

use plenum_router::Input;
use plenum_router::tracks::PAUSED_AFTER;
use plenum_wire::control::{FromClient, FromRouter, Interest};
use plenum_wire::{Kind, Rung};

use crate::house::{House, said};
use crate::studio::{HIGH, LOW, MS, PICTURE, Studio, delivered, want};

/// What ann was told of her camera.
fn wanted(house: &mut House, channel: plenum_router::ChannelId) -> Vec<Vec<bool>> {
    let out = house.take();
    wanted_in(&out, channel)
}

fn wanted_in(out: &[plenum_router::Output], channel: plenum_router::ChannelId) -> Vec<Vec<bool>> {
    let told = said(out, channel).into_iter();
    told.filter_map(|message| match message {
        FromRouter::Wanted { layers, .. } => Some(layers),
        _ => None,
    })
    .collect()
}

#[test]
fn layers_that_nobody_gets_are_not_wanted_after_2_seconds() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 200);
    studio.pictures(1_960 * MS);
    assert!(studio.made.iter().all(|made| !made.paused));
    studio.pictures(2 * PICTURE);
    let paused: Vec<_> = studio.made.iter().map(|made| made.paused).collect();
    assert_eq!(paused, [false, true, true]);
    assert_eq!(studio.shows(bob), Some(LOW));
}

#[test]
fn a_layer_is_wanted_again_at_once() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.says(bob, want("ann", Kind::Video, 180, 0));
    studio.pictures(PAUSED_AFTER + PICTURE);
    assert!(studio.made[2].paused);
    studio.says(bob, want("ann", Kind::Video, 720, 0));
    assert!(!studio.made[2].paused);
    assert!(studio.made[2].key);
    studio.until_shows(bob, HIGH, PICTURE);
}

#[test]
fn who_looks_away_for_a_moment_pauses_nobody() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.pictures(3_000 * MS);
    let told = studio.made.iter().map(|made| made.paused);
    assert_eq!(told.collect::<Vec<_>>(), [true, true, false]);
    studio.says(bob, want("ann", Kind::Video, 0, 0));
    studio.pictures(1_000 * MS);
    assert_eq!(studio.rate(bob, 400 * MS), 0);
    studio.says(bob, want("ann", Kind::Video, 720, 0));
    assert!(!studio.made[2].paused, "ann was told nothing meanwhile");
    studio.until_shows(bob, HIGH, PICTURE);
}

#[test]
fn a_plain_camera_is_paused_and_goes_on_with_a_key_frame() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let camera = house.bind(ann, Kind::Video, Rung::Udp);
    house.publish(ann, Kind::Video, 7);
    house.take();
    let out = house.pass(1_999 * MS);
    assert!(wanted_in(&out, ann.channel).is_empty());
    let out = house.pass(MS);
    assert_eq!(wanted_in(&out, ann.channel), [[false]]);
    let bob = house.join("4711", "bob");
    house.bind(bob, Kind::Video, Rung::Udp);
    let out = house.take();
    assert_eq!(wanted_in(&out, ann.channel), [[true]]);
    let asked: Vec<_> = out.iter().filter_map(delivered).collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].0, camera);
    // Bob shows it no longer, and then leaves: said once.
    house.say(bob.channel, want("ann", Kind::Video, 0, 0));
    let out = house.pass(PAUSED_AFTER);
    assert_eq!(wanted_in(&out, ann.channel), [[false]]);
    house.say(bob.channel, FromClient::Bye);
    let out = house.pass(2 * PAUSED_AFTER);
    assert!(wanted_in(&out, ann.channel).is_empty());
}

#[test]
fn who_leaves_watches_no_longer() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.picture();
    let channel = studio.watchers[bob].guest.channel;
    studio.house.handle(Input::ControlClosed { channel });
    let out = studio.house.pass(PAUSED_AFTER);
    assert_eq!(wanted_in(&out, studio.ann.channel), [[false; 3]]);
}

#[test]
fn audio_is_never_paused() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    house.bind(ann, Kind::Audio, Rung::Udp);
    house.publish(ann, Kind::Audio, 7);
    let bob = house.enter("4711", "bob", Interest::All);
    let to_bob = house.bind(bob, Kind::Audio, Rung::Udp);
    house.take();
    house.say(bob.channel, want("ann", Kind::Audio, 0, 0));
    house.handle(Input::MediaClosed { connection: to_bob });
    let out = house.pass(3 * PAUSED_AFTER);
    assert!(wanted_in(&out, ann.channel).is_empty());
    assert!(wanted(&mut house, ann.channel).is_empty());
}
