//! The pods of controllers and tunnels: what both may do, and how they are spread.
//!
//! Nothing in the pod template but the image depends on the operator's version, and nothing on
//! the contents of a Secret: where the image is pinned, upgrading the operator restarts no pod,
//! and renewing a certificate never does.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction,
    ObjectFieldSelector, PodAffinityTerm, PodAntiAffinity, PodSecurityContext, PodSpec,
    PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile, SecurityContext, Toleration,
    TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use plenum_crds::{PodMetadata, Resources, labels};

use super::mount::Mount;
use super::{Part, owned, selector, selector_labels};
use crate::zone::validate::ValidZone;

/// Port for probes and metrics.
pub const HEALTH_PORT: u16 = 8080;
/// The variable with the name of the pod.
pub const POD_NAME: &str = "POD_NAME";
/// The user `nonroot` of distroless images.
const USER: i64 = 65532;

/// The pods of one part of a zone.
pub struct Pods {
    /// Which part.
    pub part: Part,
    /// The subcommand of `plenum`, and the name of the container.
    pub role: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its ports besides [`HEALTH_PORT`].
    pub ports: Vec<(&'static str, u16)>,
    /// What it is told in its environment, besides what all of the data plane is.
    pub environment: Vec<EnvVar>,
    /// The Secrets it reads.
    pub mounts: Vec<Mount>,
    /// From SIGTERM to SIGKILL.
    pub grace_seconds: i64,
    /// As in the spec.
    pub resources: Option<Resources>,
    /// As in the spec.
    pub node_selector: Option<BTreeMap<String, String>>,
    /// As in the spec.
    pub tolerations: Option<Vec<Toleration>>,
    /// As in the spec.
    pub priority_class_name: Option<String>,
    /// As in the spec.
    pub metadata: Option<PodMetadata>,
}

impl Pods {
    /// The template that a workload makes them from.
    pub fn template(&self, zone: &ValidZone) -> PodTemplateSpec {
        let mut labels = selector_labels(zone, self.part);
        labels.extend(owned([
            (labels::APP_PART_OF, labels::APPLICATION),
            (labels::ZONE, &zone.names.name),
        ]));
        PodTemplateSpec {
            metadata: Some(PodMetadata::beside(self.metadata.as_ref(), labels)),
            spec: Some(self.pod(zone)),
        }
    }

    fn pod(&self, zone: &ValidZone) -> PodSpec {
        PodSpec {
            containers: vec![self.container(zone)],
            image_pull_secrets: zone.image.pull_secrets(),
            volumes: Some(self.mounts.iter().map(Mount::volume).collect()),
            affinity: Some(apart(zone, self.part)),
            topology_spread_constraints: Some(vec![spread(zone, self.part)]),
            node_selector: self.node_selector.clone(),
            tolerations: self.tolerations.clone(),
            priority_class_name: self.priority_class_name.clone(),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            termination_grace_period_seconds: Some(self.grace_seconds),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                run_as_group: Some(USER),
                fs_group: Some(USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    ..SeccompProfile::default()
                }),
                ..PodSecurityContext::default()
            }),
            ..PodSpec::default()
        }
    }

    fn container(&self, zone: &ValidZone) -> Container {
        let mut ports: Vec<ContainerPort> = self
            .ports
            .iter()
            .map(|(name, number)| port(name, *number))
            .collect();
        ports.push(port("health", HEALTH_PORT));
        let own = [pod_name()].into_iter().chain(self.environment.clone());
        Container {
            name: self.role.to_owned(),
            image: Some(zone.image.name.clone()),
            command: Some(vec![
                "/usr/local/bin/plenum".to_owned(),
                self.role.to_owned(),
            ]),
            args: Some(self.arguments.clone()),
            env: Some(zone.image.environment(own)),
            ports: Some(ports),
            // Alive is its own event loop only. Six misses: a node under pressure is slow, and a
            // restart would make it slower.
            liveness_probe: Some(probe("/livez", 5, 6)),
            readiness_probe: Some(probe("/readyz", 2, 2)),
            resources: Some(self.resources()),
            security_context: Some(SecurityContext {
                allow_privilege_escalation: Some(false),
                read_only_root_filesystem: Some(true),
                capabilities: Some(Capabilities {
                    drop: Some(vec!["ALL".to_owned()]),
                    ..Capabilities::default()
                }),
                ..SecurityContext::default()
            }),
            volume_mounts: Some(self.mounts.iter().map(Mount::volume_mount).collect()),
            ..Container::default()
        }
    }

    fn resources(&self) -> ResourceRequirements {
        match &self.resources {
            Some(resources) => resources.into(),
            None => ResourceRequirements {
                requests: Some(BTreeMap::from([
                    ("cpu".to_owned(), Quantity("100m".to_owned())),
                    ("memory".to_owned(), Quantity("64Mi".to_owned())),
                ])),
                ..ResourceRequirements::default()
            },
        }
    }
}

fn pod_name() -> EnvVar {
    EnvVar {
        name: POD_NAME.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: "metadata.name".to_owned(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number.into(),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(HEALTH_PORT.into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(2),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

/// Preferably not two on one node: one machine serves a demo as well.
fn apart(zone: &ValidZone, part: Part) -> Affinity {
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![
                WeightedPodAffinityTerm {
                    weight: 100,
                    pod_affinity_term: PodAffinityTerm {
                        topology_key: "kubernetes.io/hostname".to_owned(),
                        label_selector: Some(selector(zone, part)),
                        ..PodAffinityTerm::default()
                    },
                },
            ]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn spread(zone: &ValidZone, part: Part) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "topology.kubernetes.io/zone".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(selector(zone, part)),
        ..TopologySpreadConstraint::default()
    }
}
