//! At which address clients reach a router.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// At which address clients reach a router. It is the node's, as routers use its network.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PublicAddress {
    /// `NodeInternalIP`: clients are in the nodes' network. `NodeExternalIP`: the node has a public
    /// address in its status. Annotation: you write it on each node as
    /// plenum.dev/public-address, for example behind a one-to-one NAT. This version announces
    /// `NodeInternalIP` only, and says so in the condition Ready where another is asked for.
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
    /// The annotation [`PUBLIC_ADDRESS`](crate::labels::PUBLIC_ADDRESS) of the node.
    Annotation,
}
