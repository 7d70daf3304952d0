//! The zone controllers.
//!
//! Nothing in the pod template but the image depends on the operator's version, and nothing on
//! the contents of a Secret: where the image is pinned, upgrading the operator restarts no pod,
//! and renewing a certificate never does. Secrets are
//! mounted as directories, without subPath, so that the kubelet brings their changes.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction,
    ObjectFieldSelector, PodAffinityTerm, PodAntiAffinity, PodSecurityContext, PodSpec,
    PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile, SecretVolumeSource,
    SecurityContext, TopologySpreadConstraint, Volume, VolumeMount, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use plenum_crds::{AdmissionMode, labels};

use super::services::{HTTPS_PORT, LINK_PORT};
use super::{metadata, owned, selector, selector_labels};
use crate::pki::leaf::Role;
use crate::zone::names::{self, ZoneSecret};
use crate::zone::validate::{DIRECTORY_KEYS, ValidZone};

/// Port of the controllers for probes and metrics.
pub const HEALTH_PORT: u16 = 8080;
/// Enough for the joins in flight; media does not pass here.
const GRACE_SECONDS: i64 = 15;
/// The user `nonroot` of distroless images.
const USER: i64 = 65532;

const TLS: &str = "/etc/plenum/tls";
const LINK_TLS: &str = "/etc/plenum/link";
const SIGNING_KEY: &str = "/etc/plenum/signing-key";
const DIRECTORY: &str = "/etc/plenum/directory";

/// The controllers of the zone.
#[must_use]
pub fn controllers(zone: &ValidZone) -> StatefulSet {
    StatefulSet {
        metadata: metadata(zone, names::controllers(&zone.names.name)),
        spec: Some(StatefulSetSpec {
            replicas: Some(count(zone)),
            service_name: Some(names::link_service(&zone.names.name)),
            // They do not know each other, so nobody has to wait for anybody.
            pod_management_policy: Some("Parallel".to_owned()),
            revision_history_limit: Some(3),
            selector: selector(zone),
            template: template(zone),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

/// How many controllers there should be.
#[must_use]
pub fn count(zone: &ValidZone) -> i32 {
    i32::try_from(zone.spec.controllers.replicas).unwrap_or(i32::MAX)
}

fn template(zone: &ValidZone) -> PodTemplateSpec {
    let mut labels = selector_labels(zone);
    labels.extend(owned([
        (labels::APP_PART_OF, labels::APPLICATION),
        (labels::ZONE, &zone.names.name),
    ]));
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            ..ObjectMeta::default()
        }),
        spec: Some(pod(zone)),
    }
}

fn pod(zone: &ValidZone) -> PodSpec {
    let controllers = &zone.spec.controllers;
    PodSpec {
        containers: vec![container(zone)],
        image_pull_secrets: zone.image.pull_secrets(),
        volumes: Some(mounts(zone).iter().map(Mount::volume).collect()),
        affinity: Some(apart(zone)),
        topology_spread_constraints: Some(vec![spread(zone)]),
        node_selector: controllers.node_selector.clone(),
        tolerations: controllers.tolerations.clone(),
        priority_class_name: controllers.priority_class_name.clone(),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
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

fn container(zone: &ValidZone) -> Container {
    Container {
        name: "zc".to_owned(),
        image: Some(zone.image.name.clone()),
        command: Some(vec!["/usr/local/bin/plenum".to_owned(), "zc".to_owned()]),
        args: Some(arguments(zone)),
        env: Some(vec![pod_name()]),
        ports: Some(vec![
            port("https", HTTPS_PORT),
            port("link", LINK_PORT),
            port("health", HEALTH_PORT),
        ]),
        // Alive is its own event loop only. Six misses: a node under pressure is slow, and a
        // restart would make it slower.
        liveness_probe: Some(probe("/livez", 5, 6)),
        readiness_probe: Some(probe("/readyz", 2, 2)),
        resources: Some(resources(zone)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts(zone).iter().map(Mount::volume_mount).collect()),
        ..Container::default()
    }
}

fn arguments(zone: &ValidZone) -> Vec<String> {
    let mut arguments: Vec<String> = [
        ("--zone", zone.names.qualified()),
        ("--name", format!("$({POD_NAME})")),
        ("--listen", format!("0.0.0.0:{HTTPS_PORT}")),
        ("--link", format!("0.0.0.0:{LINK_PORT}")),
        ("--health", format!("0.0.0.0:{HEALTH_PORT}")),
        ("--tls", TLS.to_owned()),
        ("--link-tls", LINK_TLS.to_owned()),
        ("--signing-key", SIGNING_KEY.to_owned()),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect();
    let admission = &zone.spec.admission;
    arguments.push("--admission".to_owned());
    arguments.push(
        match admission.mode {
            AdmissionMode::Open => "open",
            AdmissionMode::Directory => "directory",
        }
        .to_owned(),
    );
    if let Some(meetings) = &admission.meetings {
        arguments.extend(["--meetings".to_owned(), meetings.join(",")]);
    }
    if admission.mode == AdmissionMode::Directory {
        let file = format!("{DIRECTORY}/{DIRECTORY_KEYS}");
        arguments.extend(["--directory-keys".to_owned(), file]);
    }
    arguments
}

/// A Secret and where the controllers find it.
struct Mount {
    volume: &'static str,
    secret: String,
    path: &'static str,
}

fn mounts(zone: &ValidZone) -> Vec<Mount> {
    let ours = |volume, secret: ZoneSecret, path| Mount {
        volume,
        secret: secret.name(&zone.names.name),
        path,
    };
    let mut mounts = vec![
        ours("tls", ZoneSecret::Certificate(Role::Public), TLS),
        ours("link", ZoneSecret::Certificate(Role::Controller), LINK_TLS),
        ours("signing-key", ZoneSecret::SigningKey, SIGNING_KEY),
    ];
    let admission = &zone.spec.admission;
    if let (AdmissionMode::Directory, Some(keys)) =
        (admission.mode, &admission.directory_keys_secret)
    {
        mounts.push(Mount {
            volume: "directory",
            secret: keys.name.clone(),
            path: DIRECTORY,
        });
    }
    mounts
}

impl Mount {
    fn volume(&self) -> Volume {
        Volume {
            name: self.volume.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(self.secret.clone()),
                // For the group of the pod (fsGroup) to read, and nobody else.
                default_mode: Some(0o440),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        }
    }

    fn volume_mount(&self) -> VolumeMount {
        VolumeMount {
            name: self.volume.to_owned(),
            mount_path: self.path.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        }
    }
}

const POD_NAME: &str = "POD_NAME";

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

fn resources(zone: &ValidZone) -> ResourceRequirements {
    match &zone.spec.controllers.resources {
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

/// Preferably not two on one node: one machine serves a demo as well.
fn apart(zone: &ValidZone) -> Affinity {
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![
                WeightedPodAffinityTerm {
                    weight: 100,
                    pod_affinity_term: PodAffinityTerm {
                        topology_key: "kubernetes.io/hostname".to_owned(),
                        label_selector: Some(selector(zone)),
                        ..PodAffinityTerm::default()
                    },
                },
            ]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn spread(zone: &ValidZone) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "topology.kubernetes.io/zone".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(selector(zone)),
        ..TopologySpreadConstraint::default()
    }
}
