//! The routers' `DaemonSet`, from a valid pool.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction,
    ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
    SeccompProfile, SecretVolumeSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ObjectMeta;
use plenum_crds::{PodMetadata, labels};

use super::address;
use super::validate::ValidPool;
use crate::apply::fingerprint;
use crate::context::Image;

/// Annotation on the pod template: its hash. A pod with another one is outdated.
pub const TEMPLATE: &str = "plenum.dev/template";
/// The container of a pod in which the router runs; others may be put beside it.
pub(super) const CONTAINER: &str = "router";
/// Where the link certificate is mounted.
const LINK_DIRECTORY: &str = "/etc/plenum/link";
/// The zone controllers' link port.
const LINK_PORT: u16 = 9443;
/// Grace of a stopping pod is bounded: node autoscalers wait ten minutes at most.
const LONGEST_GRACE_SECONDS: u32 = 600;
/// Nobody's id, where the router needs no privilege.
const UNPRIVILEGED_USER: i64 = 65_532;

/// The name of the pool's `DaemonSet`.
#[must_use]
pub fn daemonset_name(pool: &str) -> String {
    format!("{pool}-mmr")
}

/// Labels by which the routers' pods are found; they never change.
#[must_use]
pub fn selector(pool: &ValidPool) -> BTreeMap<String, String> {
    owned([
        (labels::APP_COMPONENT, labels::COMPONENT_ROUTER),
        (labels::POOL, &pool.name),
    ])
}

/// The template's hash on a pod or `DaemonSet`'s template.
#[must_use]
pub fn template_hash(annotations: Option<&BTreeMap<String, String>>) -> Option<&str> {
    annotations?.get(TEMPLATE).map(String::as_str)
}

/// The routers' `DaemonSet`.
#[must_use]
pub fn daemonset(pool: &ValidPool, owner: OwnerReference, image: &Image) -> DaemonSet {
    let mut object_labels = pod_labels(pool);
    object_labels.insert(labels::APP_MANAGED_BY.into(), labels::FIELD_MANAGER.into());
    DaemonSet {
        metadata: ObjectMeta {
            name: Some(daemonset_name(&pool.name)),
            namespace: Some(pool.namespace.clone()),
            labels: Some(object_labels),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(DaemonSetSpec {
            selector: LabelSelector {
                match_labels: Some(selector(pool)),
                ..LabelSelector::default()
            },
            template: template(pool, image),
            // A rolling update would stop routers with people on them.
            update_strategy: Some(DaemonSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                ..DaemonSetUpdateStrategy::default()
            }),
            ..DaemonSetSpec::default()
        }),
        status: None,
    }
}

fn pod_labels(pool: &ValidPool) -> BTreeMap<String, String> {
    let mut all = owned([
        (labels::APP_NAME, labels::APPLICATION),
        (labels::APP_PART_OF, labels::APPLICATION),
        (labels::APP_INSTANCE, &pool.name),
        (labels::ZONE, &pool.spec.zone),
    ]);
    all.extend(selector(pool));
    all
}

/// The pods' template, with its hash. Nothing in it but the image follows the operator's
/// version: where that is pinned, upgrading the operator changes no router.
fn template(pool: &ValidPool, image: &Image) -> PodTemplateSpec {
    let theirs = pool.spec.pod_metadata.as_ref();
    let template = PodTemplateSpec {
        metadata: Some(PodMetadata::beside(theirs, pod_labels(pool))),
        spec: Some(pod(pool, image)),
    };
    let bytes = serde_json::to_vec(&template).expect("a template is plain data");
    let hash = fingerprint(&bytes);
    let mut metadata = template.metadata.unwrap_or_default();
    // Karpenter drains a node that expires, or goes by force, when such pods are gone from it: then
    // the operator has emptied it. Beside the hash: no router is replaced for it.
    let own = [(TEMPLATE, hash.as_str()), (labels::KARPENTER_KEEP, "true")];
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.extend(owned(own));
    PodTemplateSpec {
        metadata: Some(metadata),
        spec: template.spec,
    }
}

fn pod(pool: &ValidPool, image: &Image) -> PodSpec {
    let grace = pool
        .spec
        .drain_deadline_seconds
        .clamp(30, LONGEST_GRACE_SECONDS);
    PodSpec {
        host_network: Some(true),
        dns_policy: Some("ClusterFirstWithHostNet".to_owned()),
        // Our label alone: the DaemonSet's controller stops pods at once on nodes that do not
        // match, with people on them. Whether a node still has the pool's labels is for
        // planning, which drains first.
        node_selector: Some(owned([(labels::ACTIVE_POOL, pool.active.as_str())])),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(grace.into()),
        priority_class_name: pool.spec.priority_class_name.clone(),
        tolerations: pool.spec.tolerations.clone(),
        security_context: Some(pod_security(pool)),
        image_pull_secrets: image.pull_secrets(),
        containers: vec![container(pool, image)],
        volumes: Some(volumes(pool)),
        ..PodSpec::default()
    }
}

