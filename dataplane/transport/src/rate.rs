//! How often one address may do something: [`Buckets`] by household. Pure: it is told the time.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::buckets::{Buckets, Pace};

/// What one address may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once, after a quiet time.
    pub burst: u32,
    /// A second, in the long run.
    pub per_second: u32,
}

/// The buckets.
#[derive(Debug)]
pub struct RateLimit(Buckets<IpAddr>);

impl RateLimit {
    /// Full buckets for everybody.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self(Buckets::new(Pace {
            free: rate.burst,
            each: Duration::from_secs(1) / rate.per_second,
        }))
    }

    /// Takes one token of `address`; else tells how long until there is one.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        self.0.take(&household(address), now)
    }

    /// Whether [`RateLimit::take`] would have to wait. Takes nothing: for an address that is
    /// not proven, and may be somebody else's.
    #[must_use]
    pub fn is_exhausted(&self, address: IpAddr, now: Instant) -> bool {
        self.0.allow(&household(address), now).is_err()
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
}
