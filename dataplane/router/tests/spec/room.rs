//! How large a picture somebody gets: by the room there is on the way.

use std::time::Duration;

use plenum_router::{ConnectionId, Input};
use plenum_wire::control::FromClient;
use plenum_wire::{Kind, Rung};

use crate::house::{Guest, House, rtp_packet};
use crate::studio::{
    HIGH, LOW, MIDDLE, MS, PICTURE, Part, Studio, delivered, simulcast, vp8_packet,
};

#[test]
fn less_room_is_less_picture_at_once_and_more_only_after_a_while() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 3_000);
    studio.until_shows(bob, HIGH, PICTURE);
    studio.estimate(bob, 600);
    let down = studio.until_shows(bob, MIDDLE, 500 * MS);
    assert!(down <= 2 * PICTURE, "{down:?}");
    studio.pictures(1_000 * MS);
    let rate = studio.rate(bob, 2_000 * MS);
    // A little more at times, to find out whether there is room.
    assert!((450..=700).contains(&rate), "{rate}");
    studio.estimate(bob, 3_000);
    let up = studio.until_shows(bob, HIGH, 2_000 * MS);
    assert!(up + PICTURE >= 1_000 * MS, "{up:?}");
}

#[test]
fn room_that_comes_and_goes_does_not_make_the_picture_flicker() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    for _ in 0..20 {
        studio.estimate(bob, 520);
        studio.pictures(400 * MS);
        studio.estimate(bob, 2_000);
        studio.pictures(600 * MS);
    }
    assert_eq!(studio.shows(bob), Some(MIDDLE));
    // The first picture, and what was shown before the first estimate.
    assert!(studio.watchers[bob].eye.cuts <= 2);
}

#[test]
fn room_that_comes_for_seconds_and_goes_changes_the_picture_seldom() {
    // Seconds with room and without, and changes of the picture in the second two of four
    // minutes: what had to be taken back is not tried again for up to 16 s, but what stood for
    // 10 s was worth it, and is each time.
    for (seconds, most) in [(2, 2), (5, 2), (12, 12)] {
        let mut studio = Studio::new(Kind::Video);
        let bob = studio.watch("bob");
        let mut before = 0;
        for round in 0..240 / (2 * seconds) {
            if round * 2 * seconds < 120 {
                before = studio.watchers[bob].eye.cuts;
            }
            studio.estimate(bob, 520);
            studio.pictures(seconds * 1_000 * MS);
            studio.estimate(bob, 2_000);
            studio.pictures(seconds * 1_000 * MS);
        }
        let cuts = studio.watchers[bob].eye.cuts - before;
        assert!(cuts <= most, "{seconds} s: {cuts}");
    }
}

#[test]
fn a_rate_that_varies_does_not_make_the_picture_flicker() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 1_600);
    for second in 0..20 {
        for _ in 0..25 {
            studio.made[2].paused = false;
            studio.picture();
        }
        // Of the highest layer, said to take 1,500 kbit/s.
        let mut left = if second % 2 == 0 { 25_000 } else { 0 };
        while left > 0 {
            let part = Part {
                timestamp: studio.timestamp,
                key: false,
                first: false,
                last: true,
            };
            studio.packet(2, part, 1_000);
            left -= 1_000;
        }
    }
    assert_eq!(studio.shows(bob), Some(MIDDLE));
    let cuts = studio.watchers[bob].eye.cuts;
    assert!(cuts <= 4, "{cuts}");
}

/// A second camera of three layers, whose pictures are all key frames.
struct Cem {
    guest: Guest,
    camera: ConnectionId,
    sequence: u16,
}

impl Cem {
    fn new(studio: &mut Studio) -> Self {
        let guest = studio.house.join("4711", "cem");
        let camera = studio.house.bind(guest, Kind::Video, Rung::Udp);
        let publish = simulcast(Kind::Video, 20, &[21, 22, 23]);
        studio.house.say(guest.channel, publish);
        let sequence = 0;
        Self {
            guest,
            camera,
            sequence,
        }
    }

