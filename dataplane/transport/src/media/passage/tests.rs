#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod room;

use std::thread;
use std::time::Duration;

use plenum_wire::Kind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;
use crate::media::{ConnectionId, Waker};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    Voice(u32),
    Screen(u32),
    Camera(u32),
    Datagram(u32),
    /// Of a connection, which of them.
    Estimate(u64, u32),
    Word(u32),
}
use Thing::{Camera, Datagram, Estimate, Screen, Voice, Word};

impl Carried for Thing {
    fn freight(&self) -> Freight {
        match self {
            Voice(_) => Freight::Packet(Kind::Audio),
            Screen(_) => Freight::Packet(Kind::Content),
            Camera(_) => Freight::Packet(Kind::Video),
            Datagram(_) => Freight::Unread,
            Estimate(whose, _) => Freight::Estimate(ConnectionId(*whose)),
            Word(_) => Freight::Word,
        }
    }
}

const ONE_OF_EACH: [Thing; 6] = [
    Camera(1),
    Datagram(1),
    Screen(1),
    Voice(1),
    Estimate(1, 1),
    Word(1),
];
const NO_PACKETS: [Thing; 2] = [Estimate(1, 1), Word(1)];
const EIGHT: Room = Room {
    packets: 8,
    unread: 4,
    estimates: 8,
};

const IN: fn(&RungCounts) -> &Count = |udp| &udp.dropped_between_in;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn load(things: impl IntoIterator<Item = Thing>) -> Load<Thing> {
    let mut load = Load::default();
    for thing in things {
        load.add(thing);
    }
    load
}

/// All that waits.
fn emptied(backlog: &mut Backlog<Thing>) -> Line<Thing> {
    let mut taken = Line::default();
    backlog.exchange(&mut taken);
    taken
}

fn things(taken: &mut Line<Thing>) -> Vec<Thing> {
    taken.drain().map(|(_, thing)| thing).collect()
}

fn total(dropped: &Tally) -> usize {
    dropped.packets() + dropped.unread
}

/// What comes out after a while of what was brought at once, and how many were dropped.
fn after(age: Duration, brought: &[Thing]) -> (Vec<Thing>, usize) {
    let now = Instant::now();
    let mut taken = Line::default();
    taken.append(&mut load(brought.iter().copied()), now);
    let dropped = drop_stale(&mut taken, now + age);
    (things(&mut taken), total(&dropped))
}

#[test]
fn all_comes_out_in_order_with_the_time_since_when_it_is_here() {
    let mut backlog = Backlog::new(EIGHT);
    let start = Instant::now();
    let mut brought = load([Camera(1), Voice(2)]);
    assert!(backlog.push(&mut brought, start).0.is_empty());
    assert!(brought.is_empty());
    brought.add(Word(3));
    assert!(backlog.push(&mut brought, start + ms(5)).0.is_empty());
    let mut taken = emptied(&mut backlog);
    assert_eq!(drop_stale(&mut taken, start + ms(100)), Tally::default());
    let all: Vec<_> = taken.drain().collect();
    let expected = [
        (start, Camera(1)),
        (start, Voice(2)),
        (start + ms(5), Word(3)),
    ];
    assert_eq!(all, expected);
    assert_eq!(*taken.tally(), Tally::default());
    assert_eq!(taken.drain().next(), None);
    assert_eq!(emptied(&mut backlog).drain().next(), None);
}

#[test]
fn cameras_are_dropped_first_then_what_is_too_old_to_be_heard_and_what_is_no_packet_never() {
    assert_eq!(after(ms(133), &ONE_OF_EACH), (ONE_OF_EACH.to_vec(), 0));
    assert_eq!(after(ms(134), &ONE_OF_EACH), (ONE_OF_EACH[1..].to_vec(), 1));
    assert_eq!(after(ms(400), &ONE_OF_EACH), (ONE_OF_EACH[1..].to_vec(), 1));
    assert_eq!(after(ms(401), &ONE_OF_EACH), (NO_PACKETS.to_vec(), 4));
    assert_eq!(after(ms(60_000), &ONE_OF_EACH), (NO_PACKETS.to_vec(), 4));
}

#[test]
fn what_came_later_stays() {
    let start = Instant::now();
    let at = |time| start + ms(time);
    let mut taken = Line::default();
    for (number, time) in [(1, 0), (2, 100), (3, 200)] {
        taken.append(&mut load([Camera(number), Voice(number)]), at(time));
    }
    assert_eq!(drop_stale(&mut taken, at(300)).cameras, 2);
    let all: Vec<_> = taken.drain().collect();
    let expected = [
        (at(0), Voice(1)),
        (at(100), Voice(2)),
        (at(200), Camera(3)),
        (at(200), Voice(3)),
    ];
    assert_eq!(all, expected);
}

