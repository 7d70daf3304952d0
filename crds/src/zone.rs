//! `MeetingZone`: one site where meetings are held.

mod admission;
mod certificates;
mod controllers;
mod directory;
mod exposure;
mod tunnels;

pub use admission::{Admission, AdmissionMode};
pub use certificates::{CertificateSource, Certificates, SecretReference};
pub use controllers::Controllers;
pub use directory::{Directory, Proxy};
pub use exposure::{Exposure, ExposureType, TrafficPolicy};
pub use tunnels::Tunnels;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::counts::{Participants, Replicas, Routers};
use crate::names;

/// What the zone should be. Every field has a default: `spec: {}` is an open zone with two zone
/// controllers that is reached from inside the cluster.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "plenum.dev",
    version = "v1alpha1",
    kind = "MeetingZone",
    namespaced,
    status = "MeetingZoneStatus",
    derive = "PartialEq",
    shortname = "mz",
    category = "plenum",
    doc = "A MeetingZone is one site where meetings are held. The operator keeps its zone controllers, which tell people which router to use, its certificates and its signing key. Routers come from MMRPools in the same namespace that name the zone.",
    cel,
    validation = names::object_name(),
    validation = Rule::new("self.spec.admission.mode != 'Directory' || has(self.spec.admission.directoryKeysSecret) || has(self.spec.directory)")
        .message("mode: Directory needs a directory: write spec.directory with its url and the zone's credentialSecret, or admission.directoryKeysSecret: {name: ...} with the Secret that holds its JWKS, or write mode: Open"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status", description = "Whether people can ask this zone for a router"),
    printcolumn(name = "Controllers", type_ = "integer", json_path = ".status.controllers.ready", description = "Zone controllers that answer"),
    printcolumn(name = "Routers", type_ = "integer", json_path = ".status.routers.accepting", description = "Routers that take new meetings"),
    printcolumn(name = "Draining", type_ = "integer", json_path = ".status.routers.draining", description = "Routers that are being emptied", priority = 1),
    printcolumn(name = "In use", type_ = "integer", json_path = ".status.participants.inUse", description = "People in meetings"),
    printcolumn(name = "Capacity", type_ = "integer", json_path = ".status.participants.capacity", description = "People that the accepting routers can hold"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url", description = "Where clients reach the zone"),
    printcolumn(name = "Tunnels", type_ = "integer", json_path = ".status.tunnels.ready", description = "Tunnels that answer", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct MeetingZoneSpec {
    /// The zone controllers: small, all active, without a store. They tell people which router
    /// to use; media never passes through them.
    #[serde(default)]
    pub controllers: Controllers,

    /// How clients reach the zone controllers.
    #[serde(default)]
    pub exposure: Exposure,

    /// Who may join which meetings.
    #[serde(default)]
    pub admission: Admission,

    /// The directory that the zone belongs to. Left out: the zone tells nobody how it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,

    /// Tunnels for clients that cannot reach the zone directly.
    #[serde(default)]
    pub tunnels: Tunnels,

    /// Where the certificate comes from that clients see.
    #[serde(default)]
    pub certificates: Certificates,

    /// When the zone is deleted: how many seconds its meetings may go on before they are ended.
    /// 0 ends them at once.
    #[serde(default = "drain_deadline_seconds")]
    #[schemars(range(min = 0, max = 86400))]
    pub drain_deadline_seconds: u32,
}

/// Status of a [`MeetingZone`], written by the operator only.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MeetingZoneStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// What is well and what is not: Ready, `CertificatesReady`, `ControllersReady`,
    /// `RoutersAccepting`, `TunnelsReady`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Zone controllers.
    #[serde(default)]
    pub controllers: Replicas,

    /// Tunnels.
    #[serde(default)]
    pub tunnels: Replicas,

    /// Routers of all pools of the zone.
    #[serde(default)]
    pub routers: Routers,

    /// People in the zone, and room for them.
    #[serde(default)]
    pub participants: Participants,

    /// The first URL at which clients reach the zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,

    /// The first URL at which clients reach its tunnels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel_url: Option<String>,
}

/// An hour: most meetings end by themselves in it.
fn drain_deadline_seconds() -> u32 {
    3600
}

impl Default for MeetingZoneSpec {
    fn default() -> Self {
        Self {
            controllers: Controllers::default(),
            exposure: Exposure::default(),
            admission: Admission::default(),
            directory: None,
            tunnels: Tunnels::default(),
            certificates: Certificates::default(),
            drain_deadline_seconds: drain_deadline_seconds(),
        }
    }
}