    /// What of a picture reaches somebody.
    fn seen(&mut self, studio: &mut Studio, watcher: usize) -> Option<u32> {
        self.sequence += 1;
        let mut seen = None;
        for ssrc in [21, 22, 23] {
            let packet = vp8_packet(ssrc, self.sequence, true, true, 9);
            let flow = self.guest.flows.video;
            studio.house.send(self.camera, flow, packet);
            let out = studio.deal();
            let mut got = out.iter().filter_map(delivered);
            if got.any(|(to, _)| to == studio.watchers[watcher].connection) {
                seen = Some(ssrc);
            }
        }
        seen
    }
}

#[test]
fn a_layer_that_does_not_come_keeps_no_room_and_is_shown_when_it_comes() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    let mut cem = Cem::new(&mut studio);
    // Two pictures in the middle, or one of them in the highest layer.
    studio.estimate(bob, 2_050);
    let mut both = |studio: &mut Studio, comes: bool, seconds: u32| {
        let mut seen = None;
        for _ in 0..25 * seconds {
            // What has no room is replaced by what does.
            studio.made[1].paused = comes && !studio.wanted[1];
            studio.made[2].paused = !comes || !studio.wanted[2];
            studio.picture();
            seen = cem.seen(studio, bob);
        }
        (studio.shows(bob), seen)
    };
    assert_eq!(both(&mut studio, true, 2), (Some(HIGH), Some(22)));
    assert_eq!(both(&mut studio, false, 8), (Some(MIDDLE), Some(23)));
    assert_eq!(both(&mut studio, false, 8), (Some(MIDDLE), Some(23)));
    assert!(studio.wanted[2], "or it would never come again");
    // Who has it keeps it.
    studio.made[2].key = true;
    assert_eq!(both(&mut studio, true, 4), (Some(MIDDLE), Some(23)));
    studio.estimate(bob, 4_000);
    assert_eq!(both(&mut studio, true, 4), (Some(HIGH), Some(23)));
}

#[test]
fn the_lowest_picture_comes_however_little_room_there_is() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 10);
    studio.until_shows(bob, LOW, 500 * MS);
}
#[test]
fn what_a_camera_without_layers_takes_is_left_to_it() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 1_800);
    studio.until_shows(bob, HIGH, PICTURE);
    let cem = studio.house.join("4711", "cem");
    let camera = studio.house.bind(cem, Kind::Video, Rung::Udp);
    studio.house.publish(cem, Kind::Video, 99);
    for sequence in 0..75 {
        // 2 times 1,250 bytes in 40 ms: 500 kbit/s.
        for half in 0..2 {
            let packet = [&rtp_packet(99, 2 * sequence + half)[..], &[0; 1_233]].concat();
            studio.house.send(camera, cem.flows.video, packet.into());
        }
        studio.picture();
    }
    assert_eq!(studio.shows(bob), Some(MIDDLE));
}

#[test]
fn content_comes_first_and_cameras_give_up_what_it_lacks() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 1_800);
    studio.until_shows(bob, HIGH, PICTURE);
    let channel = studio.ann.channel;
    let screen = simulcast(Kind::Content, 20, &[21, 22, 23]);
    studio.house.say(channel, screen);
    let guest = studio.watchers[bob].guest;
    let connection = studio.house.bind(guest, Kind::Content, Rung::Udp);
    studio.house.handle(Input::Estimate {
        connection,
        bits_per_s: 1_000_000,
    });
    studio.deal();
    // The screen's next step takes 1,500 kbit/s and the ladder's margin: 725 are not there.
    studio.until_shows(bob, MIDDLE, 500 * MS);
    studio.house.handle(Input::Estimate {
        connection,
        bits_per_s: 3_000_000,
    });
    studio.until_shows(bob, HIGH, 4_000 * MS);
    // Too little again, and then none at all.
    studio.house.handle(Input::Estimate {
        connection,
        bits_per_s: 1_000_000,
    });
    studio.until_shows(bob, MIDDLE, 500 * MS);
    let end = FromClient::Unpublish {
        kind: Kind::Content,
    };
    studio.house.say(channel, end);
    studio.until_shows(bob, HIGH, 4_000 * MS);
}

