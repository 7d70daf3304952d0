//! How clients reach the zone controllers.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Service in front of the zone controllers, and the names that clients use for it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.nodePort) || self.type != 'ClusterIP'")
    .message("nodePort needs a Service that has one: write type: NodePort or type: LoadBalancer, or remove nodePort"))]
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

fn port() -> u16 {
    443
}

impl Default for Exposure {
    fn default() -> Self {
        Self {
            type_: ExposureType::default(),
            port: port(),
            node_port: None,
            hostnames: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }
}
