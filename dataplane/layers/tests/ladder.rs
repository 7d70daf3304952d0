//! Layers do not swing with every estimate: down at once, up with patience, and with more of
//! it after every mistake.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::time::{Duration, Instant};

use plenum_layers::{LAYERS, Ladder, Wish, allocate};
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);
const CAMERA: [u32; LAYERS] = [150, 500, 1_500, 0];

/// A receiver of one track, and the time.
struct Receiver {
    ladder: Ladder,
    wishes: Vec<Wish>,
    start: Instant,
    now: Instant,
    given: Vec<Option<u8>>,
}

impl Receiver {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            ladder: Ladder::new(),
            wishes: vec![Wish {
                rank: 0,
                kbps: CAMERA,
                top: 2,
                now: None,
            }],
            start: now,
            now,
            given: Vec::new(),
        }
    }

    /// The estimate of this moment.
    fn sees(&mut self, kbps: u32) -> Option<u8> {
        self.ladder
            .choose(kbps, &self.wishes, self.now, &mut self.given);
        self.given[0]
    }

    /// The estimate for so long, every 100 ms; when layers changed, in ms from the start.
    fn lives(&mut self, kbps: u32, time: Duration) -> Vec<(u128, Option<u8>)> {
        let mut changes = Vec::new();
        let end = self.now + time;
        while self.now < end {
            self.now += 100 * MS;
            let before = self.given.first().copied().flatten();
            let given = self.sees(kbps);
            if given != before {
                changes.push(((self.now - self.start).as_millis(), given));
            }
        }
        changes
    }
}

#[test]
fn the_first_estimate_counts_at_once() {
    assert_eq!(Receiver::new().sees(1_500), Some(2));
    assert_eq!(Receiver::new().sees(1_499), Some(1));
}

#[test]
fn down_at_once_and_up_after_a_second() {
    let mut receiver = Receiver::new();
    receiver.sees(3_000);
    assert_eq!(receiver.lives(400, 2_000 * MS), [(100, Some(0))]);
    assert_eq!(receiver.lives(3_000, 2_000 * MS), [(3_100, Some(2))]);
}

#[test]
fn up_only_with_a_margin() {
    let mut receiver = Receiver::new();
    receiver.sees(400);
    assert_eq!(receiver.ladder.goal(), Some(575), "500 and 15 % of it");
    assert_eq!(receiver.lives(574, 30_000 * MS), []);
    assert_eq!(receiver.lives(575, 1_200 * MS), [(31_100, Some(1))]);
}

#[test]
fn what_fits_for_less_than_a_second_does_not_count() {
    let mut receiver = Receiver::new();
    receiver.sees(400);
    for _ in 0..20 {
        assert_eq!(receiver.lives(3_000, 900 * MS), []);
        assert_eq!(receiver.lives(400, 100 * MS), []);
    }
}

#[test]
fn it_says_when_to_look_again() {
    let mut receiver = Receiver::new();
    receiver.sees(400);
    assert_eq!(receiver.ladder.next_due(), None);
    receiver.sees(3_000);
    let due = receiver.ladder.next_due().unwrap();
    assert_eq!(due, receiver.now + 1_000 * MS);
    receiver.now = due;
    assert_eq!(receiver.sees(3_000), Some(2));
    assert_eq!(
        (receiver.ladder.next_due(), receiver.ladder.goal()),
        (None, None)
    );
}

#[test]
fn what_grows_meanwhile_begins_its_own_second() {
    let mut receiver = Receiver::new();
    receiver.sees(400);
    receiver.sees(600);
    receiver.now += 500 * MS;
    assert_eq!(receiver.sees(3_000), Some(0));
    for given in [1, 2] {
        receiver.now = receiver.ladder.next_due().unwrap();
        assert_eq!(receiver.sees(3_000), Some(given));
    }
    assert_eq!((receiver.now - receiver.start).as_millis(), 2_000);
}

#[test]
fn every_mistake_doubles_the_patience_and_time_mends_it() {
    let mut receiver = Receiver::new();
    receiver.sees(400);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let since = receiver.now;
        receiver.lives(400, 100 * MS);
        while receiver.lives(3_000, 100 * MS).is_empty() {}
        waits.push((receiver.now - since).as_millis() - 200);
    }
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 16_000]);

    // It stands for ten seconds: the next time is the first again.
    receiver.lives(3_000, 10_000 * MS);
    receiver.lives(400, 100 * MS);
    let since = (receiver.now - receiver.start).as_millis();
    assert_eq!(
        receiver.lives(3_000, 2_000 * MS),
        [(since + 1_100, Some(2))]
    );
}

