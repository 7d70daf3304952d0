//! Bounds on what one client can cost.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A client says `hello` this soon after its control channel opened.
pub const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// A media connection shows whose it is this soon after it opened.
pub const KNOCK_WITHIN: Duration = Duration::from_secs(5);
/// Control messages a client may send at once: subscriptions to a large meeting one by one.
pub const MESSAGE_BURST: u32 = 400;
/// Control messages a second a client may send for long.
pub const MESSAGES_PER_S: u32 = 50;
/// Media connections one flow keeps: two rungs while one replaces the other, and as many
/// again that the network has not yet reported dead.
pub const CONNECTIONS_PER_FLOW: usize = 4;
/// Longest codec name, in bytes; the names registered for RTP are shorter.
pub const CODEC_NAME_BYTES: usize = 32;

/// A token bucket that counts control messages.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: u32,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            tokens: MESSAGE_BURST,
            filled: now,
        }
    }

    /// Whether one more message is allowed.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let token = Duration::from_secs(1) / MESSAGES_PER_S;
        let since = now.saturating_duration_since(self.filled);
        let earned = u32::try_from(since.as_nanos() / token.as_nanos()).unwrap_or(u32::MAX);
        if earned >= MESSAGE_BURST - self.tokens {
            self.tokens = MESSAGE_BURST;
            self.filled = now;
        } else {
            self.tokens += earned;
            self.filled += token * earned;
        }
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }
}

/// Things that have the same time to do something, so that the oldest is always in front.
/// Those that did it are passed over when their time comes.
#[derive(Debug)]
pub(crate) struct Deadlines<T> {
    within: Duration,
    queue: VecDeque<(Instant, T)>,
}

impl<T> Deadlines<T> {
    pub(crate) const fn new(within: Duration) -> Self {
        Self {
            within,
            queue: VecDeque::new(),
        }
    }

    pub(crate) fn start(&mut self, what: T, now: Instant) {
        self.queue.push_back((now + self.within, what));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// The next one whose time is over.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop_front().map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    #[test]
    fn a_burst_passes_and_then_only_the_steady_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        assert!((0..MESSAGE_BURST).all(|_| bucket.take(start)));
        assert!(!bucket.take(start));
        let later = start + Duration::from_secs(1);
        assert!((0..MESSAGES_PER_S).all(|_| bucket.take(later)));
        assert!(!bucket.take(later));
    }

    #[test]
    fn a_long_silence_earns_one_burst_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        let later = start + Duration::from_hours(8_760);
        assert!((0..MESSAGE_BURST).all(|_| bucket.take(later)));
        assert!(!bucket.take(later));
    }
}
