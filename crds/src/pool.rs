//! `MMRPool`: routers on a group of nodes, as many as the load needs.

mod address;
mod ahead;
mod defaults;
mod rules;

pub use address::{AddressSource, BadAddress, NoAddress, PublicAddress, RouterAddresses};
pub use ahead::{NodeAutoscaler, SpareFrom, Window};

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Toleration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::counts::{Participants, Routers};
use crate::{PodMetadata, Resources, names};

/// What the pool should be. zone and nodeSelector are required, the rest has defaults.
///
/// Routers wanted = (people in meetings + spareParticipants) / participantsPerRouter, rounded up,
/// between minRouters and maxRouters.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "plenum.dev",
    version = "v1alpha1",
    kind = "MMRPool",
    namespaced,
    status = "MMRPoolStatus",
    derive = "PartialEq",
    shortname = "mmrp",
    category = "plenum",
    doc = "An MMRPool runs multimedia routers for a MeetingZone on the nodes that it selects, one router a node, and as many as the load needs. It empties a router before it takes it away.",
    cel,
    validation = names::object_name(),
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Zone", type_ = "string", json_path = ".spec.zone", description = "The zone that the routers serve"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status", description = "Whether the routers wanted at least take meetings"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".status.routers.desired", description = "Routers that the load asks for"),
    printcolumn(name = "Active", type_ = "integer", json_path = ".status.routers.active", description = "Routers on labelled nodes"),
    printcolumn(name = "Accepting", type_ = "integer", json_path = ".status.routers.accepting", description = "Routers that take new meetings"),
    printcolumn(name = "Draining", type_ = "integer", json_path = ".status.routers.draining", description = "Routers that are being emptied"),
    printcolumn(name = "In use", type_ = "integer", json_path = ".status.participants.inUse", description = "People in meetings"),
    printcolumn(name = "Capacity", type_ = "integer", json_path = ".status.participants.capacity", description = "People that the accepting routers can hold"),
    printcolumn(name = "Scaling", type_ = "string", json_path = ".status.conditions[?(@.type==\"ScalingActive\")].reason", description = "What decides the size", priority = 1),
    printcolumn(name = "Rollout", type_ = "string", json_path = ".status.conditions[?(@.type==\"RolloutComplete\")].reason", description = "Whether every router is as the spec has it", priority = 1),
    printcolumn(name = "Nodes", type_ = "string", json_path = ".status.conditions[?(@.type==\"NodesAvailable\")].reason", description = "Whether there are enough nodes", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::minimum_below_maximum(),
    validation = rules::replicas_in_range(),
    validation = rules::ports_differ()
)]
pub struct MMRPoolSpec {
    /// The MeetingZone in the same namespace that these routers serve. It cannot change: the
    /// people on the routers are in its meetings.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::zone_is_immutable())]
    pub zone: String,

