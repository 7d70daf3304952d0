//! A track with layers: one stream for each who watches, whatever layer it is made of.

use bytes::Bytes;
use plenum_router::Output;
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest, Layer};
use plenum_wire::rtcp::{self, Feedback};
use plenum_wire::{Codec, Kind, Rung};

use crate::eye::Eye;
use crate::house::{House, objection, said};
use crate::studio::{
    HIGH, LOW, MIDDLE, MS, PICTURE, Studio, TRACK, delivered, layers, simulcast, vp8, vp8_packet,
    want,
};

#[test]
fn a_receiver_sees_one_stream_under_the_tracks_ssrc_from_a_key_frame_on() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.made[2].key = false;
    studio.picture();
    assert_ne!(studio.shows(bob), Some(HIGH), "it began before bob came");
    assert!(studio.asked.contains(&HIGH));
    studio.until_shows(bob, HIGH, 600 * MS);
    studio.pictures(500 * MS);
    assert_eq!(studio.shows(bob), Some(HIGH));
    let cuts = u64::from(studio.watchers[bob].eye.cuts);
    let counted = studio.house.shard.counters().of(Kind::Video);
    assert_eq!(counted.cuts, cuts);
    assert!(studio.house.shard.counters().dropped.not_wanted > 0);
}

#[test]
fn a_change_of_layer_waits_for_the_key_frame_and_the_numbers_go_on() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.until_shows(bob, HIGH, PICTURE);
    studio.obeys = false;
    studio.estimate(bob, 600);
    assert_eq!(studio.asked.last(), Some(&MIDDLE));
    studio.pictures(400 * MS);
    assert_eq!(studio.shows(bob), Some(HIGH), "the picture is not cut off");
    studio.made[1].key = true;
    studio.picture();
    // That its numbers have no hole, and that a picture begins there, the eye says.
    assert_eq!(studio.shows(bob), Some(MIDDLE));
}

#[test]
fn what_there_is_no_room_for_stops_when_no_key_frame_comes() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.until_shows(bob, HIGH, PICTURE);
    studio.obeys = false;
    studio.estimate(bob, 200);
    studio.pictures(520 * MS);
    assert_eq!(studio.rate(bob, 400 * MS), 0);
    studio.obeys = true;
    studio.until_shows(bob, LOW, 1_000 * MS);
}

#[test]
fn others_see_what_they_have_room_for() {
    let mut studio = Studio::new(Kind::Video);
    let all = ["bob", "cem", "dan"].map(|who| studio.watch(who));
    for (watcher, kbps) in all.into_iter().zip([5_000, 600, 100]) {
        studio.estimate(watcher, kbps);
    }
    studio.pictures(2_000 * MS);
    let shows = all.map(|watcher| studio.shows(watcher).unwrap());
    assert_eq!(shows, [HIGH, MIDDLE, LOW]);
}

/// The last packets that somebody got, oldest first, by their numbers.
fn latest(out: &[Output]) -> Vec<(u16, Bytes)> {
    let number = |packet: &Bytes| u16::from_be_bytes([packet[2], packet[3]]);
    let packets = out.iter().filter_map(delivered);
    packets.map(|(_, it)| (number(&it), it)).collect()
}

/// The number of a packet of this layer that bob gets, of no key frame.
fn one_more(studio: &mut Studio, layer: usize) -> (u16, Bytes) {
    let made = &mut studio.made[layer];
    made.sequence = made.sequence.wrapping_add(1);
    let packet = vp8_packet(made.ssrc, made.sequence, false, true, 9);
    latest(&studio.bring(packet))[0].clone()
}

#[test]
fn who_misses_a_packet_gets_it_again_with_its_number() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.until_shows(bob, HIGH, PICTURE);
    studio.estimate(bob, 600);
    studio.until_shows(bob, MIDDLE, 2 * PICTURE);
    let missed = one_more(&mut studio, 1);
    let number = missed.0;
    assert_ne!(number, studio.made[1].sequence);
    let nack = rtcp::nack(1, TRACK, &[number]);
    assert_eq!(latest(&studio.feedback(bob, nack)), [missed]);
    // Nobody knows the layers' own SSRCs but the publisher.
    let nack = rtcp::nack(1, MIDDLE, &[number]);
    assert_eq!(studio.feedback(bob, nack), []);
}

#[test]
fn a_narrow_path_is_not_filled_with_what_a_smaller_picture_makes_useless() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.until_shows(bob, HIGH, PICTURE);
    let (number, packet) = one_more(&mut studio, 2);
    let nack = || rtcp::nack(1, TRACK, &[number]);
    assert_eq!(
        latest(&studio.feedback(bob, nack())),
        [(number, packet.clone())]
    );
    studio.estimate(bob, 600);
    assert_eq!(
        studio.feedback(bob, nack()),
        [],
        "a smaller one is on its way"
    );
    studio.until_shows(bob, MIDDLE, 2 * PICTURE);
    assert_eq!(
        studio.feedback(bob, nack()),
        [],
        "its picture needs none before"
    );
}

