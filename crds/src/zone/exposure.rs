//! How clients reach the zone controllers.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Service in front of the zone controllers, and the names that clients use for it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.nodePort) || self.type != 'ClusterIP'")
        .message("nodePort needs a Service that has one: write type: NodePort or type: LoadBalancer, or remove nodePort"),
    validation = Rule::new("!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'")
        .message("externalTrafficPolicy is for what comes from outside the cluster: write type: NodePort or type: LoadBalancer, or remove externalTrafficPolicy")
)]
pub struct Exposure {
    /// The type of the Service: `ClusterIP` (inside the cluster only), `NodePort` or `LoadBalancer`.
    #[serde(default, rename = "type")]
    pub type_: ExposureType,

    /// The port of the Service. Networks that block much let 443 through.
    #[serde(default = "port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,

    /// The port on every node. Left out: Kubernetes chooses one. Most clusters allow 30000 to
    /// 32767.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub node_port: Option<u16>,

    /// Left out: what Kubernetes does, Cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<TrafficPolicy>,

    /// DNS names or IP addresses that clients use, without scheme and port. They go into the
    /// certificate of the zone authority, and the first is the URL in the status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(h, isIP(h) || h.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'))")
            .message("write hostnames as DNS names in lower case or as IP addresses, without scheme, port or '*', for example meet.example.org")
    )]
    pub hostnames: Vec<String>,

    /// Annotations of the Service, for example those that configure a cloud's load balancer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Type of the Service in front of the zone controllers.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExposureType {
    /// Inside the cluster only.
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// On a port of every node.
    NodePort,
    /// By the load balancer of the cluster.
    LoadBalancer,
}

impl ExposureType {
    /// As Kubernetes writes the type of a Service.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// Where a node passes what comes from outside the cluster. Local: to its own pods, which see the
/// clients' addresses; a node without one takes nothing. Cluster: to any pod, which sees the
/// node's address instead, so that all who come by a node share the limits of one address.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficPolicy {
    /// To any pod, under the node's own address.
    Cluster,
    /// To the node's own pods, under the client's address.
    Local,
}

impl TrafficPolicy {
    /// As Kubernetes writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        }
    }
}

fn port() -> u16 {
    443
}

impl Default for Exposure {
    fn default() -> Self {
        Self {
            type_: ExposureType::default(),
            port: port(),
            node_port: None,
            external_traffic_policy: None,
            hostnames: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }
}
