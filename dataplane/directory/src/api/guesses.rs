//! Slows down guessing, of passcodes, passwords and meeting numbers. Pure: it is told the time.
//!
//! Wrong guesses are counted for the household they come from, and for what they are about:
//! nobody gets beyond either, however many addresses they have. A stranger who guesses at a
//! meeting must not lock out the people who know its passcode, so only a part of what is free
//! about a thing is for networks that have guessed wrong at it some times: the rest is for those
//! who come new. Only who has some hundred networks uses that up too, and then still not for
//! households from which somebody was right before.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use plenum_transport::buckets::{Buckets, Noted, Pace};
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
    /// How many are looked at, by where they come from: as many as requests at most.
    begun: BTreeMap<IpAddr, u32>,
}

/// Why a guess is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Too many were wrong: so long to wait.
    Slowed(Duration),
    /// It would be one too many if those were wrong that are looked at now and come from the
    /// same place. Ask again when the next of them is through.
    Undecided,
}

impl<K: Ord + Clone> Guesses<K> {
    /// Nobody has guessed yet.
    pub const fn new() -> Self {
        Self {
            addresses: Buckets::new(ADDRESS),
            things: Buckets::new(THING),
            guessers: Buckets::new(GUESSER),
            known: Buckets::new(KNOWN),
            begun: BTreeMap::new(),
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

    /// Counts a wrong guess. Returns whether it was the last free one, which is worth a line
    /// in the log.
    pub fn wrong(&mut self, address: IpAddr, thing: Option<&K>, now: Instant) -> bool {
        self.note(address, thing, now).last()
    }

    /// A guess was right: what others guess keeps this household out no more.
    pub fn right(&mut self, address: IpAddr, thing: &K, now: Instant) {
        self.known.count(&resident(address, thing), now);
    }

    fn note(&mut self, address: IpAddr, thing: Option<&K>, now: Instant) -> Guess<K> {
        Guess {
            address,
            of_address: self.addresses.note(&household(address), now),
            thing: thing.map(|thing| About {
                of_thing: self.things.note(thing, now),
                of_guesser: self.guessers.note(&guesser(address, thing), now),
                thing: thing.clone(),
            }),
        }
    }
}

/// A guess that takes its time to look at. It counts as wrong until it is known to be right:
/// who asks in parallel gets no more guesses. Who begins one ends it.
#[derive(Debug)]
#[must_use]
pub struct Guess<K> {
    address: IpAddr,
    of_address: Noted,
    thing: Option<About<K>>,
}

#[derive(Debug)]
struct About<K> {
    thing: K,
    of_thing: Noted,
    of_guesser: Noted,
}

impl<K> Guess<K> {
    fn last(&self) -> bool {
        let of_thing = |about: &About<K>| about.of_thing.last;
        self.of_address.last || self.thing.as_ref().is_some_and(of_thing)
    }
}

impl<K: Ord + Clone> Guesses<K> {
    /// [`Guesses::allow`] and [`Guesses::wrong`] at once, before it is looked at.
    pub fn begin(
        &mut self,
        address: IpAddr,
        thing: Option<&K>,
        now: Instant,
    ) -> Result<Guess<K>, Refused> {
        let place = household(address);
        self.allow(address, thing, now).map_err(|wait| {
            let undecided = self.begun.contains_key(&place);
            if undecided {
                Refused::Undecided
            } else {
                Refused::Slowed(wait)
            }
        })?;
        *self.begun.entry(place).or_default() += 1;
        Ok(self.note(address, thing, now))
    }

    /// It was wrong. Returns whether it was the last free one, which is worth a line in the log.
    pub fn was_wrong(&mut self, guess: &Guess<K>) -> bool {
        self.end(guess.address);
        guess.last()
    }

    /// It was right.
    pub fn was_right(&mut self, guess: &Guess<K>, now: Instant) {
        self.forgive(guess);
        if let Some(about) = &guess.thing {
            self.right(guess.address, &about.thing, now);
        }
    }

    /// Nobody looked at it: then nothing was learned.
    pub fn forgive(&mut self, guess: &Guess<K>) {
        self.end(guess.address);
        let place = household(guess.address);
        self.addresses.take_back(&place, &guess.of_address);
        if let Some(about) = &guess.thing {
            let guesser = guesser(guess.address, &about.thing);
            self.guessers.take_back(&guesser, &about.of_guesser);
            self.things.take_back(&about.thing, &about.of_thing);
        }
    }

    fn end(&mut self, address: IpAddr) {
        let place = household(address);
        if let Some(begun) = self.begun.get_mut(&place) {
            *begun -= 1;
            if *begun == 0 {
                self.begun.remove(&place);
            }
        }
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
