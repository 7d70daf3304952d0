use super::*;

struct Race {
    ladder: Ladder,
    start: Instant,
}

impl Race {
    fn new(policy: RungPolicy) -> Self {
        let start = Instant::now();
        Self {
            ladder: Ladder::new(policy, &[], start),
            start,
        }
    }

    fn knowing(blocked: &[Rung]) -> Self {
        let start = Instant::now();
        let mut ladder = Ladder::new(RungPolicy::Race, blocked, start);
        ladder.handle_welcome(start);
        Self { ladder, start }
    }

    fn welcomed(policy: RungPolicy) -> Self {
        let mut race = Self::new(policy);
        race.ladder.handle_welcome(race.start);
        race
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn done(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.ladder.poll()).collect()
    }

    /// Lets time pass up to `ms`, waking only when asked to be woken.
    fn until(&mut self, ms: u64) -> Vec<(u64, Action)> {
        let end = self.at(ms);
        let mut all = Vec::new();
        let mut now = self.start;
        loop {
            let elapsed = u64::try_from((now - self.start).as_millis()).unwrap();
            all.extend(self.done().into_iter().map(|action| (elapsed, action)));
            match self.ladder.next_timeout() {
                Some(next) if next <= end => now = next.max(now),
                _ => return all,
            }
            self.ladder.handle_timeout(now);
        }
    }
}

use Action::{Close, Dial, Exhausted, Knock};
use Rung::{Tcp, Tls, Udp};

#[test]
fn better_rungs_have_a_head_start() {
    let mut race = Race::welcomed(RungPolicy::Race);
    assert_eq!(
        race.until(2_000),
        [(0, Dial(Udp)), (250, Dial(Tcp)), (500, Dial(Tls))]
    );
}

#[test]
fn a_failure_starts_the_next_at_once() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_failed(Udp, race.at(10));
    assert_eq!(race.done(), [Dial(Udp), Dial(Tcp)]);
    race.ladder.handle_failed(Tcp, race.at(20));
    assert_eq!(race.done(), [Dial(Tls)]);
    race.ladder.handle_failed(Tls, race.at(30));
    assert_eq!(race.done(), [Exhausted]);
    assert_eq!(
        race.until(1_100),
        [(1_030, Dial(Udp))],
        "then another race follows"
    );
}

#[test]
fn the_one_that_is_bound_ends_the_race() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_timeout(race.at(250));
    race.ladder.handle_opened(Udp, race.at(260));
    assert_eq!(race.done(), [Dial(Udp), Dial(Tcp), Knock(Udp)]);
    race.ladder.handle_bound(Udp, race.at(261));
    assert_eq!(race.done(), [Close(Tcp)]);
    assert_eq!(race.ladder.carrying(), Some(Udp));
    assert_eq!(
        race.until(3_300),
        [
            (1_261, Knock(Udp)),
            (2_261, Knock(Udp)),
            (3_261, Knock(Udp))
        ],
        "knocks keep it, nothing else is dialled"
    );
}

#[test]
fn nobody_knocks_before_the_welcome() {
    let mut race = Race::new(RungPolicy::Race);
    race.ladder.handle_timeout(race.at(250));
    race.ladder.handle_opened(Tcp, race.at(255));
    race.ladder.handle_opened(Udp, race.at(260));
    assert_eq!(race.done(), [Dial(Udp), Dial(Tcp)]);
    race.ladder.handle_welcome(race.at(270));
    assert_eq!(race.done(), [Knock(Udp)], "only on the best that is open");
}

#[test]
fn an_open_rung_that_is_never_bound_is_given_up() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_opened(Udp, race.at(10));
    let seen = race.until(3_100);
    assert!(
        seen.contains(&(210, Knock(Udp))),
        "a knock may be lost: {seen:?}"
    );
    assert!(seen.contains(&(3_010, Close(Udp))), "{seen:?}");
    race.ladder.handle_opened(Tcp, race.at(3_100));
    race.ladder.handle_bound(Tcp, race.at(3_110));
    assert_eq!(race.ladder.carrying(), Some(Tcp));
}

