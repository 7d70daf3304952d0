//! Slows down guessing, of passcodes, passwords and meeting numbers. Pure: it is told the time.
//!
//! What counts is what is told. [`Guesses::allow`] says beforehand whether a guess is looked at
//! at all; once it was, [`Guesses::wrong`] or [`Guesses::right`] says whether that may be told, and
//! counts it in the same moment. So who asks in parallel is told no more than who asks in turn,
//! however long it takes to look, and who goes away before has learned nothing.
//!
//! Wrong guesses are counted for the household they come from, and for what they are about:
//! nobody gets beyond either, however many addresses they have. A stranger who guesses at a
//! meeting must not lock out the people who know its passcode, so only a part of what is free
//! about a thing is for networks that have guessed wrong at it some times: the rest is for those
//! who come new. Only who has some hundred networks uses that up too, and then still not for
//! households from which somebody was right before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use plenum_transport::buckets::{Buckets, Pace};
use plenum_transport::rate::household;

/// Of one household: a person mistypes a few times, an office of people now and then. In the
/// long run 2,880 a day, of a million passcodes of six digits.
pub const ADDRESS: Pace = Pace {
    free: 20,
    each: Duration::from_secs(30),
};
/// About one meeting or account, from everywhere: the bound for whoever has all addresses of
/// the world. 3,880 on the first day and 2,880 on every other.
pub const THING: Pace = Pace {
    free: 1_000,
    each: Duration::from_secs(30),
};
/// What one network has of them: a few mistakes. 330 networks use up what is free.
const GUESSER: Pace = Pace {
    free: 3,
    each: Duration::from_hours(4),
};
/// Who is beyond that shares so many of them with all who are.
const OF_GUESSERS: u32 = 40;
/// How long a household from which somebody was right is remembered.
const KNOWN: Pace = Pace {
    free: 1,
    each: Duration::from_hours(30 * 24),
};

/// The counts.
#[derive(Debug)]
pub struct Guesses<K> {
    addresses: Buckets<IpAddr>,
    things: Buckets<K>,
    guessers: Buckets<(IpAddr, K)>,
    known: Buckets<(IpAddr, K)>,
}

impl<K: Ord + Clone> Guesses<K> {
    /// Nobody has guessed yet.
    pub const fn new() -> Self {
        Self {
            addresses: Buckets::new(ADDRESS),
            things: Buckets::new(THING),
            guessers: Buckets::new(GUESSER),
            known: Buckets::new(KNOWN),
        }
    }

    /// Whether a guess of `address` is looked at; else how long to wait. `thing` is what it is
    /// about, `None` for what does not exist.
    pub fn allow(&self, address: IpAddr, thing: Option<&K>, now: Instant) -> Result<(), Duration> {
        self.addresses.allow(&household(address), now)?;
        let Some(thing) = thing else { return Ok(()) };
        if self.known.has_any(&resident(address, thing), now) {
            return Ok(());
        }
        if self.guessers.allow(&guesser(address, thing), now).is_err() {
            return self.things.allow_of(OF_GUESSERS, thing, now);
        }
        self.things.allow(thing, now)
    }

    /// A guess was wrong: whether that may be told, which counts it. Returns whether it was the
    /// last free one, which is worth a line in the log.
    pub fn wrong(
        &mut self,
        address: IpAddr,
        thing: Option<&K>,
        now: Instant,
    ) -> Result<bool, Duration> {
        self.allow(address, thing, now)?;
        let of_address = self.addresses.count(&household(address), now);
        let Some(thing) = thing else {
            return Ok(of_address);
        };
        self.guessers.count(&guesser(address, thing), now);
        Ok(self.things.count(thing, now) || of_address)
    }

    /// A guess was right: whether that may be told. Then what others guess keeps this household
    /// out no more.
    pub fn right(&mut self, address: IpAddr, thing: &K, now: Instant) -> Result<(), Duration> {
        self.allow(address, Some(thing), now)?;
        self.known.count(&resident(address, thing), now);
        Ok(())
    }
}

fn resident<K: Clone>(address: IpAddr, thing: &K) -> (IpAddr, K) {
    (household(address), thing.clone())
}

fn guesser<K: Clone>(address: IpAddr, thing: &K) -> (IpAddr, K) {
    (network(address), thing.clone())
}

/// What one party has of neighbouring addresses: a /48 of IPv6 is given to anybody who asks for
/// one, a /24 is the least of IPv4 that is routed.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from(u32::from(address) >> 8 << 8).into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 80 << 80).into(),
    }
}

#[cfg(test)]
#[path = "guesses_tests.rs"]
mod tests;
