//! Cameras and a screen share a path.

use std::time::Duration;

use plenum_router::{ConnectionId, Input};
use plenum_wire::{Kind, Rung};

use crate::studio::{HIGH, KBPS, MIDDLE, MS, Studio, delivered, simulcast, vp8_packet};

/// What somebody is sent of a camera and a screen that come over one path of so many kbit/s. An
/// estimate falls to its part of what the path carries when that is less than both send.
struct Bottleneck {
    studio: Studio,
    bob: usize,
    /// Where the screen comes from, and where it goes.
    screen: [ConnectionId; 2],
    link: u64,
    /// Of camera and screen, in kbit/s.
    estimates: [u64; 2],
    sequence: u16,
    /// The screen's rate at the last picture.
    screen_kbps: u64,
}

impl Bottleneck {
    fn picture(&mut self) {
        let Self { studio, bob, .. } = self;
        let ann = studio.ann;
        studio.watchers[*bob].bytes = 0;
        studio.picture();
        let mut screen = 0;
        for (ssrc, kbps) in [21, 22, 23].into_iter().zip(KBPS) {
            let bytes = usize::try_from(kbps * 40 / 8).unwrap();
            self.sequence += 1;
            let packet = vp8_packet(ssrc, self.sequence, true, true, bytes);
            studio.house.send(self.screen[0], ann.flows.content, packet);
            let out = studio.deal();
            let to_bob = out.iter().filter_map(delivered);
            let to_bob = to_bob.filter(|it| it.0 == self.screen[1]);
            screen += to_bob.map(|it| it.1.len() as u64).sum::<u64>();
        }
        let rates = [studio.watchers[*bob].bytes, screen].map(|bytes| bytes * 8 / 40);
        self.screen_kbps = rates[1];
        let sum = rates[0] + rates[1];
        if sum > self.link {
            let share = rates.map(|rate| rate * self.link * 9 / 10 / sum);
            for (estimate, share) in self.estimates.iter_mut().zip(share) {
                *estimate = share.min(*estimate);
            }
            self.tell();
        }
    }

    fn tell(&mut self) {
        let camera = self.studio.watchers[self.bob].connection;
        for (connection, kbps) in [camera, self.screen[1]].into_iter().zip(self.estimates) {
            self.studio.house.handle(Input::Estimate {
                connection,
                bits_per_s: kbps * 1_000,
            });
        }
        self.studio.deal();
    }
}

#[test]
fn cameras_leave_content_what_it_has_got() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 2_100);
    studio.until_shows(bob, HIGH, 500 * MS);
    let (ann, guest) = (studio.ann, studio.watchers[bob].guest);
    let publish = simulcast(Kind::Content, 20, &[21, 22, 23]);
    studio.house.say(ann.channel, publish);
    let screen = [ann, guest].map(|who| studio.house.bind(who, Kind::Content, Rung::Udp));
    let mut path = Bottleneck {
        studio,
        bob,
        screen,
        link: 2_600,
        estimates: [2_100, 600],
        sequence: 0,
        screen_kbps: 0,
    };
    path.tell();
    for _ in 0..50 {
        path.picture();
    }
    assert_eq!(path.studio.shows(bob), Some(MIDDLE));
    // The screen found room for its largest picture, and there is not enough for both.
    path.estimates[1] = 1_800;
    path.tell();
    for _ in 0..30 {
        path.picture();
    }
    for picture in 0..200 {
        path.picture();
        assert!(path.screen_kbps >= 1_500, "after {picture} pictures");
        assert_eq!(path.studio.shows(bob), Some(MIDDLE));
    }
}

#[test]
fn cameras_and_content_are_not_probed_for_at_the_same_time() {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    let (ann, guest) = (studio.ann, studio.watchers[bob].guest);
    studio
        .house
        .say(ann.channel, simulcast(Kind::Content, 20, &[21, 22, 23]));
    let screen = studio.house.bind(ann, Kind::Content, Rung::Udp);
    let connection = studio.house.bind(guest, Kind::Content, Rung::Udp);
    studio.house.handle(Input::Estimate {
        connection,
        bits_per_s: 300_000,
    });
    studio.estimate(bob, 300);
    let mut last: Option<(Kind, Duration)> = None;
    let (mut turns, begun) = (0, studio.house.now);
    for sequence in 0..250 {
        let packet = vp8_packet(21, sequence, true, true, 1_000);
        studio.house.send(screen, ann.flows.content, packet);
        studio.picture_of(0);
        for _ in 0..4 {
            let probes = |studio: &Studio, kind| studio.house.shard.counters().of(kind).probes;
            let before = [Kind::Video, Kind::Content].map(|kind| probes(&studio, kind));
            studio.house.pass(10 * MS);
            studio.deal();
            let now = studio.house.now - begun;
            for (kind, before) in [Kind::Video, Kind::Content].into_iter().zip(before) {
                if probes(&studio, kind) == before {
                    continue;
                }
                if let Some((other, at)) = last.filter(|last| last.0 != kind) {
                    assert!(
                        now >= at + 10 * MS,
                        "{other:?} at {at:?}, {kind:?} at {now:?}"
                    );
                    turns += 1;
                }
                last = Some((kind, now));
            }
        }
    }
    assert!(turns >= 4, "{turns}");
}