#[test]
fn what_goes_from_the_middle_leaves_the_others_their_times() {
    let start = Instant::now();
    let at = |time| start + ms(time);
    let mut taken = Line::default();
    for (number, time) in [(1, 0), (2, 1), (3, 2)] {
        taken.append(&mut load([Camera(number), Word(number)]), at(time));
    }
    let is_second = |since: Instant, _: Freight| since == at(1);
    let mut gone = Vec::new();
    let dropped = taken.drop_where(is_second, |thing| gone.push(thing));
    assert_eq!(gone, [Camera(2), Word(2)]);
    assert_eq!((dropped.cameras, dropped.words), (1, 1));
    taken.append(&mut load([Voice(4)]), at(3));
    let all: Vec<_> = taken.drain().collect();
    let expected = [
        (at(0), Camera(1)),
        (at(0), Word(1)),
        (at(2), Camera(3)),
        (at(2), Word(3)),
        (at(3), Voice(4)),
    ];
    assert_eq!(all, expected);
}

#[test]
fn a_clock_that_is_behind_drops_nothing() {
    let start = Instant::now();
    let mut taken = Line::default();
    taken.append(&mut load([Camera(1)]), start + ms(1_000));
    assert_eq!(drop_stale(&mut taken, start), Tally::default());
    assert_eq!(taken.drain().count(), 1);
}

#[test]
fn who_has_twice_as_much_to_do_as_time_drops_cameras_and_no_voice() {
    let mut backlog = Backlog::new(Room::for_packets(100_000));
    let start = Instant::now();
    let (mut voices, mut heard, mut cameras_dropped) = (0, 0, 0);
    let (mut number, mut busy_until) = (0, 0);
    let count = |mut taken: Line<Thing>| {
        let taken = things(&mut taken);
        let heard = taken.iter().filter(|it| matches!(it, Voice(_))).count();
        (heard, taken.len() as u64)
    };
    for now in 0..60_000 {
        // Two packets each millisecond, of which each takes one; every fifth is a voice.
        let mut brought = Load::default();
        for _ in 0..2 {
            number += 1;
            let is_voice = number % 5 == 0;
            voices += usize::from(is_voice);
            let thing = if is_voice {
                Voice(number)
            } else {
                Camera(number)
            };
            brought.add(thing);
        }
        assert!(backlog.push(&mut brought, start + ms(now)).0.is_empty());
        if now >= busy_until {
            let mut taken = emptied(&mut backlog);
            cameras_dropped += drop_stale(&mut taken, start + ms(now)).cameras;
            let (of_these, work) = count(taken);
            heard += of_these;
            busy_until = now + work;
        }
    }
    let (waiting, _) = count(emptied(&mut backlog));
    assert_eq!(heard + waiting, voices);
    assert!(cameras_dropped > 50_000, "{cameras_dropped}");
}

#[test]
fn who_brings_to_nobody_can_see_it() {
    let (entry, exit) = passage::<Thing>(EIGHT, Arc::default(), IN);
    assert!(!entry.is_deserted());
    drop(exit);
    assert!(entry.is_deserted());
}

#[test]
fn what_is_dropped_is_counted_once_whatever_for_and_unread_datagrams_apart() {
    let counts = Arc::<Counts>::default();
    let out: fn(&RungCounts) -> &Count = |udp| &udp.dropped_between_out;
    let (entry, mut exit) = passage(EIGHT, Arc::clone(&counts), out);
    let now = Instant::now();
    let no_room = (1..=9).map(Camera).chain((1..=5).map(Datagram));
    entry.bring(&mut load(no_room), now);
    let dropped = || {
        let of_udp = counts.totals().udp;
        assert_eq!(of_udp.dropped_between_in, 0);
        (of_udp.dropped_between_out, of_udp.dropped_unread)
    };
    assert_eq!(dropped(), (3, 2));
    entry.bring(&mut load([Voice(1), Word(1)]), now);
    assert_eq!(exit.take(now + ms(134)).count(), 5, "the cameras are late");
    assert_eq!(dropped(), (9, 2));
    entry.bring(&mut load(ONE_OF_EACH), now);
    assert_eq!(exit.take(now + ms(401)).count(), NO_PACKETS.len());
    assert_eq!(dropped(), (12, 3));
}

#[test]
fn between_two_threads_words_arrive_and_packets_arrive_or_are_counted() {
    const BATCHES: u32 = 2_000;
    let counts = Arc::<Counts>::default();
    let (entry, mut exit) = passage(Room::for_packets(32), Arc::clone(&counts), IN);
    let waker = Waker::new().unwrap();
    // No time passes: only room can be missing.
    let now = Instant::now();
    let brings = {
        let waker = waker.clone();
        thread::spawn(move || {
            for number in 0..BATCHES {
                let mut brought = load([Camera(number), Voice(number), Word(number)]);
                entry.bring(&mut brought, now);
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
                Screen(_) | Datagram(_) | Estimate(..) => panic!("nobody brought that"),
            }
        }
    }
    drop(brings.join().unwrap());
    assert!(words.into_iter().eq(0..BATCHES));
    assert!(packets.is_sorted_by(|one, next| one < next), "in order");
    let dropped = counts.totals().udp.dropped_between_in;
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
