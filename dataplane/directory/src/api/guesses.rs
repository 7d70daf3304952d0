//! Slows down guessing, of passcodes, passwords and meeting numbers. Pure: it is told the time.
//!
//! Wrong guesses are counted for the address they come from, and for what they are about. Who
//! has used up the address is refused, right or wrong, so that nothing is learned. What a
//! thing has used up counts only for addresses that have guessed wrong lately: a stranger who
//! guesses at a meeting must not lock out the people who know its passcode.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// How many wrong guesses are free, and how long each further one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After a quiet time.
    pub free: u32,
    /// Then one each of this long.
    pub each: Duration,
}

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
/// Addresses and things remembered each. When there are more, those that come last share one
/// account: memory is bounded, and nobody guesses for free.
const REMEMBERED: usize = 65_536;
/// How often a full table is searched for what can be forgotten.
const SWEEP: Duration = Duration::from_secs(1);

/// The counts.
#[derive(Debug)]
pub struct Guesses<K> {
    addresses: Counts<IpAddr>,
    things: Counts<K>,
}

impl<K: Ord + Clone> Guesses<K> {
    /// Nobody has guessed yet.
    pub const fn new() -> Self {
        Self {
            addresses: Counts::new(ADDRESS),
            things: Counts::new(THING),
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

#[derive(Debug)]
struct Counts<K> {
    pace: Pace,
    /// The time at which everything is forgotten; each guess moves it on.
    clear_at: BTreeMap<K, Instant>,
    /// Of those for whom there was no place.
    others: Option<Instant>,
    swept: Option<Instant>,
}

impl<K: Ord + Clone> Counts<K> {
    const fn new(pace: Pace) -> Self {
        Self {
            pace,
            clear_at: BTreeMap::new(),
            others: None,
            swept: None,
        }
    }

    fn clear_at(&self, key: &K) -> Option<Instant> {
        let full = self.clear_at.len() >= REMEMBERED;
        let known = self.clear_at.get(key).copied();
        known.or_else(|| self.others.filter(|_| full))
    }

    fn has_any(&self, key: &K, now: Instant) -> bool {
        self.clear_at(key).is_some_and(|clear_at| clear_at > now)
    }

    fn allow(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let Some(clear_at) = self.clear_at(key) else {
            return Ok(());
        };
        let with_one_more = clear_at.max(now) + self.pace.each;
        let wait = with_one_more.saturating_duration_since(now + self.depth());
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// Returns whether the next one has to wait, and this one had not.
    fn count(&mut self, key: &K, now: Instant) -> bool {
        let free_before = self.allow(key, now).is_ok();
        self.sweep(now);
        let full = self.clear_at.len() >= REMEMBERED && !self.clear_at.contains_key(key);
        let clear_at = if full {
            self.others.get_or_insert(now)
        } else {
            self.clear_at.entry(key.clone()).or_insert(now)
        };
        // Never further ahead than the free ones: refused guesses are not counted.
        let most = now + self.pace.each * self.pace.free;
        *clear_at = ((*clear_at).max(now) + self.pace.each).min(most);
        free_before && self.allow(key, now).is_err()
    }

    fn depth(&self) -> Duration {
        self.pace.each * self.pace.free
    }

    fn sweep(&mut self, now: Instant) {
        let recently = self.swept.is_some_and(|swept| now < swept + SWEEP);
        if self.clear_at.len() >= REMEMBERED && !recently {
            self.clear_at.retain(|_, clear_at| *clear_at > now);
            self.swept = Some(now);
        }
    }
}

/// One subscriber has one IPv4 address, or a whole /64 of IPv6 (RFC 6177).
fn household(address: IpAddr) -> IpAddr {
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
        assert_eq!(guesses.allow(address, Some(&"other"), start), Err(ADDRESS.each));
        assert_eq!(guesses.allow(address, None, start), Err(ADDRESS.each));
        assert_eq!(guesses.allow(ip("192.0.2.2"), Some(&"m"), start), Ok(()));
        let later = start + ADDRESS.each;
        assert_eq!(guesses.allow(address, Some(&"m"), later), Ok(()));
        guesses.wrong(address, Some(&"m"), later);
        assert!(guesses.allow(address, Some(&"m"), later).is_err());
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
        let (guesser, honest) = (ip("10.0.0.1"), ip("192.0.2.1"));
        assert!(guesses.allow(guesser, Some(&"m"), start).is_err());
        assert!(guesses.allow(guesser, Some(&"other"), start).is_ok());
        assert!(guesses.allow(honest, Some(&"m"), start).is_ok());
        guesses.wrong(honest, Some(&"m"), start);
        assert!(guesses.allow(honest, Some(&"m"), start).is_err());
    }

    #[test]
    fn more_guessers_than_can_be_remembered_share_one_account() {
        let (mut guesses, start) = (Guesses::<&str>::new(), Instant::now());
        for index in 0..70_000_u32 {
            guesses.wrong(IpAddr::V4(index.into()), None, start);
        }
        assert_eq!(guesses.addresses.clear_at.len(), REMEMBERED);
        assert!(guesses.allow(ip("192.0.2.1"), None, start).is_err());
        let later = start + ADDRESS.each * ADDRESS.free + SWEEP;
        assert!(guesses.allow(ip("192.0.2.1"), None, later).is_ok());
        guesses.wrong(ip("192.0.2.1"), None, later);
        assert_eq!(guesses.addresses.clear_at.len(), 1, "who is quiet is forgotten");
    }
}
