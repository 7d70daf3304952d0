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

    /// We said something, which an answer to a ping is, too.
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

    /// `every` after we said or heard something last, whichever is longer ago. A browser answers
    /// pings and can send none, so it is not enough that we talk; and whoever goes by our pings
    /// hears one of us, so it is not enough that they do.
    fn ping_due(&self, every: Duration) -> Instant {
        self.said.max(self.asked).min(self.heard).max(self.asked) + every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(500);
    const STEP: Duration = Duration::from_millis(10);
    /// Steps in which both are watched.
    const STEPS: u32 = 1_000;
    /// As many as there would be if each pinged regardless.
    const REGARDLESS: u32 = STEPS / 50;

    /// One side, which says something of its own in some of the steps.
    struct Side {
        signs: Signs,
        speaks_every: Option<u32>,
        can_ping: bool,
        pings: u32,
        /// Longest time in which it heard nothing.
        silence: Duration,
    }

    /// Two sides for a time, and how often each asked.
    fn talk(speak_every: [Option<u32>; 2], can_ping: [bool; 2]) -> [Side; 2] {
        let begun = Instant::now();
        let mut sides = [0, 1].map(|side| Side {
            signs: Signs::since(begun),
            speaks_every: speak_every[side],
            can_ping: can_ping[side],
            pings: 0,
            silence: Duration::ZERO,
        });
        for step in 1..=STEPS {
            let now = begun + STEP * step;
            for me in [0, 1] {
                let other = 1 - me;
                let side = &mut sides[me];
                let speaks = side.speaks_every.is_some_and(|every| step % every == 0);
                let pings = side.can_ping && !speaks && side.signs.ping_due(EVERY) <= now;
                if speaks {
                    side.signs.said = now;
                }
                if pings {
                    side.signs.asked = now;
                    side.pings += 1;
                    side.hears(now);
                }
                if pings {
                    sides[other].signs.said = now;
                }
                if speaks || pings {
                    sides[other].hears(now);
                }
            }
        }
        sides
    }

    impl Side {
        fn hears(&mut self, now: Instant) {
            self.silence = self.silence.max(now - self.signs.heard);
            self.signs.heard = now;
        }
    }

    #[test]
    fn who_talk_to_each_other_need_no_pings() {
        let [one, other] = talk([Some(10), Some(30)], [true; 2]);
        assert_eq!((one.pings, other.pings), (0, 0));
    }

    #[test]
    fn of_two_that_say_nothing_one_asks() {
        let [one, other] = talk([None; 2], [true; 2]);
        assert!(one.pings + other.pings <= REGARDLESS, "half as many");
        assert!(one.silence.max(other.silence) <= EVERY + STEP);
    }

    #[test]
    fn of_a_speaker_and_a_listener_one_asks_and_both_are_heard() {
        let [speaker, listener] = talk([Some(45), None], [true; 2]);
        assert!(speaker.pings + listener.pings <= REGARDLESS);
        assert!(listener.pings > 0);
        assert!(speaker.silence.max(listener.silence) <= EVERY + STEP);
    }

    #[test]
    fn who_can_only_answer_is_asked_however_much_we_say() {
        let [we, browser] = talk([Some(5), None], [true, false]);
        assert!(we.pings >= REGARDLESS - 1);
        assert!(we.silence <= EVERY + STEP * 5, "{:?}", we.silence);
        assert_eq!(browser.pings, 0);
    }

    #[test]
    fn a_peer_that_does_not_answer_is_not_asked_more_often() {
        let begun = Instant::now();
        let mut signs = Signs::since(begun);
        for round in 1..=5 {
            let due = signs.ping_due(EVERY);
            assert_eq!(due, begun + EVERY * round);
            signs.asked = due;
        }
    }
}
