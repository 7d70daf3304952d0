//! How often one address may do something: a token bucket for each. Pure: it is told the time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// What one address may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once, after a quiet time.
    pub burst: u32,
    /// A second, in the long run.
    pub per_second: u32,
}

/// Addresses remembered. Beyond it newcomers are not counted: to refuse them would let a few
/// hosts with many addresses lock everybody out.
const ADDRESSES: usize = 65_536;
/// How often a full table is searched for addresses that are quiet again.
const SWEEP: Duration = Duration::from_secs(1);

/// The buckets.
#[derive(Debug)]
pub struct RateLimit {
    rate: Rate,
    buckets: BTreeMap<IpAddr, Bucket>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Bucket {
    /// The time at which it is full again; each request moves it on.
    full_at: Instant,
}

impl RateLimit {
    /// Full buckets for everybody.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: BTreeMap::new(),
            swept: None,
        }
    }

    /// Takes one token of `address`; else tells how long until there is one.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let (cost, depth) = self.cost_and_depth();
        self.sweep(now);
        let key = household(address);
        let full = self.buckets.len() >= ADDRESSES;
        let Some(bucket) = self.buckets.get_mut(&key) else {
            if !full {
                let full_at = now + cost;
                self.buckets.insert(key, Bucket { full_at });
            }
            return Ok(());
        };
        let full_at = bucket.full_at.max(now) + cost;
        match full_at.checked_duration_since(now + depth) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                bucket.full_at = full_at;
                Ok(())
            }
        }
    }

    /// Whether [`RateLimit::take`] would have to wait. Takes nothing: for an address that is
    /// not proven, and may be somebody else's.
    #[must_use]
    pub fn is_exhausted(&self, address: IpAddr, now: Instant) -> bool {
        let (cost, depth) = self.cost_and_depth();
        self.buckets
            .get(&household(address))
            .is_some_and(|bucket| bucket.full_at.max(now) + cost > now + depth)
    }

    fn cost_and_depth(&self) -> (Duration, Duration) {
        let cost = Duration::from_secs(1) / self.rate.per_second;
        (cost, cost * self.rate.burst)
    }

    fn sweep(&mut self, now: Instant) {
        let recently = self.swept.is_some_and(|swept| now < swept + SWEEP);
        if self.buckets.len() >= ADDRESSES && !recently {
            self.buckets.retain(|_, bucket| bucket.full_at > now);
            self.swept = Some(now);
        }
    }
}

/// One subscriber has one IPv4 address, or a whole /64 of IPv6 (RFC 6177).
#[must_use]
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(prefix).into()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;

    const RATE: Rate = Rate {
        burst: 2_000,
        per_second: 200,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let (mut limit, start) = (RateLimit::new(RATE), Instant::now());
        let asker = ip("192.0.2.1");
        for _ in 0..RATE.burst {
            assert_eq!(limit.take(asker, start), Ok(()));
        }
        let wait = Duration::from_millis(5);
        assert!(limit.is_exhausted(asker, start));
        assert_eq!(limit.take(asker, start), Err(wait));
        assert!(!limit.is_exhausted(ip("192.0.2.2"), start), "never came");
        assert!(!limit.is_exhausted(asker, start + wait));
        assert_eq!(limit.take(ip("192.0.2.2"), start), Ok(()), "another one's");
        assert_eq!(limit.take(asker, start + wait), Ok(()));
        assert_eq!(limit.take(asker, start + wait), Err(wait));
        let mut passed = 0;
        while limit.take(asker, start + Duration::from_secs(1)).is_ok() {
            passed += 1;
        }
        assert_eq!(passed, RATE.per_second - 1);
    }

    #[test]
    fn one_ipv6_network_is_one_asker() {
        let (mut limit, start) = (RateLimit::new(RATE), Instant::now());
        for index in 0..RATE.burst {
            let address = ip(&format!("2001:db8::{index:x}"));
            assert_eq!(limit.take(address, start), Ok(()));
        }
        assert!(limit.take(ip("2001:db8::ffff:1"), start).is_err());
        assert_eq!(limit.take(ip("2001:db8:0:1::1"), start), Ok(()));
    }

    #[test]
    fn many_addresses_neither_fill_the_memory_nor_lock_others_out() {
        let (mut limit, start) = (RateLimit::new(RATE), Instant::now());
        for index in 0..70_000_u32 {
            assert_eq!(limit.take(IpAddr::V4(index.into()), start), Ok(()));
        }
        assert_eq!(limit.buckets.len(), ADDRESSES);
        let later = start + Duration::from_secs(1);
        assert_eq!(limit.take(ip("192.0.2.1"), later), Ok(()));
        assert_eq!(limit.buckets.len(), 1, "who is quiet is forgotten");
    }
}
