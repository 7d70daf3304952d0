//! When a status is written in which only the number of people changed: a status is not a
//! metric, and each such write is one of the zone's status, too. Everything else is written at
//! once.

use std::time::{Duration, Instant};

/// Writes of one pool are so far apart at least ...
pub const OF_ONE: Duration = Duration::from_secs(2);
/// ... and those of all pools together so far: what the API server well takes beside all that it
/// has to do. A thousand pools in which people come and go write every 100 s.
const OF_ALL: Duration = Duration::from_millis(100);
/// So many may come at once after a time with less to write: where few pools change nobody waits.
const AT_ONCE: u32 = 10;

/// The turns of all pools.
#[derive(Debug, Default)]
pub(super) struct Turns {
    next: Option<Instant>,
}

/// Those of one pool.
#[derive(Debug, Default)]
pub(super) struct Turn {
    written: Option<Instant>,
    /// Whoever waits keeps their place, and has one: all together never more than there are pools.
    place: Option<Instant>,
}

impl Turns {
    fn take(&mut self, now: Instant) -> Instant {
        let soonest = now.checked_sub(OF_ALL * (AT_ONCE - 1)).unwrap_or(now);
        let turn = self.next.map_or(soonest, |next| next.max(soonest));
        self.next = Some(turn + OF_ALL);
        turn
    }
}

impl Turn {
    /// How long this pool has to wait before it writes; `None`: it may now.
    pub(super) fn wait(&mut self, all: &mut Turns, now: Instant) -> Option<Duration> {
        let own = self.written.map_or(now, |written| written + OF_ONE);
        let place = *self.place.get_or_insert_with(|| all.take(now));
        let turn = place.max(own);
        (now < turn).then(|| turn.saturating_duration_since(now))
    }

    /// Its status was written, for whatever reason. A place that is still to come is for the next
    /// change.
    pub(super) fn written(&mut self, now: Instant) {
        self.written = Some(now);
        self.rest(now);
    }

    /// There is nothing to write. A place that has passed is of no use any more, or it would let
    /// the pool pass the others by some day.
    pub(super) fn rest(&mut self, now: Instant) {
        self.place.take_if(|place| *place <= now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pools in which people come and go all the time, from now on: when each of them writes.
    fn writes(pools: usize, lasts: Duration) -> Vec<Vec<Instant>> {
        let start = Instant::now();
        let mut all = Turns::default();
        let mut turns: Vec<Turn> = (0..pools).map(|_| Turn::default()).collect();
        let mut writes = vec![Vec::new(); pools];
        let mut now = start;
        while now < start + lasts {
            for (turn, writes) in turns.iter_mut().zip(&mut writes) {
                if turn.wait(&mut all, now).is_none() {
                    turn.written(now);
                    writes.push(now);
                }
            }
            now += Duration::from_millis(50);
        }
        writes
    }

    #[test]
    fn one_pool_writes_at_once_and_then_every_two_seconds() {
        let [writes] = &writes(1, Duration::from_secs(10))[..] else {
            panic!("one pool");
        };
        let after: Vec<u64> = writes
            .iter()
            .map(|at| (*at - writes[0]).as_secs())
            .collect();
        assert_eq!(after, [0, 2, 4, 6, 8]);
    }

    #[test]
    fn of_a_thousand_pools_ten_a_second_write_and_each_has_its_turn() {
        let writes = writes(1_000, Duration::from_secs(200));
        let first = writes.iter().map(|of| of[0]).min().unwrap();
        let turns = |of: &Vec<Instant>| (2..=3).contains(&of.len());
        assert!(writes.iter().all(turns), "each every 100 s");
        for second in 1..199 {
            let from = first + Duration::from_secs(second);
            let within = |at: &&Instant| (from..from + Duration::from_secs(1)).contains(*at);
            let count = writes.iter().flatten().filter(within).count();
            assert!(count <= 11, "{count} writes in second {second}");
        }
        let at_once = writes.iter().flatten().filter(|at| **at == first).count();
        assert_eq!(at_once, AT_ONCE as usize);
    }

    #[test]
    fn a_place_that_is_not_needed_in_the_end_makes_nobody_wait_longer() {
        let start = Instant::now();
        let mut all = Turns::default();
        let mut turns: Vec<Turn> = (0..1_000).map(|_| Turn::default()).collect();
        for round in 0..5 {
            let now = start + Duration::from_millis(round);
            for turn in &mut turns {
                let wait = turn.wait(&mut all, now).unwrap_or_default();
                assert!(wait <= Duration::from_secs(100), "round {round}: {wait:?}");
                // Something else had to be written.
                turn.written(now);
            }
        }
    }

    #[test]
    fn places_that_were_not_used_are_no_right_to_write_at_once() {
        let start = Instant::now();
        let mut all = Turns::default();
        let mut turns: Vec<Turn> = (0..1_000).map(|_| Turn::default()).collect();
        for turn in &mut turns {
            turn.wait(&mut all, start);
        }
        // As many as before: nobody has anything to write when the turn comes.
        let later = start + Duration::from_hours(1);
        for turn in &mut turns {
            turn.rest(later);
        }
        let may = turns.iter_mut().filter_map(|turn| {
            let waits = turn.wait(&mut all, later).is_some();
            (!waits).then_some(())
        });
        assert_eq!(may.count(), AT_ONCE as usize);
    }

    #[test]
    fn what_is_written_for_another_reason_is_a_write() {
        let now = Instant::now();
        let (mut all, mut turn) = (Turns::default(), Turn::default());
        turn.written(now);
        assert_eq!(turn.wait(&mut all, now), Some(OF_ONE));
        assert_eq!(turn.wait(&mut all, now + OF_ONE), None);
    }
}
