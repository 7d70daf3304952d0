//! What may be reached through a tunnel: exactly what the zone registered.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use plenum_wire::Fingerprint;
use plenum_wire::link::RouterTarget;

use crate::target::{Host, Target};

/// The registered targets. What is not in it cannot be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(BTreeMap<Target, Kind>);

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A zone controller. The client checks its certificate.
    Controller,
    /// A router, with the certificate that proves it.
    Router(Fingerprint),
}

impl Allowed {
    /// What one controller registers. Skips what it cannot mean: what is no target, and
    /// addresses that no machine of a zone has. With `loopback` this machine's own are taken
    /// too, which is for zones on one machine only: a router that says that it is there would
    /// open whatever else listens beside the tunnel.
    #[must_use]
    pub fn registered(controllers: &[String], routers: &[RouterTarget], loopback: bool) -> Self {
        let mut allowed = Self::default();
        for controller in controllers {
            match Target::of_origin(controller) {
                Ok(target) if target.is_plausible(loopback) => {
                    allowed.0.insert(target, Kind::Controller);
                }
                _ => tracing::warn!(controller, "this is no target: https://HOST[:PORT]"),
            }
        }
        for router in routers {
            for address in &router.addresses {
                match Target::of_address(*address, router.https_port) {
                    Some(target) if target.is_plausible(loopback) => {
                        allowed.0.insert(target, Kind::Router(router.fingerprint));
                    }
                    _ => tracing::warn!(%address, "no router can be reached there"),
                }
            }
        }
        allowed
    }

    /// Whether a client may reach this target.
    #[must_use]
    pub fn contains(&self, target: &Target) -> bool {
        self.0.contains_key(target)
    }

    /// What a target is; `None` when it is not registered.
    #[must_use]
    pub fn kind(&self, target: &Target) -> Option<Kind> {
        self.0.get(target).copied()
    }

    /// Every target.
    pub fn iter(&self) -> impl Iterator<Item = (&Target, Kind)> {
        self.0.iter().map(|(target, kind)| (target, *kind))
    }

    /// How many targets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing can be reached.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Target, Kind)> for Allowed {
    fn from_iter<T: IntoIterator<Item = (Target, Kind)>>(targets: T) -> Self {
        Self(targets.into_iter().collect())
    }
}

impl Target {
    fn is_plausible(&self, loopback: bool) -> bool {
        match self.host() {
            Host::Address(address) => is_plausible(*address, loopback),
            Host::Name(name) => loopback || !is_this_machine(name),
        }
    }
}

/// Where cloud providers answer questions about a machine's rights, beside link-local addresses:
/// Amazon and Google by IPv6, Alibaba, Oracle, and Azure, whose `WireServer` hands out a machine's
/// configuration and certificates.
const METADATA: [IpAddr; 5] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

/// Whether a name means whoever looks it up: `localhost` and what is below it (RFC 6761 section
/// 6.3), in small letters as in every [`Target`].
pub(crate) fn is_this_machine(name: &str) -> bool {
    name.rsplit('.').next() == Some("localhost")
}

/// Whether a machine of a zone may have this address.
#[must_use]
pub fn is_plausible(address: IpAddr, loopback: bool) -> bool {
    let address = address.to_canonical();
    let strange = address.is_unspecified()
        || address.is_multicast()
        || METADATA.contains(&address)
        || match address {
            IpAddr::V4(address) => {
                address.is_broadcast() || address.is_link_local() || address.octets()[0] == 0
            }
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
    !strange && (loopback || !address.is_loopback())
}