#[test]
fn who_could_see_more_is_sent_copies_to_find_room_and_sees_nothing_of_it() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 300);
    studio.until_shows(bob, LOW, 500 * MS);
    studio.pictures(10_000 * MS);
    let watcher = &studio.watchers[bob];
    let (copies, probes) = (
        watcher.eye.copies,
        studio.house.shard.counters().of(Kind::Video).probes,
    );
    assert_eq!(u64::from(copies), probes);
    // Four probes of 200 ms for the 500 kbit/s of the next layer: it takes 425 to 575 more.
    let bytes = u64::from(copies) * 700;
    assert!(copies > 0 && bytes < 4 * 2 * 575 / 8 * 200, "{copies}");
    studio.estimate(bob, 4_000);
    studio.until_shows(bob, HIGH, 3_000 * MS);
    let before = studio.watchers[bob].eye.copies;
    studio.pictures(5_000 * MS);
    assert_eq!(
        studio.watchers[bob].eye.copies, before,
        "there is nothing to find"
    );
}

/// Pictures over a link that carries so much; what is known of it is half as much again as
/// what came through in the last 200 ms, at most what it carries.
fn over_a_link(studio: &mut Studio, watcher: usize, (link, estimate): (u64, &mut u64)) {
    studio.watchers[watcher].bytes = 0;
    studio.pictures(200 * MS);
    let rate = studio.watchers[watcher].bytes * 8 / 200;
    *estimate = link.min((*estimate).max(rate * 3 / 2));
    studio.estimate(watcher, *estimate);
}

#[test]
fn on_a_link_that_was_bad_for_a_while_the_large_picture_is_back_within_10_seconds() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    let mut estimate = 1_000;
    studio.estimate(bob, estimate);
    let mut shown = Vec::new();
    for (link, seconds) in [(3_000, 15), (500, 30), (3_000, 10), (3_000, 30)] {
        for _ in 0..5 * seconds {
            over_a_link(&mut studio, bob, (link, &mut estimate));
        }
        shown.push(studio.shows(bob).unwrap());
    }
    // 500 kbit/s are not enough for the middle one and its packets' headers.
    assert_eq!(shown, [HIGH, LOW, HIGH, HIGH]);
    // The first three at once, up, down, and up by two.
    assert!(
        studio.watchers[bob].eye.cuts <= 7,
        "{}",
        studio.watchers[bob].eye.cuts
    );
}
#[test]
fn estimates_of_audio_change_nothing() {
    let mut house = House::new(10);
    let (ann, bob) = (house.join("4711", "ann"), house.join("4711", "bob"));
    let from = house.bind(ann, Kind::Audio, Rung::Udp);
    let connection = house.bind(bob, Kind::Audio, Rung::Udp);
    house.publish(ann, Kind::Audio, 7);
    house.handle(Input::Estimate {
        connection,
        bits_per_s: 0,
    });
    house.take();
    house.send(from, ann.flows.audio, rtp_packet(7, 1));
    assert_eq!(house.take().iter().filter_map(delivered).count(), 1);
    // Nor do those of connections that nobody knows.
    let connection = ConnectionId(u64::MAX);
    house.handle(Input::Estimate {
        connection,
        bits_per_s: 1,
    });
}
#[test]
fn a_meeting_without_layers_sets_no_clock() {
    let mut house = House::new(10);
    let (ann, bob) = (house.join("4711", "ann"), house.join("4711", "bob"));
    house.bind(ann, Kind::Video, Rung::Udp);
    let connection = house.bind(bob, Kind::Video, Rung::Udp);
    house.publish(ann, Kind::Video, 7);
    house.handle(Input::Estimate {
        connection,
        bits_per_s: 100_000,
    });
    house.pass(Duration::from_secs(10));
    // But for the reports to the controller.
    let next = house.shard.next_timeout().unwrap();
    assert!(next >= house.now && next <= house.now + 500 * MS);
}