#[test]
fn a_wish_for_a_key_frame_is_passed_on_for_the_layer_that_is_shown() {
    let mut studio = Studio::new(Kind::Video);
    let (bob, cem) = (studio.watch("bob"), studio.watch("cem"));
    studio.estimate(bob, 200);
    studio.pictures(2_000 * MS);
    let wish = |studio: &mut Studio, who| {
        let out = studio.feedback(who, rtcp::picture_loss(1, TRACK));
        let wishes = out.iter().filter_map(delivered).map(|(to, packet)| {
            assert_eq!(to, studio.camera);
            let feedback = rtcp::feedback(&packet).next();
            let Some(Feedback::PictureLoss { media, .. }) = feedback else {
                panic!("{feedback:?}")
            };
            media
        });
        wishes.collect::<Vec<_>>()
    };
    assert_eq!(wish(&mut studio, bob), [LOW]);
    assert_eq!(wish(&mut studio, cem), [HIGH]);
    let none: [u32; 0] = [];
    assert_eq!(
        wish(&mut studio, bob),
        none,
        "one serves all for half a second"
    );
}

#[test]
fn a_key_frame_is_asked_for_again_until_it_comes_and_once_for_all() {
    let mut studio = Studio::new(Kind::Video);
    studio.obeys = false;
    for made in &mut studio.made {
        made.key = false;
    }
    studio.picture();
    studio.watch("bob");
    studio.watch("cem");
    studio.pictures(1_600 * MS);
    let asked = studio.asked.iter().filter(|ssrc| **ssrc == HIGH).count();
    assert!((3..=4).contains(&asked), "{:?}", studio.asked);
}

#[test]
fn a_key_frame_whose_beginning_comes_late_is_seen_whole() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    let key = |sequence, first| vp8_packet(HIGH, sequence, true, first, 900);
    studio.bring(vp8_packet(HIGH, 9, false, true, 900));
    studio.bring(key(11, false));
    studio.bring(key(12, false));
    assert_eq!(studio.watchers[bob].eye.packets, 0);
    studio.bring(key(10, true));
    // In the order of their numbers, or the eye complains.
    assert_eq!(studio.watchers[bob].eye.packets, 3);
}

#[test]
fn what_a_layer_lost_is_asked_for_if_somebody_gets_the_layer() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.until_shows(bob, HIGH, PICTURE);
    studio.deal();
    for (layer, made) in studio.made.iter_mut().enumerate() {
        made.sequence += u16::from(layer == 1);
    }
    let lost = studio.made[2].sequence.wrapping_add(1);
    for ssrc in [MIDDLE, HIGH] {
        let flow = studio.ann.flows.video;
        let packet = vp8_packet(ssrc, lost.wrapping_add(1), false, false, 9);
        studio.house.send(studio.camera, flow, packet);
    }
    studio.house.take();
    let out = studio.house.pass(20 * MS);
    let asked: Vec<_> = out
        .iter()
        .filter_map(delivered)
        .filter(|(to, _)| *to == studio.camera)
        .flat_map(|(_, packet)| {
            let nacks = rtcp::feedback(&packet).filter_map(|feedback| match feedback {
                Feedback::Nack(nack) => Some((nack.media, nack.sequences().collect::<Vec<_>>())),
                Feedback::PictureLoss { .. } => None,
            });
            nacks.collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(asked, [(HIGH, vec![lost])]);
}

#[test]
fn a_layer_that_no_longer_comes_is_replaced_by_one_that_does() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.until_shows(bob, HIGH, PICTURE);
    // The publisher has no more room for it, whatever it is asked.
    studio.pictures(3_000 * MS);
    for made in &mut studio.made {
        made.paused = made.ssrc == HIGH;
    }
    studio.obeys = false;
    studio.pictures(1_200 * MS);
    studio.made[1].key = studio.asked.contains(&MIDDLE);
    studio.picture();
    assert_eq!(studio.shows(bob), Some(MIDDLE));
    studio.made[2].paused = false;
    studio.made[2].key = true;
    studio.picture();
    assert_eq!(studio.shows(bob), Some(HIGH));
}

#[test]
fn an_encoder_that_counts_anew_is_seen_again() {
    for pause in [0, 450, 2_000] {
        let mut studio = Studio::new(Kind::Video);
        let bob = studio.watch("bob");
        // The only layer there is.
        studio.says(bob, want("ann", Kind::Video, 180, 0));
        studio.until_shows(bob, LOW, PICTURE);
        studio.pictures(400 * MS);
        studio.house.pass(pause * MS);
        studio.deal();
        studio.made[0].sequence = studio.made[0].sequence.wrapping_sub(20_000);
        studio.made[0].key = false;
        studio.watchers[bob].eye.packets = 0;
        studio.pictures(1_200 * MS);
        assert!(studio.watchers[bob].eye.packets > 10, "{pause}");
    }
}

