//! At which address clients reach a router.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use k8s_openapi::api::core::v1::Node;
use kube::{KubeSchema, ResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::labels::PUBLIC_ADDRESS;

/// At which address clients reach a router. It is the node's, as routers use its network.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PublicAddress {
    /// `NodeInternalIP`: clients are in the nodes' network. `NodeExternalIP`: the node has a public
    /// address in its status. Annotation: you write it on each node as
    /// plenum.dev/public-address, for example behind a one-to-one NAT. A node whose address is not
    /// known takes no router; the condition `NodesAvailable` says which one it is, and what to do.
    #[serde(default)]
    pub source: AddressSource,
}

/// Where the address of a node is found.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressSource {
    /// `status.addresses` of the node, type `InternalIP`.
    #[default]
    #[serde(rename = "NodeInternalIP")]
    NodeInternalIp,
    /// `status.addresses` of the node, type `ExternalIP`.
    #[serde(rename = "NodeExternalIP")]
    NodeExternalIp,
    /// The annotation [`PUBLIC_ADDRESS`] of the node.
    Annotation,
}

/// Longest that is kept of what somebody wrote, in characters: it is shown to people.
const SHOWN: usize = 60;

/// Addresses at which clients reach a router, the preferred first: at least one, at most one of
/// each family, and none that only the router's own machine or network knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterAddresses(Box<[IpAddr]>);

impl RouterAddresses {
    /// What somebody wrote on this node as [`PUBLIC_ADDRESS`].
    pub fn annotated(node: &Node) -> Result<Self, NoAddress> {
        let written = node.annotations().get(PUBLIC_ADDRESS);
        let written = written.ok_or(NoAddress::NotAnnotated)?;
        written.parse().map_err(NoAddress::Annotated)
    }

    /// The first address of each family of type `ExternalIP` in the status of this node.
    pub fn external(node: &Node) -> Result<Self, NoAddress> {
        let status = node.status.iter();
        let addresses = status.flat_map(|status| status.addresses.iter().flatten());
        let external = addresses.filter(|address| address.type_ == "ExternalIP");
        let mut first: Vec<IpAddr> = Vec::new();
        for address in external.filter_map(|it| reachable(&it.address).ok()) {
            if kin(&first, address).is_none() {
                first.push(address);
            }
        }
        if first.is_empty() {
            return Err(NoAddress::NotExternal);
        }
        Ok(Self(first.into()))
    }
}

impl fmt::Display for RouterAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(IpAddr::to_string).collect();
        f.write_str(&all.join(","))
    }
}

impl FromStr for RouterAddresses {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let mut all: Vec<IpAddr> = Vec::new();
        for word in text.split(',').map(str::trim) {
            let address = reachable(word)?;
            if let Some(kin) = kin(&all, address) {
                return Err(BadAddress::TwoOfAFamily(kin, address));
            }
            all.push(address);
        }
        Ok(Self(all.into()))
    }
}

/// The one of the same family.
fn kin(all: &[IpAddr], address: IpAddr) -> Option<IpAddr> {
    let mut all = all.iter().copied();
    all.find(|it| it.is_ipv4() == address.is_ipv4())
}

/// An address that others may reach.
fn reachable(word: &str) -> Result<IpAddr, BadAddress> {
    let shown = || word.chars().take(SHOWN).collect();
    let address: IpAddr = word.parse().map_err(|_| BadAddress::NoIp(shown()))?;
    // One of IPv4 in the clothes of IPv6 (RFC 4291 section 2.5.5.2) is one of IPv4.
    let address = address.to_canonical();
    let of_one_network = match address {
        IpAddr::V4(it) => it.is_link_local() || it.is_broadcast(),
        IpAddr::V6(it) => it.is_unicast_link_local(),
    };
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() || of_one_network
    {
        return Err(BadAddress::OutOfReach(address));
    }
    Ok(address)
}

/// Why a text holds no addresses of a router.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// A name, a network, a port, nothing.
    #[error("{0:?} is no IP address")]
    NoIp(String),
    /// Of one machine or one network, or of many machines.
    #[error("{0} is no address at which clients reach one machine")]
    OutOfReach(IpAddr),
    /// A router has one of each family.
    #[error("{0} and {1} are two of one family, and there may be one")]
    TwoOfAFamily(IpAddr, IpAddr),
}

/// Why it is not known at which address clients reach the router of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// Nobody wrote one.
    #[error("the annotation {PUBLIC_ADDRESS} is missing")]
    NotAnnotated,
    /// What somebody wrote is none.
    #[error("in the annotation {PUBLIC_ADDRESS} {0}")]
    Annotated(BadAddress),
    /// Whoever made the node did not write one.
    #[error("its status has no address of type ExternalIP")]
    NotExternal,
}

