//! Names and addresses of the cluster, all derived from a node's number.
//!
//! Everything the kernel shows (bridge, links, namespaces) begins with `plenum`, so that a person who meets it knows
//! whose it is and [`super::teardown`] finds it without a record.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// The bridge that all nodes hang on.
pub const BRIDGE: &str = "plenum0";
/// The host's address on the bridge; the API server listens here.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 90, 0, 1);
/// The network of the nodes.
pub const NODE_NETWORK: &str = "10.90.0.0/24";
/// The network that the nodes' pod networks are cut from.
pub const POD_NETWORK: &str = "10.91.0.0/16";
/// The network of Service addresses. It exists only in the rules of kube-proxy inside the nodes.
pub const SERVICE_NETWORK: &str = "10.96.0.0/16";
/// The first address of [`SERVICE_NETWORK`], which Kubernetes gives to the API server.
pub const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The address of the cluster's DNS Service.
pub const DNS_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// Port of the API server on [`HOST`].
pub const API_PORT: u16 = 6443;

const NODE_PREFIX: &str = "plenum-n";
const LINK_PREFIX: &str = "plenum-v";

/// A node's number, from 1 to [`NodeNumber::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeNumber(u8);

impl NodeNumber {
    /// More nodes than one machine carries, and few enough for one /24.
    pub const MAX: u8 = 99;

    /// A node's number, or an error that says which are allowed.
    pub fn new(number: usize) -> Result<Self, InvalidNode> {
        match u8::try_from(number) {
            Ok(small @ 1..=Self::MAX) => Ok(Self(small)),
            _ => Err(InvalidNode(number.to_string())),
        }
    }

    /// The numbers of a cluster with `count` nodes.
    pub fn first(count: usize) -> Result<Vec<Self>, InvalidNode> {
        Self::new(count)?;
        (1..=count).map(Self::new).collect()
    }

    /// The node's name in Kubernetes, and that of its network namespace.
    #[must_use]
    pub fn name(self) -> String {
        format!("{NODE_PREFIX}{}", self.0)
    }

    /// The host's end of the node's link to the bridge.
    #[must_use]
    pub fn link(self) -> String {
        format!("{LINK_PREFIX}{}", self.0)
    }

    /// The node's address.
    #[must_use]
    pub fn ip(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 90, 0, 100 + self.0)
    }

    /// The network of the node's pods.
    #[must_use]
    pub fn pod_network(self) -> String {
        format!("10.91.{}.0/24", self.0)
    }
}

impl fmt::Display for NodeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for NodeNumber {
    type Err = InvalidNode;

    /// Reads back [`NodeNumber::name`].
    fn from_str(name: &str) -> Result<Self, InvalidNode> {
        let invalid = || InvalidNode(name.to_owned());
        let number = name.strip_prefix(NODE_PREFIX).ok_or_else(invalid)?;
        Self::new(number.parse().map_err(|_| invalid())?)
    }
}

/// Whether a network link of this name is one of ours.
#[must_use]
pub fn is_our_link(name: &str) -> bool {
    name == BRIDGE
        || name
            .strip_prefix(LINK_PREFIX)
            .is_some_and(|rest| rest.parse::<u8>().is_ok())
}

/// No node has this name or number.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidNode(String);

impl fmt::Display for InvalidNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no node {}: nodes are numbered from 1 to {}",
            self.0,
            NodeNumber::MAX
        )
    }
}

impl std::error::Error for InvalidNode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_its_node() {
        for node in NodeNumber::first(usize::from(NodeNumber::MAX)).unwrap() {
            assert_eq!(node.name().parse(), Ok(node));
        }
    }

    #[test]
    fn numbers_outside_the_address_plan_are_refused() {
        for wrong in [0, 100, 356] {
            assert!(NodeNumber::new(wrong).is_err(), "{wrong}");
        }
        assert!("plenum-n0".parse::<NodeNumber>().is_err());
        assert!("other-n1".parse::<NodeNumber>().is_err());
    }

    #[test]
    fn link_names_fit_the_kernel_and_are_recognised() {
        // IFNAMSIZ is 16 with the terminating zero (linux/if.h).
        let longest = NodeNumber::new(99).unwrap().link();
        assert!(longest.len() < 16);
        assert!(is_our_link(&longest));
        assert!(is_our_link(BRIDGE));
        assert!(!is_our_link("plenum-vpn"));
        assert!(!is_our_link("eth0"));
    }
}
