#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

use std::thread;
use std::time::Duration;

use plenum_wire::Kind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;
use crate::media::Waker;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    Voice(u32),
    Screen(u32),
    Camera(u32),
    Datagram(u32),
    Word(u32),
}
use Thing::{Camera, Datagram, Screen, Voice, Word};

impl Carried for Thing {
    fn freight(&self) -> Freight {
        match self {
            Voice(_) => Freight::Packet(Kind::Audio),
            Screen(_) => Freight::Packet(Kind::Content),
            Camera(_) => Freight::Packet(Kind::Video),
            Datagram(_) => Freight::Unread,
            Word(_) => Freight::Word,
        }
    }
}

const ONE_OF_EACH: [Thing; 5] = [Camera(1), Datagram(1), Screen(1), Voice(1), Word(1)];

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// What comes out after a while of what was brought at once, and how many were dropped.
fn after(age: Duration, brought: &[Thing]) -> (Vec<Thing>, u64) {
    let mut backlog = Backlog::new(1_000);
    let now = Instant::now();
    assert_eq!(backlog.push(&mut brought.to_vec(), now), 0);
    let dropped = backlog.drop_stale(now + age);
    (backlog.drain().map(|(_, thing)| thing).collect(), dropped)
}

/// What waits where there is room for eight, and how many were dropped, when each of these is
/// brought by itself.
fn of_eight(brought: impl IntoIterator<Item = Thing>) -> (Vec<Thing>, u64) {
    let mut backlog = Backlog::new(8);
    let now = Instant::now();
    let each = brought.into_iter();
    let dropped = each.map(|thing| backlog.push(&mut vec![thing], now)).sum();
    (backlog.drain().map(|(_, thing)| thing).collect(), dropped)
}

#[test]
fn all_comes_out_in_order_with_the_time_since_when_it_is_here() {
    let mut backlog = Backlog::new(8);
    let start = Instant::now();
    let mut batch = vec![Camera(1), Voice(2)];
    assert_eq!(backlog.push(&mut batch, start), 0);
    assert!(batch.is_empty());
    assert_eq!(backlog.push(&mut vec![Word(3)], start + ms(5)), 0);
    assert_eq!(backlog.drop_stale(start + ms(100)), 0);
    let all: Vec<_> = backlog.drain().collect();
    let expected = [
        (start, Camera(1)),
        (start, Voice(2)),
        (start + ms(5), Word(3)),
    ];
    assert_eq!(all, expected);
    assert_eq!(backlog.drain().next(), None);
}

#[test]
fn cameras_are_dropped_first_then_what_is_too_old_to_be_heard_and_words_never() {
    assert_eq!(after(ms(133), &ONE_OF_EACH), (ONE_OF_EACH.to_vec(), 0));
    assert_eq!(after(ms(134), &ONE_OF_EACH), (ONE_OF_EACH[1..].to_vec(), 1));
    assert_eq!(after(ms(400), &ONE_OF_EACH), (ONE_OF_EACH[1..].to_vec(), 1));
    assert_eq!(after(ms(401), &ONE_OF_EACH), (vec![Word(1)], 4));
    assert_eq!(after(ms(60_000), &ONE_OF_EACH), (vec![Word(1)], 4));
}

#[test]
fn what_came_later_stays() {
    let mut backlog = Backlog::new(1_000);
    let start = Instant::now();
    for (number, at) in [(1, 0), (2, 100), (3, 200)] {
        let mut batch = vec![Camera(number), Voice(number)];
        backlog.push(&mut batch, start + ms(at));
    }
    assert_eq!(backlog.drop_stale(start + ms(300)), 2);
    let all: Vec<_> = backlog.drain().collect();
    let at = |time| start + ms(time);
    let expected = [
        (at(0), Voice(1)),
        (at(100), Voice(2)),
        (at(200), Camera(3)),
        (at(200), Voice(3)),
    ];
    assert_eq!(all, expected);
}

#[test]
fn a_clock_that_is_behind_drops_nothing() {
    let mut backlog = Backlog::new(8);
    let start = Instant::now();
    backlog.push(&mut vec![Camera(1)], start + ms(1_000));
    assert_eq!(backlog.drop_stale(start), 0);
    assert_eq!(backlog.drain().count(), 1);
}

#[test]
fn who_has_twice_as_much_to_do_as_time_drops_cameras_and_no_voice() {
    let mut backlog = Backlog::new(100_000);
    let start = Instant::now();
    let (mut voices, mut heard, mut cameras_dropped) = (0, 0, 0);
    let (mut number, mut busy_until) = (0, 0);
    for now in 0..60_000 {
        // Two packets each millisecond, of which each takes one; every fifth is a voice.
        let mut batch = Vec::new();
        for _ in 0..2 {
            number += 1;
            batch.push(match number % 5 {
                0 => Voice(number),
                _ => Camera(number),
            });
        }
        voices += batch.iter().filter(|it| matches!(it, Voice(_))).count();
        assert_eq!(backlog.push(&mut batch, start + ms(now)), 0);
        if now >= busy_until {
            cameras_dropped += backlog.drop_stale(start + ms(now));
            let taken: Vec<_> = backlog.drain().collect();
            heard += taken.iter().filter(|it| matches!(it.1, Voice(_))).count();
            busy_until = now + taken.len() as u64;
        }
    }
    let waiting = backlog.drain().filter(|it| matches!(it.1, Voice(_)));
    assert_eq!(heard + waiting.count(), voices);
    assert!(cameras_dropped > 50_000, "{cameras_dropped}");
}