impl NoAddress {
    /// What to type, for the node of this name. Who cannot have the cloud give it one writes one.
    #[must_use]
    pub fn remedy(&self, node: &str) -> String {
        let annotate = format!("kubectl annotate node {node} {PUBLIC_ADDRESS}=ADDRESS");
        match self {
            Self::NotAnnotated => annotate,
            Self::Annotated(_) => format!("{annotate} --overwrite"),
            Self::NotExternal => {
                format!("{annotate}   # on each node, with publicAddress.source: Annotation")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(text: &str) -> Result<String, String> {
        let read = text.parse::<RouterAddresses>();
        read.map(|it| it.to_string()).map_err(|it| it.to_string())
    }

    #[test]
    fn an_address_of_each_family_is_taken_in_the_order_in_which_they_are_written() {
        for (text, read) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7 , 2001:DB8::7 ", "203.0.113.7,2001:db8::7"),
            ("2001:db8::7,203.0.113.7", "2001:db8::7,203.0.113.7"),
            ("10.1.2.3", "10.1.2.3"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(written(text).as_deref(), Ok(read), "{text}");
        }
    }

    #[test]
    fn what_is_read_is_written_alike() {
        let read: RouterAddresses = "203.0.113.7, 2001:db8::7".parse().unwrap();
        assert_eq!(read.to_string().parse(), Ok(read));
    }

    #[test]
    fn what_is_no_address_of_one_machine_that_clients_reach_is_refused_with_a_reason() {
        let no_ip = [
            "",
            " ",
            "r1.example.com",
            "203.0.113.7:443",
            "203.0.113.0/24",
            "203.0.113.7,",
            "203.0.113.7 203.0.113.8",
            "[2001:db8::7]",
            "fe80::1%eth0",
            "203.0.113.07",
        ];
        for text in no_ip {
            let why = written(text).unwrap_err();
            assert!(why.ends_with("is no IP address"), "{text}: {why}");
        }
        let out_of_reach = [
            "127.0.0.1",
            "::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "169.254.1.1",
            "fe80::1",
            "255.255.255.255",
            "::ffff:127.0.0.1",
            "203.0.113.7,::1",
        ];
        for text in out_of_reach {
            let why = written(text).unwrap_err();
            assert!(why.contains("at which clients reach"), "{text}: {why}");
        }
        let two = written("203.0.113.7,203.0.113.8").unwrap_err();
        assert!(two.contains("203.0.113.7 and 203.0.113.8"), "{two}");
    }

    #[test]
    fn of_something_endless_the_beginning_is_shown() {
        let why = written(&"x".repeat(100_000)).unwrap_err();
        assert!(why.len() < 100, "{} characters", why.len());
    }

    fn node(annotation: Option<&str>, addresses: &[(&str, &str)]) -> Node {
        let addresses: Vec<_> = addresses
            .iter()
            .map(|(type_, address)| json!({"type": type_, "address": address}))
            .collect();
        let mut node = json!({
            "metadata": {"name": "a", "annotations": {}},
            "status": {"addresses": addresses},
        });
        if let Some(text) = annotation {
            node["metadata"]["annotations"][PUBLIC_ADDRESS] = text.into();
        }
        serde_json::from_value(node).unwrap()
    }

    #[test]
    fn a_node_has_what_is_written_on_it_or_what_is_to_be_typed() {
        let read = |text| RouterAddresses::annotated(&node(text, &[("ExternalIP", "192.0.2.1")]));
        assert_eq!(
            read(Some("203.0.113.7")).unwrap().to_string(),
            "203.0.113.7"
        );
        let missing = read(None).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the annotation plenum.dev/public-address is missing"
        );
        let typed = "kubectl annotate node a plenum.dev/public-address=ADDRESS";
        assert_eq!(missing.remedy("a"), typed);
        let bad = read(Some("r1.example.com")).unwrap_err();
        assert!(
            bad.to_string()
                .contains("\"r1.example.com\" is no IP address"),
            "{bad}"
        );
        assert_eq!(bad.remedy("a"), format!("{typed} --overwrite"));
    }

    #[test]
    fn a_node_has_its_first_external_address_of_each_family() {
        let addresses = [
            ("InternalIP", "10.0.0.1"),
            ("Hostname", "a"),
            ("ExternalDNS", "a.example.com"),
            ("ExternalIP", "2001:db8::7"),
            ("ExternalIP", "203.0.113.7"),
            ("ExternalIP", "203.0.113.8"),
        ];
        let read = RouterAddresses::external(&node(Some("192.0.2.1"), &addresses));
        assert_eq!(read.unwrap().to_string(), "2001:db8::7,203.0.113.7");
        let none = RouterAddresses::external(&node(None, &addresses[..3])).unwrap_err();
        assert_eq!(none, NoAddress::NotExternal);
        // A look at the node would mend nothing.
        assert_eq!(
            none.remedy("a"),
            "kubectl annotate node a plenum.dev/public-address=ADDRESS   \
             # on each node, with publicAddress.source: Annotation"
        );
    }
}