#[test]
fn a_new_connection_goes_on_with_the_same_stream() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.until_shows(bob, HIGH, PICTURE);
    let guest = studio.watchers[bob].guest;
    studio.watchers[bob].connection = studio.house.bind(guest, Kind::Video, Rung::Udp);
    let Eye { cuts, packets, .. } = studio.watchers[bob].eye;
    studio.picture();
    assert!(studio.watchers[bob].eye.packets > packets);
    assert_eq!(studio.watchers[bob].eye.cuts, cuts);
}

#[test]
fn whoever_comes_is_told_the_sizes_to_choose_from() {
    let mut studio = Studio::new(Kind::Content);
    let offer = studio.house.zone.offer("a", "4711", "bob");
    let channel = studio.house.hello(offer.ticket, Interest::All);
    let told = said(&studio.house.take(), channel);
    let [FromRouter::Welcome { tracks, .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(tracks[0].ssrc, TRACK);
    assert_eq!(tracks[0].layers, layers(&[LOW, MIDDLE, HIGH]));
}

#[test]
fn all_ssrcs_of_a_track_belong_to_it_until_it_ends() {
    let mut house = House::new(10);
    let (ann, bob) = (house.join("4711", "ann"), house.join("4711", "bob"));
    house.say(ann.channel, simulcast(Kind::Video, 7, &[8, 9]));
    house.take();
    for (ssrc, of_layers) in [(1, [7, 2]), (8, [1, 2]), (1, [2, 9])] {
        house.say(bob.channel, simulcast(Kind::Video, ssrc, &of_layers));
        let out = house.take();
        assert_eq!(objection(&out, bob.channel), ErrorCode::SsrcTaken);
    }
    // Those before the one that is taken were not kept.
    house.say(bob.channel, simulcast(Kind::Video, 1, &[2, 3]));
    let published = FromRouter::Published { kind: Kind::Video };
    assert!(said(&house.take(), bob.channel).contains(&published));
    // Another set of layers is another track; what it does not have is free.
    house.say(ann.channel, simulcast(Kind::Video, 7, &[9]));
    house.say(bob.channel, simulcast(Kind::Content, 8, &[4]));
    let out = house.take();
    assert!(said(&out, bob.channel).contains(&FromRouter::Published {
        kind: Kind::Content
    }));
    house.say(ann.channel, FromClient::Unpublish { kind: Kind::Video });
    house.say(bob.channel, simulcast(Kind::Video, 7, &[9]));
    assert!(said(&house.take(), bob.channel).contains(&published));
}

#[test]
fn a_publication_that_cannot_be_is_told_what_to_write() {
    let good = layers(&[8, 9]);
    let with = |change: fn(&mut Vec<Layer>)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed
    };
    let named = |name: &str| Codec {
        name: name.into(),
        ..vp8()
    };
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    for (kind, codec, layers, sentence) in [
        (Kind::Audio, vp8(), good.clone(), "audio has no layers"),
        (
            Kind::Video,
            vp8(),
            with(|all| all.extend([all[0]; 3])),
            "at most 4 layers",
        ),
        (Kind::Video, vp8(), with(|all| all.reverse()), "kbps"),
        (Kind::Video, vp8(), with(|all| all[0].kbps = 0), "kbps"),
        (
            Kind::Video,
            vp8(),
            with(|all| all[1].kbps = 500_000),
            "kbit/s, not bit/s",
        ),
        (
            Kind::Video,
            vp8(),
            with(|all| all[1].height = 90),
            "no height is below",
        ),
        (
            Kind::Video,
            vp8(),
            with(|all| all[1].width = 0),
            "at least 1 pixel",
        ),
        (
            Kind::Video,
            vp8(),
            with(|all| all[1].ssrc = all[0].ssrc),
            "an SSRC of its own",
        ),
        (
            Kind::Video,
            vp8(),
            with(|all| all[1].ssrc = 7),
            "an SSRC of its own",
        ),
        (
            Kind::Video,
            vp8(),
            with(|all| all.iter_mut().for_each(|it| it.ssrc = 7)),
            "need AV1",
        ),
        (
            Kind::Video,
            named("H265"),
            good.clone(),
            "VP8, VP9, H264, AV1",
        ),
    ] {
        let publish = FromClient::Publish {
            kind,
            ssrc: 7,
            codec,
            layers,
        };
        house.say(ann.channel, publish);
        let out = house.take();
        assert_eq!(objection(&out, ann.channel), ErrorCode::BadMessage);
        let told = said(&out, ann.channel);
        let [FromRouter::Error { message, .. }] = &told[..] else {
            panic!("{told:?}")
        };
        assert!(message.contains(sentence), "{message}");
    }
}