#[test]
fn a_mistake_is_forgotten_when_no_more_fitted_for_long() {
    for (short, patience) in [(19_000, 4_000), (21_000, 1_000)] {
        let mut receiver = Receiver::new();
        receiver.sees(400);
        for _ in 0..2 {
            receiver.lives(3_000, 2_500 * MS);
            receiver.lives(400, 100 * MS);
        }
        // It comes and goes a little meanwhile.
        for _ in 0..short / 1_000 {
            receiver.lives(450, 500 * MS);
            receiver.lives(560, 500 * MS);
        }
        let since = (receiver.now - receiver.start).as_millis();
        let up = (since + 100 + patience, Some(2));
        assert_eq!(receiver.lives(3_000, 5_000 * MS), [up]);
    }
}

#[test]
fn what_takes_more_than_it_did_stays_while_it_fits() {
    let mut receiver = Receiver::new();
    receiver.sees(400);
    assert_eq!(receiver.lives(600, 1_500 * MS).len(), 1);
    receiver.wishes[0].kbps[1] = 590;
    receiver.ladder.keep(590, 600);
    assert_eq!(receiver.sees(600), Some(1));
    receiver.wishes[0].kbps[1] = 610;
    receiver.ladder.keep(610, 600);
    assert_eq!(receiver.sees(600), Some(0));
}

#[test]
fn a_little_more_before_does_not_make_enough_wait_longer() {
    let mut receiver = Receiver::new();
    receiver.sees(400);
    assert_eq!(receiver.lives(480, 500 * MS), []);
    assert_eq!(receiver.lives(3_000, 1_500 * MS), [(1_600, Some(2))]);
}

#[test]
fn a_fall_in_steps_is_one_mistake() {
    let mut receiver = Receiver::new();
    receiver.sees(400);
    receiver.lives(3_000, 1_500 * MS);
    for kbps in [1_400, 1_000, 499, 300] {
        receiver.lives(kbps, 100 * MS);
    }
    let since = (receiver.now - receiver.start).as_millis();
    assert_eq!(
        receiver.lives(3_000, 3_000 * MS),
        [(since + 2_100, Some(2))]
    );
}

#[test]
fn a_new_speaker_does_not_wait() {
    let mut receiver = Receiver::new();
    receiver.wishes.push(Wish {
        rank: 1,
        ..receiver.wishes[0]
    });
    receiver.sees(1_700);
    assert_eq!(receiver.given, [Some(2), Some(0)]);
    receiver.wishes[0].rank = 2;
    receiver.sees(1_700);
    assert_eq!(receiver.given, [Some(0), Some(2)]);
}

/// What the issue asks for: 3 Mbit/s fall to 500 kbit/s and come back.
#[test]
fn a_bad_minute_costs_one_change_down_and_one_up() {
    let mut receiver = Receiver::new();
    receiver.sees(3_000);
    let mut changes = receiver.lives(3_000, 20_000 * MS);
    changes.extend(receiver.lives(500, 60_000 * MS));
    changes.extend(receiver.lives(3_000, 60_000 * MS));
    assert_eq!(changes, [(20_100, Some(1)), (81_100, Some(2))]);
}

proptest! {
    /// A budget that swings by 10 % changes nothing after it was low once.
    #[test]
    fn a_swing_changes_nothing(
        high in 100..4_000_u32,
        swings in prop::collection::vec((0..=10_u32, 100..20_000_u64), 10..100),
    ) {
        let mut receiver = Receiver::new();
        receiver.sees(high);
        receiver.now += 100 * MS;
        let low = receiver.sees(high - high / 10);
        for (percent, time) in swings {
            receiver.now += Duration::from_millis(time);
            prop_assert_eq!(receiver.sees(high - high * percent / 100), low);
        }
    }

    /// A budget that swings faster than the longest patience changes layers a few times only,
    /// however far it swings.
    #[test]
    fn an_oscillation_is_not_followed(
        high in 600..4_000_u32,
        low in 100..500_u32,
        halves in (1_500..9_000_u64, 100..5_000_u64),
    ) {
        let mut receiver = Receiver::new();
        receiver.sees(low);
        let mut changes = 0;
        for _ in 0..60 {
            changes += receiver.lives(high, Duration::from_millis(halves.0)).len();
            changes += receiver.lives(low, Duration::from_millis(halves.1)).len();
        }
        prop_assert!(changes <= 10, "{} changes", changes);
    }

    /// At no time is more given than the estimate of that time allows.
    #[test]
    fn never_more_than_there_is(
        steps in prop::collection::vec((0..4_000_u32, 0..3_000_u64), 1..100),
    ) {
        let mut receiver = Receiver::new();
        let mut most = Vec::new();
        for (kbps, time) in steps {
            receiver.now += Duration::from_millis(time);
            let given = receiver.sees(kbps);
            allocate(kbps, &receiver.wishes, &mut most);
            prop_assert!(given <= most[0]);
            prop_assert!(receiver.ladder.next_due().is_none_or(|due| due > receiver.now));
        }
    }
}
