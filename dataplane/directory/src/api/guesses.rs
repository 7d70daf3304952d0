//! Slows down guessing, of passcodes, passwords and meeting numbers. Pure: it is told the time.
//!
//! Wrong guesses are counted for the address they come from, and for what they are about. Who
//! has used up the address is refused, right or wrong, so that nothing is learned. What a
//! thing has used up counts only for addresses that have guessed wrong lately: a stranger who
//! guesses at a meeting must not lock out the people who know its passcode.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::buckets::{Buckets, Noted, Pace};

/// Of one address: a person mistypes a few times, an office of people now and then. In the
/// long run 2,880 a day, of a million passcodes of six digits.
pub const ADDRESS: Pace = Pace {
    free: 20,
    each: Duration::from_secs(30),
};
/// About one meeting or account, from everywhere: a network of hijacked machines comes to
/// one guess of each, and 2,880 a day for all of them.
pub const THING: Pace = Pace {
    free: 40,
    each: Duration::from_secs(30),
};

/// The counts.
#[derive(Debug)]
pub struct Guesses<K> {
    addresses: Buckets<IpAddr>,
    things: Buckets<K>,
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
            begun: BTreeMap::new(),
        }
    }

    /// Whether a guess of `address` is looked at; else how long to wait. `thing` is what it is
    /// about, `None` for what does not exist.
    pub fn allow(&self, address: IpAddr, thing: Option<&K>, now: Instant) -> Result<(), Duration> {
        let address = household(address);
        self.addresses.allow(&address, now)?;
        match thing {
            Some(thing) if self.addresses.has_any(&address, now) => self.things.allow(thing, now),
            _ => Ok(()),
        }
    }

    /// Counts a wrong guess. Returns whether it was the last free one, which is worth a line
    /// in the log.
    pub fn wrong(&mut self, address: IpAddr, thing: Option<&K>, now: Instant) -> bool {
        let address_ends = self.addresses.count(&household(address), now);
        let thing_ends = thing.is_some_and(|thing| self.things.count(thing, now));
        address_ends || thing_ends
    }
}

/// A guess that takes its time to look at. It counts as wrong until it is known to be right:
/// who asks in parallel gets no more guesses. Who begins one ends it.
#[derive(Debug)]
#[must_use]
pub struct Guess<K> {
    address: IpAddr,
    of_address: Noted,
    thing: Option<(K, Noted)>,
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
        let of_address = self.addresses.note(&place, now);
        let thing = thing.map(|thing| (thing.clone(), self.things.note(thing, now)));
        Ok(Guess {
            address: place,
            of_address,
            thing,
        })
    }

    /// It was wrong. Returns whether it was the last free one, which is worth a line in the log.
    pub fn was_wrong(&mut self, guess: Guess<K>) -> bool {
        self.end(guess.address);
        guess.of_address.last || guess.thing.is_some_and(|(_, noted)| noted.last)
    }

    /// It was right, or nobody looked at it: then nothing was learned.
    pub fn forgive(&mut self, guess: Guess<K>) {
        self.end(guess.address);
        self.addresses.take_back(&guess.address, &guess.of_address);
        if let Some((thing, noted)) = guess.thing {
            self.things.take_back(&thing, &noted);
        }
    }

    fn end(&mut self, address: IpAddr) {
        if let Some(begun) = self.begun.get_mut(&address) {
            *begun -= 1;
            if *begun == 0 {
                self.begun.remove(&address);
            }
        }
    }
}

