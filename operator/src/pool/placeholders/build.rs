//! Their Deployment.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, NodeAffinity, NodeSelector, NodeSelectorRequirement,
    NodeSelectorTerm, PodAffinityTerm, PodAntiAffinity, PodSecurityContext, PodSpec,
    PodTemplateSpec, SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, OwnerReference,
};
use kube::api::ObjectMeta;
use plenum_crds::{PodMetadata, labels};

use crate::context::Image;
use crate::pool::build;
use crate::pool::validate::ValidPool;

/// The name of the pool's placeholders.
#[must_use]
pub fn name(pool: &str) -> String {
    format!("{pool}-placeholder")
}

/// So many pods that wait for room.
#[must_use]
pub fn deployment(
    pool: &ValidPool,
    owner: OwnerReference,
    image: &Image,
    count: u32,
) -> Deployment {
    Deployment {
        metadata: ObjectMeta {
            name: Some(name(&pool.name)),
            namespace: Some(pool.namespace.clone()),
            labels: Some(pod_labels(pool)),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(DeploymentSpec {
            replicas: i32::try_from(count).ok(),
            revision_history_limit: Some(1),
            selector: selector(pool),
            template: PodTemplateSpec {
                metadata: Some(pod_metadata(pool)),
                spec: Some(pod(pool, image)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// What people want on routers, but for what keeps a node autoscaler from the node of a pod: these
/// pods shall never keep one that is needed no more.
fn pod_metadata(pool: &ValidPool) -> ObjectMeta {
    let mut theirs = pool.spec.pod_metadata.clone().unwrap_or_default();
    for keeps in [labels::CLUSTER_AUTOSCALER_EVICT, labels::KARPENTER_KEEP] {
        theirs.annotations.remove(keeps);
    }
    PodMetadata::beside(Some(&theirs), pod_labels(pool))
}

fn pod(pool: &ValidPool, image: &Image) -> PodSpec {
    let name = pool.spec.image.as_deref().unwrap_or(&image.name);
    PodSpec {
        affinity: Some(affinity(pool)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        image_pull_secrets: image.pull_secrets(),
        priority_class_name: Some(pool.spec.placeholder_priority_class_name.clone()),
        tolerations: pool.spec.tolerations.clone(),
        // Nothing is lost with it, and a router waits for the room.
        termination_grace_period_seconds: Some(0),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(65_532),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![Container {
            name: "placeholder".to_owned(),
            image: Some(name.to_owned()),
            command: Some(vec![
                "/usr/local/bin/plenum".to_owned(),
                "placeholder".to_owned(),
            ]),
            resources: Some(build::resources(pool)),
            security_context: Some(SecurityContext {
                allow_privilege_escalation: Some(false),
                read_only_root_filesystem: Some(true),
                capabilities: Some(Capabilities {
                    drop: Some(vec!["ALL".to_owned()]),
                    add: None,
                }),
                ..SecurityContext::default()
            }),
            ..Container::default()
        }],
        ..PodSpec::default()
    }
}

/// On nodes of the pool that carry no router, and one on each. One that runs where a router comes
/// has to give way even if there is room for both, or it would hold room that nobody wants and
/// ask for no node any more: the scheduler heeds what pods that run are kept apart from, and
/// evicts them for a pod of higher priority.
fn affinity(pool: &ValidPool) -> Affinity {
    let ours = pool
        .spec
        .node_selector
        .iter()
        .map(|(key, value)| requirement(key, "In", Some(vec![value.clone()])));
    let without_router = requirement(labels::ACTIVE_POOL, "DoesNotExist", None);
    let term = NodeSelectorTerm {
        match_expressions: Some(ours.chain([without_router]).collect()),
        match_fields: None,
    };
    Affinity {
        node_affinity: Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(NodeSelector {
                node_selector_terms: vec![term],
            }),
            ..NodeAffinity::default()
        }),
        pod_anti_affinity: Some(PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(vec![apart(pool)]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

/// From each other and from routers, in one term: the scheduler looks at a router again when the
/// pod is gone that gave way to it only if all terms of that pod were about routers.
fn apart(pool: &ValidPool) -> PodAffinityTerm {
    let both = [labels::COMPONENT_ROUTER, labels::COMPONENT_PLACEHOLDER];
    PodAffinityTerm {
        label_selector: Some(LabelSelector {
            match_labels: Some(owned([(labels::POOL, pool.name.as_str())])),
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: labels::APP_COMPONENT.to_owned(),
                operator: "In".to_owned(),
                values: Some(both.map(str::to_owned).into()),
            }]),
        }),
        topology_key: "kubernetes.io/hostname".to_owned(),
        ..PodAffinityTerm::default()
    }
}

fn requirement(key: &str, operator: &str, values: Option<Vec<String>>) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values,
    }
}

fn selector(pool: &ValidPool) -> LabelSelector {
    let labels = [
        (labels::APP_COMPONENT, labels::COMPONENT_PLACEHOLDER),
        (labels::POOL, pool.name.as_str()),
    ];
    LabelSelector {
        match_labels: Some(owned(labels)),
        ..LabelSelector::default()
    }
}

/// Not the zone's: its pods are watched, and these tell it nothing.
pub(super) fn pod_labels(pool: &ValidPool) -> BTreeMap<String, String> {
    owned([
        (labels::APP_NAME, labels::APPLICATION),
        (labels::APP_PART_OF, labels::APPLICATION),
        (labels::APP_INSTANCE, pool.name.as_str()),
        (labels::APP_MANAGED_BY, labels::FIELD_MANAGER),
        (labels::APP_COMPONENT, labels::COMPONENT_PLACEHOLDER),
        (labels::POOL, pool.name.as_str()),
    ])
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}
