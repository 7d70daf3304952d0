//! Who goes next when the tunnel carries as much as it may: start-time fair queueing (Goyal,
//! Vin and Cheng, 1996) over clients, however many connections each of them has.
//!
//! Pure: it is told the time. While less is asked than there is, everybody goes at once. Of
//! what is above, each client that wants more gets the same number of bytes, in whatever
//! pieces it comes, and one that wants less than its share waits for one piece of each of the
//! others at most.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// Bytes that one may ask for at once: a TLS record.
pub const QUANTUM: u32 = 16 * 1_024;
/// How far the tunnel may run ahead of its rate. Timers are exact to a millisecond, and what
/// comes late is made up for.
const AHEAD: Duration = Duration::from_millis(5);
/// Clients that are remembered without looking whether that is still needed.
const FEW: usize = 64;

/// A client among those that ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(pub u64);

/// A question that has to wait. In the order in which they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    /// In the client's own account of bytes: who has had less goes first.
    start: u64,
    index: u64,
}

/// The rate of a tunnel, shared out.
#[derive(Debug)]
pub struct Shares {
    /// Bytes a second.
    rate: NonZeroU64,
    /// When all that went will have gone at this rate.
    gone_at: Option<Instant>,
    waiting: BTreeMap<Turn, u32>,
    /// Where in the accounts the tunnel is: at the start of what went last. Who comes now
    /// begins here; nothing is saved up.
    position: u64,
    /// To where each client has asked already, if that is further.
    accounts: BTreeMap<Number, u64>,
    look_at: usize,
    next: u64,
}

impl Shares {
    /// All of it is there, in bytes a second.
    #[must_use]
    pub const fn new(rate: NonZeroU64) -> Self {
        Self {
            rate,
            gone_at: None,
            waiting: BTreeMap::new(),
            position: 0,
            accounts: BTreeMap::new(),
            look_at: FEW,
            next: 0,
        }
    }

    /// A client wants to pass on some bytes, [`QUANTUM`] at most: at once if this returns
    /// nothing, else when [`Shares::poll`] returns the same.
    pub fn ask(&mut self, client: Number, bytes: u32, now: Instant) -> Option<Turn> {
        let bytes = bytes.min(QUANTUM);
        let account = self.accounts.entry(client).or_insert(self.position);
        let start = self.position.max(*account);
        *account = start + u64::from(bytes);
        if self.waiting.is_empty() && self.is_free(now) {
            self.go(start, bytes, now);
            return None;
        }
        self.next += 1;
        let turn = Turn {
            start,
            index: self.next,
        };
        self.waiting.insert(turn, bytes);
        Some(turn)
    }

    /// Who may go now. To be asked until it says nobody.
    pub fn poll(&mut self, now: Instant) -> Option<Turn> {
        if !self.is_free(now) {
            return None;
        }
        let (turn, bytes) = self.waiting.pop_first()?;
        self.go(turn.start, bytes, now);
        Some(turn)
    }

    /// Whoever waited for this does so no longer.
    pub fn forget(&mut self, turn: Turn) {
        self.waiting.remove(&turn);
    }

    /// When to ask [`Shares::poll`] again; `None` while nobody waits.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.waiting.first_key_value()?;
        self.gone_at?.checked_sub(AHEAD)
    }

    fn is_free(&self, now: Instant) -> bool {
        self.gone_at.is_none_or(|gone_at| gone_at <= now + AHEAD)
    }

    fn go(&mut self, start: u64, bytes: u32, now: Instant) {
        let nanos = u64::from(bytes) * 1_000_000_000 / self.rate;
        let from = self.gone_at.map_or(now, |gone_at| gone_at.max(now));
        self.gone_at = Some(from + Duration::from_nanos(nanos));
        self.position = self.position.max(start);
        if self.accounts.len() > self.look_at {
            let position = self.position;
            self.accounts.retain(|_, account| *account > position);
            self.look_at = FEW.max(2 * self.accounts.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_done_is_forgotten() {
        let mut shares = Shares::new(NonZeroU64::MAX);
        let now = Instant::now();
        for client in 0..10_000 {
            assert_eq!(shares.ask(Number(client), 100, now), None);
            assert_eq!(shares.ask(Number(0), 100, now), None);
        }
        assert!(
            shares.accounts.len() <= FEW + 1,
            "{}",
            shares.accounts.len()
        );
    }
}