/// One subscriber has one IPv4 address, or a whole /64 of IPv6 (RFC 6177).
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// `count` wrong guesses, one each of so many addresses, about `thing`.
    fn from_everywhere(guesses: &mut Guesses<&'static str>, thing: &'static str, now: Instant) {
        for index in 0..THING.free {
            guesses.wrong(IpAddr::V4((0x0a00_0000 + index).into()), Some(&thing), now);
        }
    }

    #[test]
    fn some_mistakes_are_free_and_then_each_one_takes_its_time() {
        let (mut guesses, start) = (Guesses::new(), Instant::now());
        let address = ip("192.0.2.1");
        for guess in 1..=ADDRESS.free {
            assert_eq!(guesses.allow(address, Some(&"m"), start), Ok(()));
            let last = guesses.wrong(address, Some(&"m"), start);
            assert_eq!(last, guess == ADDRESS.free, "one line in the log");
        }
        assert_eq!(guesses.allow(address, Some(&"m"), start), Err(ADDRESS.each));
        assert_eq!(
            guesses.allow(address, Some(&"other"), start),
            Err(ADDRESS.each)
        );
        assert_eq!(guesses.allow(address, None, start), Err(ADDRESS.each));
        assert_eq!(guesses.allow(ip("192.0.2.2"), Some(&"m"), start), Ok(()));
        let later = start + ADDRESS.each;
        assert_eq!(guesses.allow(address, Some(&"m"), later), Ok(()));
        guesses.wrong(address, Some(&"m"), later);
        assert!(guesses.allow(address, Some(&"m"), later).is_err());
    }

    #[test]
    fn guesses_that_are_looked_at_at_once_are_no_more() {
        let (mut guesses, start) = (Guesses::new(), Instant::now());
        let address = ip("192.0.2.1");
        let begun: Vec<_> = (0..100)
            .map_while(|_| guesses.begin(address, Some(&"ada"), start).ok())
            .collect();
        assert_eq!(begun.len(), ADDRESS.free as usize);
        // Had they all been right, nobody would know that they were made.
        for guess in begun {
            guesses.forgive(guess);
        }
        assert!(!guesses.addresses.has_any(&address, start));
        assert!(!guesses.things.has_any(&"ada", start));
        assert!(guesses.begun.is_empty());
    }

    #[test]
    fn who_comes_while_others_are_looked_at_waits_for_what_becomes_of_them() {
        let (mut guesses, start) = (Guesses::new(), Instant::now());
        let address = ip("192.0.2.1");
        let begin = |guesses: &mut Guesses<_>| guesses.begin(address, Some(&"ada"), start);
        let mut others: Vec<_> = (0..ADDRESS.free)
            .map(|_| begin(&mut guesses).unwrap())
            .collect();
        // Of an office whose people all sign in at once, nobody has guessed wrong.
        assert_eq!(begin(&mut guesses).unwrap_err(), Refused::Undecided);
        guesses.forgive(others.remove(0));
        others.push(begin(&mut guesses).unwrap());
        // Of somebody who tries them all at once, none was right.
        for guess in others {
            assert_eq!(begin(&mut guesses).unwrap_err(), Refused::Undecided);
            guesses.was_wrong(guess);
        }
        let refused = begin(&mut guesses).unwrap_err();
        assert_eq!(refused, Refused::Slowed(ADDRESS.each));
    }

    #[test]
    fn where_strangers_guess_the_owner_signs_in_twice_at_once() {
        let (mut guesses, start) = (Guesses::new(), Instant::now());
        from_everywhere(&mut guesses, "ada", start);
        let home = ip("192.0.2.1");
        let begin = |guesses: &mut Guesses<_>| guesses.begin(home, Some(&"ada"), start);
        let first = begin(&mut guesses).unwrap();
        assert_eq!(begin(&mut guesses).unwrap_err(), Refused::Undecided);
        guesses.forgive(first);
        let second = begin(&mut guesses).unwrap();
        // A stranger has the one guess, and no second one beside it.
        guesses.was_wrong(second);
        let refused = begin(&mut guesses).unwrap_err();
        assert!(matches!(refused, Refused::Slowed(_)), "{refused:?}");
    }

    #[test]
    fn the_last_free_guess_is_told_once() {
        let (mut guesses, start) = (Guesses::<&str>::new(), Instant::now());
        let address = ip("192.0.2.1");
        let begun: Vec<_> = (0..ADDRESS.free)
            .map(|_| guesses.begin(address, None, start).unwrap())
            .collect();
        let told = begun.into_iter().map(|guess| guesses.was_wrong(guess));
        assert_eq!(told.filter(|last| *last).count(), 1);
    }

    #[test]
    fn a_day_of_guessing_comes_to_few_guesses() {
        let (mut guesses, start) = (Guesses::new(), Instant::now());
        let mut looked_at = 0;
        for second in 0..86_400 {
            let now = start + Duration::from_secs(second);
            if guesses.allow(ip("2001:db8::1"), Some(&"m"), now).is_ok() {
                guesses.wrong(ip("2001:db8::1"), Some(&"m"), now);
                looked_at += 1;
            }
        }
        assert!((2_880..=2_900).contains(&looked_at), "{looked_at}");
    }

    #[test]
    fn many_addresses_of_one_network_are_one() {
        let (mut guesses, start) = (Guesses::<&str>::new(), Instant::now());
        for host in 0..ADDRESS.free {
            guesses.wrong(ip(&format!("2001:db8::{host:x}")), None, start);
        }
        assert!(guesses.allow(ip("2001:db8::ffff"), None, start).is_err());
        assert!(guesses.allow(ip("2001:db8:0:1::1"), None, start).is_ok());
    }

    #[test]
    fn guessing_from_everywhere_does_not_lock_out_who_knows_the_passcode() {
        let (mut guesses, start) = (Guesses::new(), Instant::now());
        from_everywhere(&mut guesses, "m", start);
        let (stranger, honest) = (ip("10.0.0.1"), ip("192.0.2.1"));
        assert!(guesses.allow(stranger, Some(&"m"), start).is_err());
        assert!(guesses.allow(stranger, Some(&"other"), start).is_ok());
        assert!(guesses.allow(honest, Some(&"m"), start).is_ok());
        guesses.wrong(honest, Some(&"m"), start);
        assert!(guesses.allow(honest, Some(&"m"), start).is_err());
    }
}