#[test]
fn where_there_is_no_room_cameras_make_it_the_oldest_first() {
    let (waiting, dropped) = of_eight([
        Camera(1),
        Voice(1),
        Screen(1),
        Camera(2),
        Camera(3),
        Camera(4),
        Word(1),
        Voice(2),
        Voice(3),
    ]);
    let expected = [Voice(1), Screen(1), Camera(4), Word(1), Voice(2), Voice(3)];
    assert_eq!(waiting, expected, "a quarter of the room is free again");
    assert_eq!(dropped, 3);
}

#[test]
fn datagrams_that_nobody_has_read_make_room_before_cameras_and_screens_after_them() {
    let seven = [
        Screen(1),
        Camera(1),
        Datagram(1),
        Screen(2),
        Camera(2),
        Datagram(2),
        Voice(1),
    ];
    let (waiting, _) = of_eight(seven.into_iter().chain([Voice(2), Voice(3)]));
    let expected = [
        Screen(1),
        Screen(2),
        Camera(2),
        Voice(1),
        Voice(2),
        Voice(3),
    ];
    assert_eq!(waiting, expected);
    let (waiting, _) = of_eight(seven.into_iter().chain((2..=6).map(Voice)));
    assert_eq!(waiting, (1..=6).map(Voice).collect::<Vec<_>>());
}

#[test]
fn voices_alone_have_all_the_room_and_no_more() {
    let (waiting, dropped) = of_eight((1..=8).map(Voice));
    assert_eq!((waiting.len(), dropped), (8, 0));
    let (waiting, dropped) = of_eight((1..=9).map(Voice));
    assert_eq!(waiting, (4..=9).map(Voice).collect::<Vec<_>>());
    assert_eq!(dropped, 3);
}

#[test]
fn for_who_never_comes_no_more_is_kept_than_there_is_room() {
    let (waiting, dropped) = of_eight((1..=10_000).map(Camera));
    assert!(waiting.len() <= 8);
    assert_eq!(waiting.last(), Some(&Camera(10_000)));
    assert_eq!(waiting.len() as u64 + dropped, 10_000);
    let (waiting, dropped) = of_eight((1..=100).map(Word));
    assert_eq!((waiting.len(), dropped), (100, 0));
}

#[test]
fn who_brings_to_nobody_can_see_it() {
    let (entry, exit) = passage::<Thing>(8, Arc::default());
    assert!(!entry.is_deserted());
    drop(exit);
    assert!(entry.is_deserted());
}

#[test]
fn between_two_threads_words_arrive_and_packets_arrive_or_are_counted() {
    const BATCHES: u32 = 2_000;
    let counts = Arc::<Counts>::default();
    let (entry, mut exit) = passage(32, Arc::clone(&counts));
    let waker = Waker::new().unwrap();
    // No time passes: only room can be missing.
    let now = Instant::now();
    let brings = {
        let waker = waker.clone();
        thread::spawn(move || {
            for number in 0..BATCHES {
                let mut batch = vec![Camera(number), Voice(number), Word(number)];
                entry.bring(&mut batch, now);
                waker.wake();
            }
            entry
        })
    };
    let (mut packets, mut words) = (Vec::new(), Vec::new());
    while words.len() < BATCHES as usize {
        wait_for(&waker);
        for (since, thing) in exit.take(now) {
            assert_eq!(since, now);
            match thing {
                Word(number) => words.push(number),
                Camera(number) => packets.push(2 * number),
                Voice(number) => packets.push(2 * number + 1),
                Screen(_) | Datagram(_) => panic!("nobody brought that"),
            }
        }
    }
    drop(brings.join().unwrap());
    assert!(words.into_iter().eq(0..BATCHES));
    assert!(packets.is_sorted_by(|one, next| one < next), "in order");
    let dropped = counts.totals().udp.dropped_between;
    assert_eq!(packets.len() as u64 + dropped, u64::from(2 * BATCHES));
}

fn wait_for(waker: &Waker) {
    // Only guards against waiting forever.
    let limit = Timespec {
        tv_sec: 120,
        tv_nsec: 0,
    };
    let mut ready = [PollFd::new(waker, PollFlags::IN)];
    assert!(poll(&mut ready, Some(&limit)).unwrap() > 0, "nothing comes");
    waker.heard();
}
