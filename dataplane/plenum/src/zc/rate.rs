//! How often one address may ask: a token bucket for each. Pure: it is told the time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Joins at once from one address. A whole office behind one address joins on the hour, and
/// after the death of a router everybody in it joins again.
const BURST: u32 = 2_000;
/// Joins a second from one address in the long run. 200 tickets cost about 1 % of a core.
const PER_SECOND: u32 = 200;
/// Addresses remembered. Beyond it newcomers are not counted: to refuse them would let a few
/// hosts with many addresses lock everybody out.
const ADDRESSES: usize = 65_536;
/// How often a full table is searched for addresses that are quiet again.
const SWEEP: Duration = Duration::from_secs(1);

/// The buckets.
#[derive(Debug, Default)]
pub struct RateLimit {
    buckets: BTreeMap<IpAddr, Bucket>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Bucket {
    /// The time at which it is full again; each request moves it on.
    full_at: Instant,
}

impl RateLimit {
    /// Takes one token of `address`; else tells how long until there is one.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let cost = Duration::from_secs(1) / PER_SECOND;
        let depth = cost * BURST;
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

    fn sweep(&mut self, now: Instant) {
        let recently = self.swept.is_some_and(|swept| now < swept + SWEEP);
        if self.buckets.len() >= ADDRESSES && !recently {
            self.buckets.retain(|_, bucket| bucket.full_at > now);
            self.swept = Some(now);
        }
    }
}

/// One subscriber has one IPv4 address, or a whole /64 of IPv6 (RFC 6177).
fn household(address: IpAddr) -> IpAddr {
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
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let (mut limit, start) = (RateLimit::default(), Instant::now());
        let asker = ip("192.0.2.1");
        for _ in 0..BURST {
            assert_eq!(limit.take(asker, start), Ok(()));
        }
        let wait = Duration::from_millis(5);
        assert_eq!(limit.take(asker, start), Err(wait));
        assert_eq!(limit.take(ip("192.0.2.2"), start), Ok(()), "another one's");
        assert_eq!(limit.take(asker, start + wait), Ok(()));
        assert_eq!(limit.take(asker, start + wait), Err(wait));
        let mut passed = 0;
        while limit.take(asker, start + Duration::from_secs(1)).is_ok() {
            passed += 1;
        }
        assert_eq!(passed, PER_SECOND - 1);
    }

    #[test]
    fn one_ipv6_network_is_one_asker() {
        let (mut limit, start) = (RateLimit::default(), Instant::now());
        for index in 0..BURST {
            let address = ip(&format!("2001:db8::{index:x}"));
            assert_eq!(limit.take(address, start), Ok(()));
        }
        assert!(limit.take(ip("2001:db8::ffff:1"), start).is_err());
        assert_eq!(limit.take(ip("2001:db8:0:1::1"), start), Ok(()));
    }

    #[test]
    fn many_addresses_neither_fill_the_memory_nor_lock_others_out() {
        let (mut limit, start) = (RateLimit::default(), Instant::now());
        for index in 0..70_000_u32 {
            assert_eq!(limit.take(IpAddr::V4(index.into()), start), Ok(()));
        }
        assert_eq!(limit.buckets.len(), ADDRESSES);
        let later = start + Duration::from_secs(1);
        assert_eq!(limit.take(ip("192.0.2.1"), later), Ok(()));
        assert_eq!(limit.buckets.len(), 1, "who is quiet is forgotten");
    }
}
