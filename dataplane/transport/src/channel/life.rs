//! When a peer is asked whether it is there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The signs of life on one channel, of both sides.
#[derive(Debug)]
pub(super) struct Life(Mutex<Signs>);

impl Life {
    pub(super) fn begins() -> Self {
        Self(Mutex::new(Signs::since(Instant::now())))
    }

    /// We said something other than a ping, which an answer to one is, too.
    pub(super) fn said(&self) {
        self.signs().said = Instant::now();
    }

    pub(super) fn heard(&self) {
        self.signs().heard = Instant::now();
    }

    pub(super) fn asked(&self) {
        self.signs().asked = Instant::now();
    }

    /// Until a ping is due.
    pub(super) async fn in_doubt(&self, every: Duration) {
        loop {
            let due = self.signs().ping_due(every);
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Copy)]
struct Signs {
    said: Instant,
    heard: Instant,
    asked: Instant,
}

impl Signs {
    const fn since(now: Instant) -> Self {
        Self {
            said: now,
            heard: now,
            asked: now,
        }
    }

    /// When we said or heard nothing for longer than `every`. A browser answers pings and can send
    /// none, so it is not enough that we talk; and whoever goes by our pings hears one of us, so it
    /// is not enough that they do. Whoever asked asks again after `every`, and whoever speaks so often
    /// or is asked so often has a quarter more: who did it once does it, not both in turn.
    fn ping_due(&self, every: Duration) -> Instant {
        let doubt = self.said.min(self.heard) + every * 5 / 4;
        doubt.max(self.asked + every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(500);
    const STEP: Duration = Duration::from_millis(10);
    /// Steps in which both are watched.
    const STEPS: usize = 5_000;
    /// As many pings as there would be if each side pinged regardless.
    const REGARDLESS: usize = STEPS / 50;

    /// One side.
    struct Side {
        signs: Signs,
        /// Says something of its own so often, in steps.
        speaks_every: Option<usize>,
        can_ping: bool,
        pings: usize,
        /// What is under way to it: when it arrives, and whether it is a ping.
        coming: Vec<(usize, bool)>,
        /// Longest time in which it heard nothing.
        silence: Duration,
    }

    /// Two sides for a time, one to three steps away from each other. Their clocks ring up to two
    /// steps late.
    fn talk(speak_every: [Option<usize>; 2], can_ping: [bool; 2]) -> [Side; 2] {
        let begun = Instant::now();
        let mut sides = [0, 1].map(|side| Side {
            signs: Signs::since(begun),
            speaks_every: speak_every[side],
            can_ping: can_ping[side],
            pings: 0,
            coming: Vec::new(),
            silence: Duration::ZERO,
        });
        for step in 1..=STEPS {
            let now = begun + STEP * u32::try_from(step).unwrap();
            for me in [0, 1] {
                let luck = step * 7 + me * 3;
                let said = sides[me].lives(step, now, luck % 3);
                let arrives = step + 1 + luck % 3;
                let said = said.into_iter().map(|ping| (arrives, ping));
                sides[1 - me].coming.extend(said);
            }
        }
        sides
    }

    impl Side {
        /// What it says now: whether each is a ping.
        fn lives(&mut self, step: usize, now: Instant, late: usize) -> Vec<bool> {
            let mut said = Vec::new();
            let arrived = self.coming.extract_if(.., |(when, _)| *when <= step);
            for (_, ping) in arrived {
                self.silence = self.silence.max(now - self.signs.heard);
                self.signs.heard = now;
                if ping {
                    self.signs.said = now;
                    said.push(false);
                }
            }
            let speaks =
                |every| step.saturating_sub(late) / every > (step - 1).saturating_sub(late) / every;
            if self.speaks_every.is_some_and(speaks) {
                self.signs.said = now;
                said.push(false);
            }
            let due = self.signs.ping_due(EVERY) + STEP * u32::try_from(late).unwrap();
            if self.can_ping && due <= now {
                self.signs.asked = now;
                self.pings += 1;
                said.push(true);
            }
            said
        }
    }

    /// How late things are, there and back.
    const LATE: Duration = Duration::from_millis(100);

    #[test]
    fn who_talk_to_each_other_need_no_pings() {
        // Every 50 steps is as often as pings would go.
        for every in [[10, 30], [50, 50], [50, 5]] {
            let [one, other] = talk(every.map(Some), [true; 2]);
            assert_eq!((one.pings, other.pings), (0, 0), "{every:?}");
        }
    }

    #[test]
    fn of_two_that_say_nothing_one_asks() {
        let [one, other] = talk([None; 2], [true; 2]);
        let asked = [one.pings, other.pings];
        assert!(asked.iter().min() <= Some(&1), "{asked:?}");
        assert!(asked.iter().sum::<usize>() <= REGARDLESS + 1, "{asked:?}");
        assert!(one.silence.max(other.silence) <= EVERY * 5 / 4 + LATE);
    }

    #[test]
    fn of_a_speaker_and_a_listener_the_listener_asks() {
        let [speaker, listener] = talk([Some(50), None], [true; 2]);
        assert!(speaker.pings <= 1, "{}", speaker.pings);
        assert!(listener.pings > REGARDLESS * 3 / 4, "{}", listener.pings);
        assert!(speaker.silence.max(listener.silence) <= EVERY * 5 / 4 + LATE);
    }

    #[test]
    fn who_can_only_answer_is_asked_however_much_we_say() {
        let [we, browser] = talk([Some(5), None], [true, false]);
        assert!(we.pings > REGARDLESS / 2, "{}", we.pings);
        assert!(we.silence <= EVERY * 5 / 4 + LATE, "{:?}", we.silence);
        assert_eq!(browser.pings, 0);
    }

    #[test]
    fn a_peer_that_does_not_answer_is_not_asked_more_often() {
        let begun = Instant::now();
        let mut signs = Signs::since(begun);
        signs.asked = signs.ping_due(EVERY);
        for _ in 0..5 {
            let due = signs.ping_due(EVERY);
            assert_eq!(due, signs.asked + EVERY);
            signs.asked = due;
        }
    }
}
