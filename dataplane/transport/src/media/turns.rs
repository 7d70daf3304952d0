//! How long a thread waited for its core: a core that others use too is a slower core.
//!
//! The kernel says it in `/proc/thread-self/schedstat` (Documentation/scheduler/
//! sched-stats.rst): nanoseconds run, nanoseconds waited while it could have run, and turns.
//! Where it does not, a thread is taken never to have waited.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;
use std::time::Duration;

/// Waiting less than this for a turn does no harm: a voice packet lasts as long. A fair
/// scheduler lets a thread wait longer when it wants more than its share.
const HARMLESS: Duration = Duration::from_millis(20);

/// One thread's turns, to be read by others too.
#[derive(Debug, Default)]
pub(super) struct Turns(OnceLock<Option<File>>);

/// How it was since the thread began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Account {
    ran: Duration,
    waited: Duration,
    turns: u64,
}

impl Turns {
    /// From now on it is the current thread's.
    pub(super) fn are_mine(&self) {
        self.0
            .get_or_init(|| File::open("/proc/thread-self/schedstat").ok());
    }

    pub(super) fn so_far(&self) -> Account {
        let mut text = [0; 80];
        let file = self.0.get().and_then(Option::as_ref);
        let length = file.and_then(|file| file.read_at(&mut text, 0).ok());
        let text = length.and_then(|length| std::str::from_utf8(&text[..length]).ok());
        text.and_then(Account::parse).unwrap_or_default()
    }
}

impl Account {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            ran: Duration::from_nanos(next()?),
            waited: Duration::from_nanos(next()?),
            turns: next()?,
        })
    }

    /// For how long since `before` it ran or waited, if it waited long for its turns.
    pub(super) fn starved_since(self, before: Self) -> Duration {
        let waited = self.waited.saturating_sub(before.waited);
        let turns = u32::try_from(self.turns.saturating_sub(before.turns)).unwrap_or(u32::MAX);
        if turns > 0 && waited / turns >= HARMLESS {
            waited + self.ran.saturating_sub(before.ran)
        } else {
            Duration::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;

    const START: &str = "1000000 2000000 10\n";

    fn starved(until: &str) -> Duration {
        let before = Account::parse(START).unwrap();
        Account::parse(until).unwrap().starved_since(before)
    }

    #[test]
    fn long_waits_count_with_what_was_done_in_between() {
        // Two turns of 5 ms, each after 45 ms.
        let all = Duration::from_millis(100);
        assert_eq!(starved("11000000 92000000 12\n"), all);
    }

    #[test]
    fn short_waits_and_none_do_not_count() {
        // A hundred turns, each after 0.9 ms.
        assert_eq!(starved("11000000 92000000 110\n"), Duration::ZERO);
        assert_eq!(starved("91000000 2000000 10\n"), Duration::ZERO);
        assert_eq!(starved(START), Duration::ZERO);
    }

    #[test]
    fn the_kernel_tells_of_this_thread() {
        if !std::path::Path::new("/proc/thread-self/schedstat").exists() {
            return;
        }
        let turns = Turns::default();
        assert_eq!(turns.so_far(), Account::default());
        turns.are_mine();
        let before = turns.so_far();
        // Long enough for a clock that counts at its ticks.
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        let after = turns.so_far();
        assert!(after.ran > before.ran, "{before:?} to {after:?}");
    }

    #[test]
    fn what_is_no_account_is_none() {
        for text in ["", "1 2", "a b c", "-1 2 3"] {
            assert_eq!(Account::parse(text), None, "{text:?}");
        }
    }
}
