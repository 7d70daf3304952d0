//! What makes room for the rest when too much waits.

use super::*;

/// What waits where there is room for eight, and how many were dropped, when each of these is
/// brought by itself.
fn of_eight(brought: impl IntoIterator<Item = Thing>) -> (Vec<Thing>, usize) {
    let mut backlog = Backlog::new(EIGHT);
    let now = Instant::now();
    let mut dropped = 0;
    for thing in brought {
        let (gone, of_each) = backlog.push(&mut load([thing]), now);
        let packets = gone.iter().filter(|it| !matches!(it, Estimate(..)));
        assert_eq!(packets.count(), total(&of_each), "what goes is counted");
        dropped += total(&of_each);
    }
    (things(&mut emptied(&mut backlog)), dropped)
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
        Voice(4),
    ]);
    let expected = [
        Voice(1),
        Screen(1),
        Camera(4),
        Word(1),
        Voice(2),
        Voice(3),
        Voice(4),
    ];
    assert_eq!(waiting, expected, "a quarter of the room is free again");
    assert_eq!(dropped, 3);
}

#[test]
fn cameras_go_before_screens_and_screens_before_voices() {
    let screens = (1..=4).map(Screen);
    let brought = [Camera(1), Camera(2)].into_iter().chain(screens);
    let (waiting, dropped) = of_eight(brought.chain((1..=3).map(Voice)));
    let expected = [2, 3, 4].map(Screen).into_iter();
    let expected: Vec<_> = expected.chain((1..=3).map(Voice)).collect();
    assert_eq!((waiting, dropped), (expected, 3));
}

#[test]
fn datagrams_that_nobody_has_read_have_room_of_their_own() {
    let (waiting, dropped) = of_eight((1..=5).map(Datagram));
    assert_eq!((waiting, dropped), ([3, 4, 5].map(Datagram).to_vec(), 2));
    let packets: Vec<_> = (1..=6).map(Camera).chain([Voice(1), Voice(2)]).collect();
    let datagrams = (1..=1_000).map(Datagram);
    let (waiting, dropped) = of_eight(packets.clone().into_iter().chain(datagrams));
    assert!(waiting.starts_with(&packets), "{waiting:?}");
    assert!(waiting.len() <= 12, "{waiting:?}");
    assert_eq!(waiting.last(), Some(&Datagram(1_000)));
    assert_eq!(waiting.len() + dropped, 1_008);
}

#[test]
fn of_many_estimates_the_newest_of_each_connection_stays() {
    let estimates = |count| (1..=count).flat_map(|it| [Estimate(1, it), Estimate(2, it)]);
    let packets: Vec<_> = (1..=8).map(Voice).collect();
    let brought = packets.clone().into_iter().chain(estimates(4));
    let (waiting, dropped) = of_eight(brought.clone());
    let all: Vec<_> = brought.clone().collect();
    assert_eq!((waiting, dropped), (all, 0), "they take no packet's room");
    let (waiting, dropped) = of_eight(brought.chain([Estimate(1, 5)]));
    let newest = [Estimate(2, 4), Estimate(1, 5)].into_iter();
    let expected: Vec<_> = packets.into_iter().chain(newest).collect();
    assert_eq!((waiting, dropped), (expected, 0));
    let (waiting, _) = of_eight(estimates(10_000));
    assert!(waiting.len() <= 2 + 8, "{waiting:?}");
    let newest = [Estimate(1, 10_000), Estimate(2, 10_000)];
    assert!(waiting.ends_with(&newest), "{waiting:?}");
}

#[test]
fn the_only_estimate_of_a_connection_stays_however_many_connections_there_are() {
    let brought: Vec<_> = (1..=1_000).map(|whose| Estimate(whose, 1)).collect();
    let (waiting, _) = of_eight(brought.clone());
    assert_eq!(waiting, brought);
}

#[test]
fn words_take_no_packets_room_and_all_stay() {
    let words = (1..=100).map(Word);
    let brought: Vec<_> = words.chain((1..=8).map(Camera)).collect();
    let (waiting, dropped) = of_eight(brought.clone());
    assert_eq!((waiting, dropped), (brought, 0));
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
    assert_eq!(waiting.len() + dropped, 10_000);
}
