//! Pods that keep room on nodes for routers that are wanted soon.
//!
//! A `DaemonSet` pod makes no node autoscaler add a node. These pods do: they ask for as much as
//! a router, fit on nodes of the pool without a router only, and one on each. Where such a node
//! is missing they wait, and the autoscaler brings it; where it is there they hold it. They have
//! the lowest priority: when the node becomes a router's, the router takes the room.
//!
//! A pool for which nobody brings nodes has none, and nothing is asked of the API for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, NodeAffinity, NodeSelector, NodeSelectorRequirement,
    NodeSelectorTerm, PodAffinityTerm, PodAntiAffinity, PodSecurityContext, PodSpec,
    PodTemplateSpec, SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use kube::Resource as _;
use kube::api::{Api, ObjectMeta};
use plenum_crds::{MMRPool, NodeAutoscaler, labels};

use super::build::resources;
use super::validate::ValidPool;
use crate::apply::{WriteError, fingerprint};
use crate::context::{Context, Image};

/// Even with nothing to do the Deployment is looked at this often: somebody may have changed it.
const RESYNC: Duration = Duration::from_mins(5);

/// What is known of a pool's placeholders.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Of what was applied last.
    digest: String,
    at: Instant,
}

/// Why they could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The write failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The Deployment could not be read.
    #[error("cannot read the placeholders: {0}")]
    Read(#[from] kube::Error),
}

/// How many the status says there are: `None` for a pool that has none, and never had.
pub(super) fn told(object: &MMRPool, count: u32, known: Option<&Known>) -> Option<u32> {
    if object.spec.node_autoscaler != NodeAutoscaler::None {
        return Some(count);
    }
    // Until those of before are gone.
    let before = object.status.as_ref()?.placeholders;
    before.filter(|_| known.is_none()).map(|_| 0)
}

/// Makes them so many. `known` is what the last call returned.
pub(super) async fn keep(
    context: &Context,
    object: &MMRPool,
    pool: &ValidPool,
    count: u32,
    known: Option<Known>,
) -> Result<Option<Known>, Error> {
    let had = object
        .status
        .as_ref()
        .and_then(|status| status.placeholders);
    if object.spec.node_autoscaler == NodeAutoscaler::None && had.is_none() {
        return Ok(known);
    }
    let Some(owner) = object.controller_owner_ref(&()) else {
        return Ok(known);
    };
    let desired = deployment(pool, owner, &context.image, count);
    let digest = fingerprint(&serde_json::to_vec(&desired).map_err(WriteError::from)?);
    if let Some(known) = &known
        && known.digest == digest
        && known.at.elapsed() < RESYNC
    {
        return Ok(Some(known.clone()));
    }
    let api: Api<Deployment> = Api::namespaced(context.client.clone(), &pool.namespace);
    let current = api.get_opt(&name(&pool.name)).await?;
    context.writer.apply(&desired, current.as_ref()).await?;
    let at = Instant::now();
    Ok(Some(Known { digest, at }))
}

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
                metadata: Some(ObjectMeta {
                    labels: Some(pod_labels(pool)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(pool, image)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
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
            resources: Some(resources(pool)),
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

/// On nodes of the pool that carry no router, and one on each.
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
            required_during_scheduling_ignored_during_execution: Some(vec![PodAffinityTerm {
                label_selector: Some(selector(pool)),
                topology_key: "kubernetes.io/hostname".to_owned(),
                ..PodAffinityTerm::default()
            }]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
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
fn pod_labels(pool: &ValidPool) -> BTreeMap<String, String> {
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