#[test]
fn a_better_rung_is_taken_up_later_without_a_gap() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_failed(Udp, race.at(1));
    race.ladder.handle_opened(Tcp, race.at(5));
    race.ladder.handle_bound(Tcp, race.at(6));
    race.done();
    let seen = race.until(10_100);
    assert!(seen.contains(&(10_001, Dial(Udp))), "{seen:?}");
    race.ladder.handle_opened(Udp, race.at(10_200));
    assert_eq!(race.done(), [Knock(Udp)]);
    assert_eq!(
        race.ladder.carrying(),
        Some(Tcp),
        "until the router says so"
    );
    race.ladder.handle_bound(Udp, race.at(10_210));
    assert_eq!(race.ladder.carrying(), Some(Udp));
    assert_eq!(race.done(), []);
    assert!(race.until(10_800).contains(&(10_710, Close(Tcp))));
}

#[test]
fn a_failed_upgrade_changes_nothing_and_is_tried_again() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_failed(Udp, race.at(0));
    race.ladder.handle_opened(Tcp, race.at(5));
    race.ladder.handle_bound(Tcp, race.at(6));
    race.until(10_100);
    race.ladder.handle_failed(Udp, race.at(10_150));
    assert_eq!(race.ladder.carrying(), Some(Tcp));
    assert!(race.until(20_200).contains(&(20_150, Dial(Udp))));
}

#[test]
fn losing_what_carried_starts_a_new_race() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_opened(Udp, race.at(5));
    race.ladder.handle_bound(Udp, race.at(6));
    race.done();
    race.ladder.handle_lost(Udp, race.at(5_000));
    assert_eq!(race.done(), [Dial(Udp)]);
    assert_eq!(race.ladder.carrying(), None);
    assert!(race.until(5_300).contains(&(5_250, Dial(Tcp))));
}

#[test]
fn a_fixed_rung_is_the_only_one_ever_dialled() {
    let mut race = Race::welcomed(RungPolicy::Only(Tls));
    assert_eq!(race.until(5_000), [(0, Dial(Tls))]);
    race.ladder.handle_failed(Tls, race.at(5_000));
    assert_eq!(race.done(), [Exhausted]);
    assert_eq!(race.until(6_500), [(6_000, Dial(Tls))]);
}

#[test]
fn a_late_winner_of_a_decided_race_is_closed() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_timeout(race.at(250));
    race.ladder.handle_opened(Udp, race.at(251));
    race.ladder.handle_bound(Udp, race.at(252));
    race.done();
    race.ladder.handle_opened(Tcp, race.at(253));
    assert_eq!(race.done(), [Close(Tcp)]);
}

#[test]
fn what_is_known_to_be_blocked_has_no_head_start() {
    let mut race = Race::knowing(&[Udp]);
    assert_eq!(
        race.until(2_000),
        [(0, Dial(Udp)), (0, Dial(Tcp)), (250, Dial(Tls))]
    );
    let mut race = Race::knowing(&[Udp, Tcp]);
    assert_eq!(
        race.until(2_000),
        [(0, Dial(Udp)), (0, Dial(Tcp)), (0, Dial(Tls))]
    );
}

#[test]
fn a_rung_that_opens_and_then_stalls_does_not_hold_up_the_next() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_opened(Udp, race.at(10));
    race.until(260);
    race.ladder.handle_opened(Tcp, race.at(300));
    let seen = race.until(1_000);
    let first = seen.iter().find(|(_, action)| *action == Knock(Tcp));
    assert!(first.is_some_and(|(at, _)| *at <= 610), "{seen:?}");
    assert!(
        seen.contains(&(610, Knock(Udp))),
        "both are knocked on: {seen:?}"
    );
    race.ladder.handle_bound(Tcp, race.at(1_000));
    assert_eq!(race.ladder.carrying(), Some(Tcp));
    let seen = race.until(3_100);
    assert!(seen.contains(&(3_010, Close(Udp))), "{seen:?}");
    let lessons = race.ladder.take_lessons();
    assert_eq!(lessons, [Lesson::Works(Tcp), Lesson::Blocked(Udp)]);
}

#[test]
fn a_better_rung_that_is_bound_after_all_carries() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_opened(Udp, race.at(10));
    race.ladder.handle_opened(Tcp, race.at(20));
    race.until(600);
    race.ladder.handle_bound(Tcp, race.at(600));
    race.ladder.handle_bound(Udp, race.at(700));
    assert_eq!(race.ladder.carrying(), Some(Udp));
}

