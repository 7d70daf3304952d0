//! When a peer is asked whether it is there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The signs of life on one channel, of both sides.
#[derive(Debug)]
pub(super) struct Life {
    signs: Mutex<Signs>,
    patience: Patience,
}

impl Life {
    /// Of a channel that we dialled.
    pub(super) fn dialled(ping: Duration) -> Self {
        Self::with(Patience::of_dialler(ping))
    }

    /// Of one that we accepted.
    pub(super) fn accepted(ping: Duration) -> Self {
        Self::with(Patience::of_acceptor(ping))
    }

    fn with(patience: Patience) -> Self {
        let signs = Mutex::new(Signs::since(Instant::now()));
        Self { signs, patience }
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
    pub(super) async fn in_doubt(&self) {
        loop {
            let due = self.signs().ping_due(self.patience);
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a side does without signs of life before it asks for one, and between two pings.
///
/// Longer at first, so that who speaks as often as pings would go sends none; and longer for one
/// side, so that of two that say nothing one asks and the other answers.
#[derive(Debug, Clone, Copy)]
struct Patience {
    first: Duration,
    again: Duration,
}

impl Patience {
    fn of_dialler(ping: Duration) -> Self {
        Self {
            first: ping * 5 / 4,
            again: ping,
        }
    }

    fn of_acceptor(ping: Duration) -> Self {
        Self {
            first: ping * 3 / 2,
            again: ping,
        }
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

    /// When we said nothing or heard nothing for too long. A browser answers pings and can send
    /// none, so it is not enough that we talk; and whoever goes by our pings hears one of us, so it
    /// is not enough that they do.
    fn ping_due(&self, patience: Patience) -> Instant {
        let doubt = self.said.min(self.heard) + patience.first;
        doubt.max(self.asked + patience.again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: Duration = Duration::from_millis(500);
    const STEP: Duration = Duration::from_millis(10);
    /// Steps in which both are watched.
    const STEPS: usize = 5_000;
    /// As many pings as there would be if each side pinged regardless.
    const REGARDLESS: usize = STEPS / 50;
    /// The longest silence that an acceptor bears, and how late things are, there and back.
    const LONGEST: Duration = Duration::from_millis(750 + 100);

    /// One side.
    struct Side {
        signs: Signs,
        patience: Patience,
        /// Says something of its own so long after the last time, in steps.
        speaks_after: Option<usize>,
        /// The step at which it does.
        speaks_at: usize,
        can_ping: bool,
        pings: usize,
        /// What is under way to it: when it arrives, and whether it is a ping.
        coming: Vec<(usize, bool)>,
        /// Longest time in which it heard nothing.
        silence: Duration,
    }

    /// A dialler and an acceptor for a time, one to three steps away from each other. Their clocks
    /// ring up to two steps late.
    fn talk(speak_after: [Option<usize>; 2], can_ping: [bool; 2]) -> [Side; 2] {
        let begun = Instant::now();
        let patience = [Patience::of_dialler(PING), Patience::of_acceptor(PING)];
        let mut sides = [0, 1].map(|side| Side {
            signs: Signs::since(begun),
            patience: patience[side],
            speaks_after: speak_after[side],
            speaks_at: 1,
            can_ping: can_ping[side],
            pings: 0,
            coming: Vec::new(),
            silence: Duration::ZERO,
        });
        for step in 1..=STEPS {
            let now = begun + STEP * u32::try_from(step).unwrap();
            for me in [0, 1] {
                let late = (step * 7 + me * 3) % 3;
                let said = sides[me].lives(step, now, late);
                let said = said.into_iter().map(|ping| (step + 1 + late, ping));
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
            if let Some(after) = self.speaks_after
                && step >= self.speaks_at + late
            {
                self.speaks_at = step + after;
                self.signs.said = now;
                said.push(false);
            }
            let due = self.signs.ping_due(self.patience) + STEP * u32::try_from(late).unwrap();
            if self.can_ping && due <= now {
                self.signs.asked = now;
                self.pings += 1;
                said.push(true);
            }
            said
        }
    }

    #[test]
    fn who_talk_to_each_other_need_no_pings() {
        // After 50 steps is as often as pings would go.
        for after in [[10, 30], [50, 50], [50, 5]] {
            let [one, other] = talk(after.map(Some), [true; 2]);
            assert_eq!((one.pings, other.pings), (0, 0), "{after:?}");
        }
    }

    #[test]
    fn of_two_that_say_nothing_one_asks() {
        let [dialler, acceptor] = talk([None; 2], [true; 2]);
        assert!(dialler.pings > REGARDLESS / 2, "{}", dialler.pings);
        assert_eq!(acceptor.pings, 0);
        assert!(dialler.silence.max(acceptor.silence) <= LONGEST);
    }

    #[test]
    fn of_a_speaker_and_a_listener_one_asks_and_both_are_heard() {
        for speak_after in [[Some(50), None], [None, Some(50)]] {
            let sides = talk(speak_after, [true; 2]);
            let mut asked = sides.each_ref().map(|side| side.pings);
            asked.sort_unstable();
            assert_eq!(asked[0], 0, "{speak_after:?}");
            assert!(asked[1] > REGARDLESS / 2, "{speak_after:?}: {asked:?}");
            assert!(sides.iter().all(|side| side.silence <= LONGEST));
        }
    }

    #[test]
    fn who_can_only_answer_is_asked_however_much_we_say() {
        let [browser, we] = talk([None, Some(5)], [false, true]);
        assert!(we.pings > REGARDLESS / 2, "{}", we.pings);
        assert!(we.silence <= LONGEST, "{:?}", we.silence);
        assert_eq!(browser.pings, 0);
    }

    #[test]
    fn a_peer_that_does_not_answer_is_not_asked_more_often() {
        let mut signs = Signs::since(Instant::now());
        let patience = Patience::of_acceptor(PING);
        signs.asked = signs.ping_due(patience);
        for _ in 0..5 {
            let due = signs.ping_due(patience);
            assert_eq!(due, signs.asked + PING);
            signs.asked = due;
        }
    }
}
