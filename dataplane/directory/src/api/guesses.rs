//! Slows down guessing, of passcodes, passwords and meeting numbers. Pure: it is told the time.
//!
//! Wrong guesses are counted for the address they come from, and for what they are about. Who
//! has used up the address is refused, right or wrong, so that nothing is learned. What a
//! thing has used up counts only for addresses that have guessed wrong lately: a stranger who
//! guesses at a meeting must not lock out the people who know its passcode.

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
}

impl<K: Ord + Clone> Guesses<K> {
    /// Nobody has guessed yet.
    pub const fn new() -> Self {
        Self {
            addresses: Buckets::new(ADDRESS),
            things: Buckets::new(THING),
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
/// who asks in parallel gets no more guesses.
#[derive(Debug)]
pub struct Guess<K> {
    address: IpAddr,
    of_address: Noted,
    thing: Option<(K, Noted)>,
}

impl<K> Guess<K> {
    /// Whether it was the last free one, which is worth a line in the log.
    pub fn was_last(&self) -> bool {
        self.of_address.last || self.thing.as_ref().is_some_and(|(_, noted)| noted.last)
    }
}

impl<K: Ord + Clone> Guesses<K> {
    /// [`Guesses::allow`] and [`Guesses::wrong`] at once, before it is looked at.
    pub fn begin(
        &mut self,
        address: IpAddr,
        thing: Option<&K>,
        now: Instant,
    ) -> Result<Guess<K>, Duration> {
        self.allow(address, thing, now)?;
        let address = household(address);
        let of_address = self.addresses.note(&address, now);
        let thing = thing.map(|thing| (thing.clone(), self.things.note(thing, now)));
        Ok(Guess {
            address,
            of_address,
            thing,
        })
    }

    /// It was right, or nobody looked at it: then nothing was learned.
    pub fn forgive(&mut self, guess: &Guess<K>) {
        self.addresses.take_back(&guess.address, &guess.of_address);
        if let Some((thing, noted)) = &guess.thing {
            self.things.take_back(thing, noted);
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
        assert_eq!(begun.iter().filter(|guess| guess.was_last()).count(), 1);
        assert!(guesses.allow(address, None, start).is_err());
        // Had they all been right, nobody would know that they were made.
        for guess in &begun {
            guesses.forgive(guess);
        }
        assert!(!guesses.addresses.has_any(&address, start));
        assert!(!guesses.things.has_any(&"ada", start));
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