#[test]
fn a_race_teaches_what_gets_through() {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.until(600);
    race.ladder.handle_opened(Tls, race.at(600));
    race.ladder.handle_bound(Tls, race.at(650));
    race.ladder.handle_failed(Tcp, race.at(1_000));
    race.ladder.handle_failed(Udp, race.at(4_000));
    let lessons = race.ladder.take_lessons();
    let expected = [
        Lesson::Works(Tls),
        Lesson::Blocked(Tcp),
        Lesson::Blocked(Udp),
    ];
    assert_eq!(lessons, expected);
    assert_eq!(race.ladder.take_lessons(), []);
}

#[test]
fn a_race_that_everybody_loses_teaches_nothing() {
    let mut race = Race::welcomed(RungPolicy::Race);
    for rung in [Udp, Tcp, Tls] {
        race.ladder.handle_failed(rung, race.at(10));
    }
    assert_eq!(race.ladder.take_lessons(), []);
}

/// Over UDP, a second after the start.
fn carried_by_udp() -> Race {
    let mut race = Race::welcomed(RungPolicy::Race);
    race.ladder.handle_opened(Udp, race.at(50));
    race.ladder.handle_bound(Udp, race.at(100));
    race.ladder.handle_timeout(race.at(1_000));
    race.done();
    race
}

#[test]
fn one_that_goes_dead_is_left_for_the_first_other_that_works() {
    let mut race = carried_by_udp();
    race.ladder.handle_silent(Udp, race.at(1_050));
    assert_eq!(race.done(), [Dial(Tcp)]);
    race.ladder.handle_opened(Tcp, race.at(1_200));
    assert_eq!(race.done(), [Knock(Tcp)]);
    assert_eq!(race.ladder.carrying(), Some(Udp), "until it is bound");
    race.ladder.handle_bound(Tcp, race.at(1_250));
    assert_eq!(race.ladder.carrying(), Some(Tcp));
    let lessons = race.ladder.take_lessons();
    assert!(lessons.contains(&Lesson::Blocked(Udp)), "{lessons:?}");
    race.ladder.handle_timeout(race.at(1_750));
    assert!(race.done().contains(&Close(Udp)));
}

#[test]
fn one_that_goes_dead_again_and_again_is_tried_less_and_less() {
    let mut race = carried_by_udp();
    let mut now = 1_000;
    for wait in [20_000, 40_000, 80_000] {
        race.ladder.handle_silent(Udp, race.at(now));
        race.ladder.handle_opened(Tcp, race.at(now));
        race.ladder.handle_bound(Tcp, race.at(now));
        let left = now + 500;
        race.ladder.handle_timeout(race.at(left));
        race.done();
        race.ladder.handle_timeout(race.at(left + wait - 1));
        assert!(
            !race.done().contains(&Dial(Udp)),
            "{wait} ms have not passed"
        );
        now = left + wait;
        race.ladder.handle_timeout(race.at(now));
        assert!(race.done().contains(&Dial(Udp)), "after {wait} ms");
        race.ladder.handle_opened(Udp, race.at(now));
        race.ladder.handle_bound(Udp, race.at(now));
        race.ladder.handle_timeout(race.at(now + 500));
        race.done();
        now += 500;
    }
}

#[test]
fn one_that_was_only_slow_goes_on() {
    let mut race = carried_by_udp();
    race.ladder.handle_silent(Udp, race.at(1_050));
    race.ladder.handle_timeout(race.at(1_300));
    assert_eq!(race.done(), [Dial(Tcp), Dial(Tls), Knock(Udp)]);
    race.ladder.handle_heard(Udp);
    assert_eq!(race.done(), [Close(Tcp), Close(Tls)]);
    assert_eq!(race.ladder.carrying(), Some(Udp));
    race.ladder.handle_opened(Tcp, race.at(1_400));
    assert_eq!(race.done(), [Close(Tcp)], "too late");
}

#[test]
fn with_one_rung_only_there_is_nowhere_to_go() {
    let mut race = Race::welcomed(RungPolicy::Only(Udp));
    race.ladder.handle_opened(Udp, race.at(50));
    race.ladder.handle_bound(Udp, race.at(100));
    race.done();
    race.ladder.handle_silent(Udp, race.at(1_000));
    assert_eq!(race.ladder.carrying(), Some(Udp));
    assert!(!race.done().iter().any(|action| matches!(action, Dial(_))));
}
