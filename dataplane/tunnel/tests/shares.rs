//! Who gets how much of a tunnel that carries as much as it may.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use plenum_tunnel::shares::{Number, QUANTUM, Shares, Turn};
use proptest::prelude::*;

/// Bytes a second.
const RATE: u64 = 1_000_000;
const SECOND: Duration = Duration::from_secs(1);

/// Connections that always want to send pieces of one size.
struct Crowd {
    shares: Shares,
    now: Instant,
    /// Of each connection: whose it is, and how large its pieces are.
    connections: Vec<(u64, u32)>,
    waiting: BTreeMap<Turn, usize>,
    passed: BTreeMap<u64, u64>,
}

impl Crowd {
    fn new(connections: &[(u64, u32)]) -> Self {
        Self {
            shares: Shares::new(NonZeroU64::new(RATE).expect("not 0")),
            now: Instant::now(),
            connections: connections.to_vec(),
            waiting: BTreeMap::new(),
            passed: BTreeMap::new(),
        }
    }

    fn ask(&mut self, connection: usize) -> bool {
        let (client, bytes) = self.connections[connection];
        if let Some(turn) = self.shares.ask(Number(client), bytes, self.now) {
            self.waiting.insert(turn, connection);
            return false;
        }
        *self.passed.entry(client).or_default() += u64::from(bytes);
        true
    }

    /// Everybody asks again as soon as they may, for this long.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        for connection in 0..self.connections.len() {
            while self.ask(connection) {}
        }
        while let Some(at) = self.shares.next_timeout().filter(|at| *at < end) {
            self.now = self.now.max(at);
            while let Some(turn) = self.shares.poll(self.now) {
                let connection = self.waiting.remove(&turn).expect("it waits");
                let (client, bytes) = self.connections[connection];
                *self.passed.entry(client).or_default() += u64::from(bytes);
                self.ask(connection);
            }
        }
        self.now = end;
    }
}

#[test]
fn while_less_is_asked_than_there_is_nobody_waits() {
    let mut shares = Shares::new(NonZeroU64::new(RATE).expect("not 0"));
    let mut now = Instant::now();
    for piece in 0..1_000 {
        // Half of the rate.
        now += Duration::from_millis(2);
        assert_eq!(shares.ask(Number(piece % 7), 1_000, now), None);
    }
    assert_eq!(shares.next_timeout(), None);
}

#[test]
fn many_connections_get_no_more_than_one() {
    let mut connections = vec![(1, QUANTUM)];
    connections.extend([(2, QUANTUM); 15]);
    let mut crowd = Crowd::new(&connections);
    crowd.run(100 * SECOND);
    let (one, many) = (crowd.passed[&1], crowd.passed[&2]);
    assert!(one.abs_diff(many) <= 2 * u64::from(QUANTUM), "{one} {many}");
}

#[test]
fn small_pieces_get_as_much_as_large_ones() {
    let mut crowd = Crowd::new(&[(1, 1_200), (2, QUANTUM), (2, QUANTUM)]);
    crowd.run(100 * SECOND);
    let (small, large) = (crowd.passed[&1], crowd.passed[&2]);
    assert!(
        small.abs_diff(large) <= 3 * u64::from(QUANTUM),
        "{small} {large}"
    );
}

#[test]
fn who_wants_little_waits_for_one_piece_of_each_other_at_most() {
    let flood: Vec<_> = (10..30).flat_map(|client| [(client, QUANTUM); 4]).collect();
    let mut crowd = Crowd::new(&flood);
    crowd.run(SECOND);
    let asked = crowd.now;
    let voice = crowd
        .shares
        .ask(Number(1), 200, asked)
        .expect("it is saturated");
    let mut before = 0;
    loop {
        let at = crowd.shares.next_timeout().expect("somebody waits");
        crowd.now = crowd.now.max(at);
        match crowd.shares.poll(crowd.now) {
            Some(turn) if turn == voice => break,
            Some(turn) => {
                before += 1;
                let connection = crowd.waiting.remove(&turn).expect("it waits");
                crowd.ask(connection);
            }
            None => {}
        }
    }
    assert!(before <= 20, "{before}");
}

#[test]
fn who_gives_up_waiting_holds_nobody_up() {
    let mut shares = Shares::new(NonZeroU64::new(RATE).expect("not 0"));
    let now = Instant::now();
    while shares.ask(Number(1), QUANTUM, now).is_none() {}
    let given_up = shares
        .ask(Number(2), QUANTUM, now)
        .expect("it is saturated");
    let waits = shares
        .ask(Number(3), QUANTUM, now)
        .expect("it is saturated");
    shares.forget(given_up);
    let mut went = Vec::new();
    while let Some(at) = shares.next_timeout() {
        went.extend(shares.poll(at));
    }
    assert!(
        went.contains(&waits) && !went.contains(&given_up),
        "{went:?}"
    );
    assert_eq!(shares.next_timeout(), None);
}

proptest! {
    /// Whoever asks, in whatever pieces: all of the rate is used, no more than that, and every
    /// client that always wants more gets its share.
    #[test]
    fn the_rate_is_used_and_shared(
        connections in proptest::collection::vec((0..6_u64, 1_000..=QUANTUM), 1..20),
    ) {
        let mut crowd = Crowd::new(&connections);
        let seconds = 20;
        crowd.run(seconds * SECOND);
        let all: u64 = crowd.passed.values().sum();
        let ran = RATE * u64::from(seconds);
        let slack = 2 * u64::from(QUANTUM) + RATE / 100;
        prop_assert!(all + slack >= ran && all <= ran + slack, "{} of {}", all, ran);
        let least = crowd.passed.values().min().copied().unwrap_or_default();
        let most = crowd.passed.values().max().copied().unwrap_or_default();
        // Goyal, Vin and Cheng, theorem 1: one piece of each of the two. What went at the
        // beginning, before anybody waited, is above.
        prop_assert!(most - least <= 2 * u64::from(QUANTUM) + slack, "{:?}", crowd.passed);
    }
}
