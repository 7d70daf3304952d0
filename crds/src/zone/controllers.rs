//! The zone controllers of a zone.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Toleration;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{PodMetadata, Resources, names};

/// The zone controllers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Controllers {
    /// How many there are. Each hears the reports of every router, so two are enough to lose
    /// one; more spread the joins of very large zones.
    #[serde(default = "replicas")]
    #[schemars(range(min = 1, max = 5))]
    pub replicas: u32,

    /// CPU and memory of one zone controller. Left out: 100m and 64Mi requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// The image of the data plane. Left out: the one that the operator was installed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = names::image())]
    pub image: Option<String>,

    /// Labels of the nodes that zone controllers may run on. Left out: any node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<BTreeMap<String, String>>,

    /// Taints that zone controllers tolerate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,

    /// The `PriorityClass` of the zone controllers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,

    /// Labels and annotations of the pods of zone controllers. A change replaces them one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_metadata: Option<PodMetadata>,
}

/// Two: one may be lost or replaced.
fn replicas() -> u32 {
    2
}

impl Default for Controllers {
    fn default() -> Self {
        Self {
            replicas: replicas(),
            resources: None,
            image: None,
            node_selector: None,
            tolerations: None,
            priority_class_name: None,
            pod_metadata: None,
        }
    }
}
