//! Whether this machine is still in the network that it was in: by the addresses that its packets
//! leave from. Pure, but for [`source`] and [`has`], which look.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Addresses of documentation (RFC 5737, RFC 3849): who has a way to anywhere has one to them,
/// and nothing is ever sent there.
const ANYWHERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// From where packets leave towards those we talk to.
#[derive(Debug, Default)]
pub(crate) struct Whereabouts {
    seen: Vec<(IpAddr, Option<IpAddr>)>,
}

impl Whereabouts {
    /// Talks to these, from what they are seen from now; to anybody, if they are not known.
    pub fn towards(targets: &[IpAddr], source: impl Fn(IpAddr) -> Option<IpAddr>) -> Self {
        let targets = if targets.is_empty() {
            &ANYWHERE
        } else {
            targets
        };
        Self {
            seen: targets
                .iter()
                .map(|&target| (target, source(target)))
                .collect(),
        }
    }

    /// Whether packets leave from elsewhere than when this was last asked. Having no way at all
    /// is not being elsewhere: it may come back as it was.
    pub fn have_changed(
        &mut self,
        source: impl Fn(IpAddr) -> Option<IpAddr>,
        has: impl Fn(IpAddr) -> bool,
    ) -> bool {
        let mut changed = false;
        for (target, seen) in &mut self.seen {
            let Some(now) = source(*target) else {
                continue;
            };
            let moved =
                |before: IpAddr| before != now && !(same_prefix(before, now) && has(before));
            changed |= seen.is_some_and(moved);
            *seen = Some(now);
        }
        changed
    }
}

/// Whether both are of one network of IPv6, whose hosts take new addresses every day and keep the
/// old ones for the connections that they have (RFC 8981).
fn same_prefix(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        _ => false,
    }
}

/// From which address packets leave towards `target`. Connecting a UDP socket sends nothing; it
/// only chooses a route.
pub(crate) fn source(target: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    // Any port will do.
    socket.connect(SocketAddr::new(target, 443)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Whether this machine has an address.
pub(crate) fn has(address: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const ROUTER: &str = "203.0.113.9";

    /// Whether it is a change that packets come from `to` after they came from `from`, on a
    /// machine that still has `kept`.
    fn change(from: &str, to: Option<&str>, kept: &[&str]) -> bool {
        let target = [address(ROUTER)];
        let mut whereabouts = Whereabouts::towards(&target, |_| Some(address(from)));
        whereabouts.have_changed(
            |_| to.map(address),
            |asked| kept.iter().any(|kept| address(kept) == asked),
        )
    }

    #[test]
    fn another_address_is_another_network_even_where_the_old_one_is_still_there() {
        assert!(change("10.0.0.1", Some("192.168.0.7"), &[]));
        assert!(change("10.0.0.1", Some("192.168.0.7"), &["10.0.0.1"]));
        assert!(!change("10.0.0.1", Some("10.0.0.1"), &["10.0.0.1"]));
        assert!(change(
            "2001:db8:1::5",
            Some("2001:db8:2::5"),
            &["2001:db8:1::5"]
        ));
    }

    #[test]
    fn todays_address_in_the_same_network_is_no_change_while_yesterdays_works() {
        let (old, new) = ("2001:db8:1::5", "2001:db8:1::6");
        assert!(!change(old, Some(new), &[old]));
        assert!(change(old, Some(new), &[]));
    }

    #[test]
    fn having_no_way_for_a_while_is_no_change_until_it_is_another_one() {
        let mut whereabouts = Whereabouts::towards(&[], |_| Some(address("10.0.0.1")));
        let mut look = |to: Option<&str>| whereabouts.have_changed(|_| to.map(address), |_| false);
        assert!(!look(None));
        assert!(!look(Some("10.0.0.1")));
        assert!(!look(None));
        assert!(look(Some("10.9.0.1")));
        assert!(!look(Some("10.9.0.1")), "it is told once");
    }

    #[test]
    fn a_way_that_was_not_there_before_is_no_change() {
        let mut whereabouts = Whereabouts::towards(&[], |_| None);
        assert!(!whereabouts.have_changed(|_| Some(address("10.0.0.1")), |_| false));
    }

    #[test]
    fn this_machine_has_its_own_addresses_and_no_others() {
        let own = address("127.0.0.1");
        assert_eq!(source(own), Some(own));
        assert!(has(own));
        assert!(!has(address("192.0.2.1")));
    }
}