    /// Labels of the nodes that are for routers, for example plenum.dev/routers: "true". Each
    /// such node can carry one router. Two pools that select the same node are told so in their
    /// conditions, and the older pool keeps the node.
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 63}))]
    #[x_kube(
        validation = rules::selector_is_not_empty(),
        validation = rules::selector_leaves_the_active_label(),
        validation = names::label_values("nodeSelector")
    )]
    pub node_selector: BTreeMap<String, String>,

    /// Holds the pool at this size, whatever the load. kubectl scale and a
    /// `HorizontalPodAutoscaler` write it. Remove it to follow the load again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub replicas: Option<u32>,

    /// Fewest routers, also with nobody in a meeting.
    #[serde(default = "defaults::min_routers")]
    #[schemars(range(min = 1, max = 5000))]
    pub min_routers: u32,

    /// Most routers, however many people want to join.
    #[serde(default = "defaults::max_routers")]
    #[schemars(range(min = 1, max = 5000))]
    pub max_routers: u32,

    /// People that one router takes. A router refuses more; the zone offers another.
    #[serde(default = "defaults::participants_per_router")]
    #[schemars(range(min = 1, max = 5000))]
    pub participants_per_router: u32,

    /// Room kept free for those who arrive while the next router starts: the most people that
    /// join within that time, which is seconds where the nodes are there and minutes where a
    /// node autoscaler has to bring them.
    #[serde(default = "defaults::spare_participants")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub spare_participants: u32,

    /// How much room is kept free. Spec: spareParticipants. Arrivals: at least that, and more as
    /// people arrive, and for those whom the directory expects in meetings that are about to begin.
    #[serde(default)]
    pub spare_from: SpareFrom,

    /// Times that come again and again, at which the pool is to be larger than the load asks for,
    /// for example the hours when lectures begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub schedule: Vec<Window>,

    /// Who brings nodes when there are too few. With one of them the operator keeps pods of
    /// lowest priority that ask for as much as a router does, as many as routers are wanted soon,
    /// so that their nodes are there beforehand.
    #[serde(default)]
    pub node_autoscaler: NodeAutoscaler,

    /// The `PriorityClass` of these pods, below that of everything else; the chart makes it with
    /// priorityClasses.enabled. Cluster Autoscaler brings no nodes for pods below -10.
    #[serde(default = "defaults::placeholder_priority_class_name")]
    #[schemars(length(min = 1, max = 253))]
    pub placeholder_priority_class_name: String,

    /// The load has to be lower for this many seconds before a router is drained.
    #[serde(default = "defaults::scale_down_delay_seconds")]
    #[schemars(range(min = 0, max = 86400))]
    pub scale_down_delay_seconds: u32,

    /// People who were moved stay where they are for so many seconds, where it is only for the
    /// load: a router that others were moved to is not drained for being one too many, nor is one
    /// with a meeting that was too large for any other. 0 does not wait.
    #[serde(default = "defaults::move_pause_seconds")]
    #[schemars(range(min = 0, max = 86400))]
    pub move_pause_seconds: u32,

    /// Most routers that drain at once, for whatever reason.
    #[serde(default = "defaults::max_draining")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_draining: u32,

    /// Seconds after which a draining router is taken away even with people on it, who then
    /// reconnect elsewhere. Draining moves people and takes seconds; this is for those who
    /// cannot be moved, for example because no other router has room. 0 does not wait.
    #[serde(default = "defaults::drain_deadline_seconds")]
    #[schemars(range(min = 0, max = 86400))]
    pub drain_deadline_seconds: u32,

    /// Seconds within which a new router takes people when routers are replaced, the pull of its
    /// image included. One that does not halts the replacement of the others, and the condition
    /// `RolloutComplete` says why.
    #[serde(default = "defaults::rollout_deadline_seconds")]
    #[schemars(range(min = 10, max = 86400))]
    pub rollout_deadline_seconds: u32,

    /// CPU and memory of one router. Left out: 1 CPU and 256Mi requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// The image of the router. Left out: the one that the operator was installed with. A change
    /// drains and replaces the routers one after another, at most maxDraining at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = names::image())]
    pub image: Option<String>,

    /// TCP port of the node for the control channel, and for media where only TLS gets through.
    #[serde(default = "defaults::https_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub https_port: u16,

    /// UDP and TCP port of the node for media.
    #[serde(default = "defaults::media_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub media_port: u16,

    /// TCP port of the node for probes and metrics. Clients do not need it.
    #[serde(default = "defaults::health_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub health_port: u16,

    /// At which address clients reach a router.
    #[serde(default)]
    pub public_address: PublicAddress,

    /// Taints that routers tolerate, for example that of nodes kept for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,

    /// The `PriorityClass` of the routers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,

    /// Labels and annotations of the pods of routers and placeholders. A change drains and replaces
    /// the routers, as any of their template does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_metadata: Option<PodMetadata>,
}

/// Status of an [`MMRPool`], written by the operator only.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MMRPoolStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// What is well and what is not: Ready, `ZoneFound`, `NodesAvailable`, `ScalingActive`,
    /// `RolloutComplete`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Routers by what they do now.
    #[serde(default)]
    pub routers: Routers,

    /// People on these routers, and room for them.
    #[serde(default)]
    pub participants: Participants,

    /// Pods that keep room on nodes for routers wanted soon; left out where nobody brings nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholders: Option<u32>,

    /// Active routers, for the scale subresource.
    #[serde(default)]
    pub replicas: u32,

    /// Label selector of the routers' pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

impl MMRPoolSpec {
    /// A pool for this zone on the nodes with these labels; all else is as the schema has it.
    #[must_use]
    pub fn new<'a>(
        zone: impl Into<String>,
        node_selector: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        Self {
            zone: zone.into(),
            node_selector: node_selector
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            replicas: None,
            min_routers: defaults::min_routers(),
            max_routers: defaults::max_routers(),
            participants_per_router: defaults::participants_per_router(),
            spare_participants: defaults::spare_participants(),
            spare_from: SpareFrom::default(),
            schedule: Vec::new(),
            node_autoscaler: NodeAutoscaler::default(),
            placeholder_priority_class_name: defaults::placeholder_priority_class_name(),
            scale_down_delay_seconds: defaults::scale_down_delay_seconds(),
            move_pause_seconds: defaults::move_pause_seconds(),
            max_draining: defaults::max_draining(),
            drain_deadline_seconds: defaults::drain_deadline_seconds(),
            rollout_deadline_seconds: defaults::rollout_deadline_seconds(),
            resources: None,
            image: None,
            https_port: defaults::https_port(),
            media_port: defaults::media_port(),
            health_port: defaults::health_port(),
            public_address: PublicAddress::default(),
            tolerations: None,
            priority_class_name: None,
            pod_metadata: None,
        }
    }
}
