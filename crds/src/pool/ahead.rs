//! What a pool is to know beforehand: hours when many come, how many come, who brings nodes.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{defaults, rules};

/// A time that comes again and again, at which the pool is to be larger than the load asks for.
/// The pool grows before it begins, by the time that its routers take to start.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// When it begins, as five fields of cron: minute, hour, day of month, month, day of week.
    /// For example "50 7 * * MON-FRI", ten minutes before eight on every working day.
    #[schemars(length(min = 9, max = 128))]
    #[x_kube(validation = rules::five_fields())]
    pub cron: String,

    /// The time zone of cron, by its name in the IANA database, for example Europe/Berlin.
    #[serde(default = "defaults::time_zone")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = rules::time_zone())]
    pub time_zone: String,

    /// How long it lasts, in minutes.
    #[schemars(range(min = 1, max = 1440))]
    pub minutes: u32,

    /// Room kept free meanwhile, where that is more than what is kept free anyway.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub spare_participants: u32,

    /// Fewest routers meanwhile, where that is more than minRouters; never more than maxRouters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub min_routers: Option<u32>,
}

/// How much room is kept free.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpareFrom {
    /// spareParticipants, at all times.
    #[default]
    Spec,
    /// At least spareParticipants; more while people arrive faster than it covers in the time
    /// that a router takes to start, which is measured; a tenth of the people there are, for
    /// meetings that grow; and room for those whom the directory expects in meetings that are
    /// about to begin.
    Arrivals,
}

/// Who brings nodes when there are too few.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeAutoscaler {
    /// Nobody, or somebody who needs no pods that wait.
    #[default]
    None,
    /// Cluster Autoscaler: it adds nodes for pods that fit nowhere.
    ClusterAutoscaler,
    /// Karpenter: as Cluster Autoscaler.
    Karpenter,
}
