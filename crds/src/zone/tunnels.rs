//! The tunnels of a zone, for clients that cannot reach it directly.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Toleration;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::Exposure;
use crate::{PodMetadata, Resources};

/// Tunnels: HTTP CONNECT proxies on TLS 443 that reach the zone's own addresses and nothing
/// else. Clients take one where nothing else gets through, so they belong where such clients
/// can reach them.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Tunnels {
    /// How many there are. They are of use only with an exposure that people outside reach, so
    /// there are none unless asked for.
    #[serde(default)]
    #[schemars(range(min = 0, max = 20))]
    pub replicas: u32,

    /// How clients reach them.
    #[serde(default)]
    pub exposure: Exposure,

    /// How many connections one tunnel carries at most, each with two file descriptors. Left out:
    /// 8000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500_000))]
    pub connections: Option<u32>,

    /// How many of these people of one network may have, which is one IPv4 address or one /64 of
    /// IPv6: an office needs five for each of its people. Left out: 2000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500_000))]
    pub connections_per_network: Option<u32>,

    /// What one tunnel passes on at most, in Mbit/s, both directions together; above it people
    /// get equal shares. A little below what its network gives. Left out: 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub rate_mbps: Option<u32>,

    /// CPU and memory of one tunnel. Left out: 100m and 64Mi requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// Labels of the nodes that tunnels may run on. Left out: any node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<BTreeMap<String, String>>,

    /// Taints that tunnels tolerate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,

    /// The `PriorityClass` of the tunnels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,

    /// Labels and annotations of the pods of tunnels. A change replaces them one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_metadata: Option<PodMetadata>,
}
