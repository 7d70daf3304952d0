#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn asked(gaps: &mut Gaps, now: Instant) -> Vec<u16> {
    let mut out = Vec::new();
    gaps.ask(now, &mut out);
    out
}

#[test]
fn what_was_only_overtaken_is_not_asked_for() {
    let now = Instant::now();
    let mut gaps = Gaps::new(Patience::AUDIO);
    gaps.receive(65_535, now);
    assert_eq!(gaps.receive(1, now), Arrival::Gap);
    assert_eq!(gaps.receive(0, now + 9 * MS), Arrival::Fresh);
    assert_eq!(gaps.next_due(), None);
    assert!(asked(&mut gaps, now + 10 * MS).is_empty());
}

#[test]
fn what_is_missing_is_asked_for_a_few_times_and_then_given_up() {
    let start = Instant::now();
    let mut gaps = Gaps::new(Patience::VIDEO);
    gaps.receive(1, start);
    gaps.receive(4, start);
    let mut requests = 0;
    let mut end = start;
    while let Some(due) = gaps.next_due() {
        let numbers = asked(&mut gaps, due);
        assert!(numbers.is_empty() || numbers == [2, 3]);
        requests += numbers.len() / 2;
        end = due;
    }
    assert_eq!(requests, usize::from(Patience::VIDEO.asks));
    assert_eq!(end, start + Patience::VIDEO.give_up);
    assert_eq!((gaps.take_given_up(), gaps.take_given_up()), (2, 0));
}

#[test]
fn what_was_asked_for_twice_in_vain_is_asked_for_twice_as_fast() {
    let start = Instant::now();
    let mut gaps = Gaps::new(Patience::VIDEO);
    gaps.receive(1, start);
    gaps.receive(3, start);
    let mut requests = Vec::new();
    while let Some(due) = gaps.next_due() {
        if !asked(&mut gaps, due).is_empty() {
            requests.push(due);
        }
    }
    let pause = |at: usize| requests[at + 1] - requests[at];
    assert_eq!(pause(1) * 2, pause(0));
    assert_eq!(pause(2), pause(1));
    assert!(requests[5] < start + 250 * MS, "of a round trip of 100 ms");
}

#[test]
fn a_repair_is_known_and_so_is_its_copy() {
    let now = Instant::now();
    let mut gaps = Gaps::new(Patience::VIDEO);
    gaps.receive(1, now);
    gaps.receive(3, now);
    assert_eq!(asked(&mut gaps, now + 10 * MS), [2]);
    assert_eq!(gaps.receive(2, now + 50 * MS), Arrival::Repaired);
    assert_eq!(gaps.round_trip(), 40 * MS);
    assert_eq!(gaps.receive(2, now + 60 * MS), Arrival::Again);
    assert_eq!(gaps.next_due(), None);
}

#[test]
fn the_wait_is_as_long_as_overtaken_packets_are_late() {
    let mut now = Instant::now();
    let mut gaps = Gaps::new(Patience::VIDEO);
    gaps.receive(0, now);
    // Every other packet is 20 ms late, and asked for in vain at first.
    let mut requests = Vec::new();
    for pair in 0..50 {
        gaps.receive(pair * 2 + 2, now);
        while let Some(due) = gaps.next_due().filter(|due| *due < now + 20 * MS) {
            requests.push(asked(&mut gaps, due).len());
        }
        let arrival = gaps.receive(pair * 2 + 1, now + 20 * MS);
        if arrival == Arrival::Repaired {
            assert_eq!(gaps.receive(pair * 2 + 1, now + 60 * MS), Arrival::Again);
        }
        now += 100 * MS;
    }
    assert!(!requests.is_empty() && requests.len() < 5, "{requests:?}");
}

#[test]
fn an_answer_that_takes_now_long_now_short_is_waited_for() {
    let requests = |vary: u32| {
        let mut now = Instant::now();
        let mut gaps = Gaps::new(Patience::VIDEO);
        let mut requests = 0;
        gaps.receive(0, now);
        for pair in 0..50_u16 {
            gaps.receive(pair * 2 + 2, now);
            let takes = if pair % 2 == 0 {
                100 - vary
            } else {
                100 + vary
            };
            let answer = now + 10 * MS + takes * MS;
            while let Some(due) = gaps.next_due().filter(|due| *due < answer) {
                requests += asked(&mut gaps, due).len();
            }
            gaps.receive(pair * 2 + 1, answer);
            now += 200 * MS;
        }
        requests
    };
    let (steady, varying) = (requests(0), requests(40));
    assert!(
        varying < steady * 9 / 10,
        "{varying} requests, {steady} when steady"
    );
}

#[test]
fn a_pause_is_no_loss() {
    let now = Instant::now();
    let mut gaps = Gaps::new(Patience::AUDIO);
    gaps.receive(1, now);
    assert_eq!(gaps.receive(50, now + PAUSE + MS), Arrival::Fresh);
    assert_eq!(gaps.receive(50 + 1_000, now + PAUSE + MS), Arrival::Fresh);
    assert_eq!(gaps.next_due(), None);
    let later = now + 3 * PAUSE;
    assert_eq!(gaps.receive(40_000, later), Arrival::Fresh);
    assert_eq!(gaps.receive(40_002, later), Arrival::Gap);
}

#[test]
fn what_is_missing_before_a_key_frame_is_not_asked_for() {
    let now = Instant::now();
    let mut gaps = Gaps::new(Patience::VIDEO);
    gaps.receive(65_530, now);
    gaps.receive(65_534, now);
    gaps.receive(3, now);
    gaps.forget_before(0);
    assert_eq!(asked(&mut gaps, now + 10 * MS), [0, 1, 2]);
    assert_eq!(gaps.receive(65_531, now + 20 * MS), Arrival::Fresh);
    gaps.forget_before(3);
    assert_eq!(gaps.next_due(), None);
    assert_eq!(gaps.take_given_up(), 0);
}

proptest! {
    /// Whatever comes: the memory is bounded, time moves on, and only what did not come
    /// is asked for.
    #[test]
    fn only_what_is_missing_is_asked_for(steps in prop::collection::vec((-20i16..40, 0u64..30), 1..400)) {
        let mut now = Instant::now();
        let mut gaps = Gaps::new(Patience::AUDIO);
        let mut seen = std::collections::HashSet::new();
        let mut at = 30_000u16;
        for (step, wait) in steps {
            at = at.wrapping_add_signed(step);
            now += Duration::from_millis(wait);
            gaps.receive(at, now);
            seen.insert(at);
            for number in asked(&mut gaps, now) {
                prop_assert!(!seen.contains(&number), "{number} came");
            }
            prop_assert!(gaps.missing.len() <= MOST);
            prop_assert!(gaps.next_due().is_none_or(|due| due > now));
        }
    }
}