fn volumes(pool: &ValidPool) -> Vec<Volume> {
    let link = Volume {
        name: "link".to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(format!("{}-link-router", pool.spec.zone)),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    };
    let address = address::volume(pool.spec.public_address.source);
    [link].into_iter().chain(address).collect()
}

fn mounts(pool: &ValidPool) -> Vec<VolumeMount> {
    let link = VolumeMount {
        name: "link".to_owned(),
        mount_path: LINK_DIRECTORY.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    let address = address::mount(pool.spec.public_address.source);
    [link].into_iter().chain(address).collect()
}

/// Ports below 1024 need root with `NET_BIND_SERVICE` as its only capability: a capability
/// given to another user is lost when the program starts.
fn needs_low_ports(pool: &ValidPool) -> bool {
    let spec = &pool.spec;
    [spec.https_port, spec.media_port, spec.health_port]
        .iter()
        .any(|port| *port < 1024)
}

fn pod_security(pool: &ValidPool) -> PodSecurityContext {
    let user = if needs_low_ports(pool) {
        0
    } else {
        UNPRIVILEGED_USER
    };
    PodSecurityContext {
        run_as_user: Some(user),
        run_as_group: Some(user),
        run_as_non_root: (user != 0).then_some(true),
        fs_group: (user != 0).then_some(user),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    }
}

fn container(pool: &ValidPool, image: &Image) -> Container {
    let name = pool.spec.image.as_ref().unwrap_or(&image.name);
    let capabilities = Capabilities {
        drop: Some(vec!["ALL".to_owned()]),
        add: needs_low_ports(pool).then(|| vec!["NET_BIND_SERVICE".to_owned()]),
    };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(name.clone()),
        command: Some(command(pool)),
        env: Some(image.environment([
            from_field("POD_NAME", "metadata.name"),
            from_field("HOST_IP", "status.hostIP"),
        ])),
        ports: Some(ports(pool)),
        resources: Some(resources(pool)),
        // Only its own loop counts: no router restarts because something else is away.
        liveness_probe: Some(probe(pool, "/livez", 10, 6)),
        readiness_probe: Some(probe(pool, "/readyz", 1, 2)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(capabilities),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts(pool)),
        ..Container::default()
    }
}

fn command(pool: &ValidPool) -> Vec<String> {
    let spec = &pool.spec;
    let controllers = format!("{}-zc-link.{}.svc:{LINK_PORT}", spec.zone, pool.namespace);
    let flags: [(&str, String); 9] = [
        ("--router", "$(POD_NAME)".to_owned()),
        ("--pool", pool.wire.to_string()),
        ("--controllers", controllers),
        ("--link-tls", LINK_DIRECTORY.to_owned()),
        address::flag(spec.public_address.source),
        ("--https", format!("[::]:{}", spec.https_port)),
        ("--media", format!("[::]:{}", spec.media_port)),
        ("--health", format!("[::]:{}", spec.health_port)),
        ("--participants", spec.participants_per_router.to_string()),
    ];
    let program = ["/usr/local/bin/plenum", "mmr"].map(str::to_owned);
    let deadline = spec.drain_deadline_seconds.clamp(30, LONGEST_GRACE_SECONDS);
    let deadline = ["--drain-deadline".to_owned(), deadline.to_string()];
    program
        .into_iter()
        .chain(
            flags
                .into_iter()
                .flat_map(|(flag, value)| [flag.to_owned(), value]),
        )
        .chain(deadline)
        .collect()
}

fn ports(pool: &ValidPool) -> Vec<ContainerPort> {
    let spec = &pool.spec;
    [
        ("https", spec.https_port, "TCP"),
        ("media", spec.media_port, "UDP"),
        ("media-tcp", spec.media_port, "TCP"),
        ("health", spec.health_port, "TCP"),
    ]
    .map(|(name, port, protocol)| ContainerPort {
        name: Some(name.to_owned()),
        container_port: port.into(),
        host_port: Some(port.into()),
        protocol: Some(protocol.to_owned()),
        ..ContainerPort::default()
    })
    .into()
}

pub(super) fn resources(pool: &ValidPool) -> ResourceRequirements {
    if let Some(resources) = &pool.spec.resources {
        return resources.into();
    }
    let requests = [("cpu", "1"), ("memory", "256Mi")]
        .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())));
    ResourceRequirements {
        requests: Some(requests.into()),
        ..ResourceRequirements::default()
    }
}

fn probe(pool: &ValidPool, path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(pool.spec.health_port.into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(5.min(period.max(2))),
        ..Probe::default()
    }
}

fn from_field(name: &str, path: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.to_owned(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}
