//! Where one layer ends and another begins, a receiver can tell their pictures apart.

use bytes::Bytes;
use plenum_router::Output;
use plenum_wire::rtp::Header;
use plenum_wire::{Kind, rtcp};

use crate::studio::{HIGH, MIDDLE, MS, PICTURE, Part, Studio, TICKS, TRACK, delivered};

/// Bob sees the middle layer and shall get the high one.
fn going_up() -> (Studio, usize) {
    let mut studio = Studio::new(Kind::Video);
    let bob = studio.watch("bob");
    studio.estimate(bob, 600);
    studio.until_shows(bob, MIDDLE, 600 * MS);
    studio.obeys = false;
    studio.estimate(bob, 9_000);
    studio.pictures(1_200 * MS);
    assert_eq!(studio.shows(bob), Some(MIDDLE));
    // The others send nothing more but what a test says.
    studio.house.pass(PICTURE);
    studio.house.take();
    studio.timestamp = studio.timestamp.wrapping_add(TICKS);
    (studio, bob)
}

fn part(studio: &Studio, key: bool, first: bool, last: bool) -> Part {
    Part {
        timestamp: studio.timestamp,
        key,
        first,
        last,
    }
}

/// The timestamps that bob sees.
fn times(out: &[Output]) -> Vec<u32> {
    let packets = out.iter().filter_map(delivered);
    let headers = packets.filter_map(|(_, packet)| Header::parse(&packet));
    headers.map(|header| header.timestamp).collect()
}

#[test]
fn a_picture_that_begins_inside_another_of_its_moment_is_a_tick_later() {
    let (mut studio, bob) = going_up();
    let now = studio.timestamp;
    let begins = part(&studio, false, true, false);
    assert_eq!(times(&studio.packet(1, begins, 900)), [now]);
    let mut seen = Vec::new();
    for (first, last) in [(true, false), (false, false), (false, true)] {
        let part = part(&studio, true, first, last);
        seen.extend(studio.packet(2, part, 900));
    }
    assert_eq!(studio.shows(bob), Some(HIGH));
    assert_eq!(times(&seen), [now.wrapping_add(1); 3]);
    // Also when it is sent again.
    let packets: Vec<Bytes> = seen.iter().filter_map(delivered).map(|it| it.1).collect();
    let number = Header::parse(&packets[1]).unwrap().sequence;
    let again = studio.feedback(bob, rtcp::nack(1, TRACK, &[number]));
    let again: Vec<Bytes> = again.iter().filter_map(delivered).map(|it| it.1).collect();
    assert_eq!(again, packets[1..2]);
    // What comes then has its own time.
    studio.timestamp = now.wrapping_add(TICKS);
    let next = part(&studio, false, true, true);
    assert_eq!(times(&studio.packet(2, next, 900)), [studio.timestamp]);
}

#[test]
fn a_picture_that_begins_behind_another_has_its_own_time() {
    let (mut studio, bob) = going_up();
    let now = studio.timestamp;
    studio.packet(1, part(&studio, false, true, true), 900);
    let key = part(&studio, true, true, true);
    assert_eq!(times(&studio.packet(2, key, 900)), [now]);
    assert_eq!(studio.shows(bob), Some(HIGH));
}

#[test]
fn a_key_frame_that_comes_too_late_does_not_turn_the_picture_back() {
    let (mut studio, bob) = going_up();
    let old = part(&studio, true, true, true);
    for _ in 0..3 {
        studio.timestamp = studio.timestamp.wrapping_add(TICKS);
        studio.packet(1, part(&studio, false, true, true), 900);
    }
    assert!(times(&studio.packet(2, old, 900)).is_empty());
    assert_eq!(studio.shows(bob), Some(MIDDLE));
    let key = part(&studio, true, true, true);
    studio.packet(2, key, 900);
    assert_eq!(studio.shows(bob), Some(HIGH));
}
