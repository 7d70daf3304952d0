//! Pods that keep room on nodes for routers that are wanted soon.
//!
//! A `DaemonSet` pod makes no node autoscaler add a node. These pods do: they ask for as much as
//! a router, fit on nodes of the pool without a router only, and one on each. Where such a node
//! is missing they wait, and the autoscaler brings it; where it is there they hold it. They have
//! the lowest priority: when the node becomes a router's, they go, whatever room there is.
//!
//! A pool for which nobody brings nodes has none.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, NodeAffinity, NodeSelector, NodeSelectorRequirement,
    NodeSelectorTerm, PodAffinityTerm, PodAntiAffinity, PodSecurityContext, PodSpec,
    PodTemplateSpec, SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, OwnerReference,
};
use kube::api::{Api, ObjectMeta};
use kube::{Resource as _, ResourceExt as _};
use plenum_crds::conditions::{PoolCondition, PoolReason};
use plenum_crds::{MMRPool, NodeAutoscaler, labels};

use super::build;
use super::validate::ValidPool;
use crate::apply::WriteError;
use crate::conditions::Verdict;
use crate::context::{Context, Image};

/// How long a Deployment of somebody else in their place is believed to be there: it is in no
/// cache, and nobody tells of its end.
const FOREIGN_FOR: Duration = Duration::from_mins(5);

/// The condition of a Deployment whose pods are refused, for example for want of their
/// `PriorityClass`.
pub(super) const FAILURE: &str = "ReplicaFailure";

/// How it stands with a pool's placeholders.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// Pods that there are, waiting or not; `None` for a pool that has none.
    pub there: Option<u32>,
    /// Why there are none where there should be.
    pub trouble: Option<String>,
    /// When somebody else's Deployment was found in their place.
    foreign: Option<Instant>,
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

/// Makes them so many. `current` is the Deployment as cached, `before` what the last call
/// returned.
pub(super) async fn keep(
    context: &Context,
    object: &MMRPool,
    pool: &ValidPool,
    (count, current): (u32, Option<&Deployment>),
    before: &Kept,
) -> Result<Kept, Error> {
    let declared = object.spec.node_autoscaler != NodeAutoscaler::None;
    let Some(owner) = object.controller_owner_ref(&()) else {
        return Ok(Kept::default());
    };
    if !declared && current.is_none() {
        return Ok(Kept::default());
    }
    let foreign = match current {
        Some(current) => (!is_ours(current, pool)).then(Instant::now),
        None => in_the_way(context, pool, before).await?,
    };
    let mut kept = Kept {
        there: declared.then_some(0),
        trouble: None,
        foreign,
    };
    if foreign.is_some() {
        kept.trouble = declared.then(|| foreign_there(pool));
        return Ok(kept);
    }
    let desired = deployment(pool, owner, &context.image, count);
    match context.writer.apply(&desired, current).await {
        Ok(_) => {}
        // What the API server refuses stays refused: say so instead of failing for ever.
        Err(WriteError::Api {
            source: kube::Error::Api(answer),
            ..
        }) if matches!(answer.code, 400 | 403 | 422) => {
            kept.trouble = Some(answer.message.clone());
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(current) = current {
        let there = pods_there(current);
        kept.there = (declared || there > 0).then_some(there);
        kept.trouble = kept.trouble.or_else(|| refused(current));
    }
    kept.trouble = kept.trouble.filter(|_| count > 0);
    Ok(kept)
}

/// Since when somebody else's Deployment has been in the place of ours, of which there is none.
async fn in_the_way(
    context: &Context,
    pool: &ValidPool,
    before: &Kept,
) -> Result<Option<Instant>, kube::Error> {
    if let Some(found) = before.foreign.filter(|at| at.elapsed() < FOREIGN_FOR) {
        return Ok(Some(found));
    }
    let api: Api<Deployment> = Api::namespaced(context.client.clone(), &pool.namespace);
    let found = api.get_opt(&name(&pool.name)).await?;
    let foreign = found.is_some_and(|found| !is_ours(&found, pool));
    Ok(foreign.then(Instant::now))
}

/// It has the labels of the pool's placeholders, and nobody else's controls it: what a former
/// installation left is taken over.
fn is_ours(found: &Deployment, pool: &ValidPool) -> bool {
    let labelled = pod_labels(pool)
        .iter()
        .all(|(key, value)| found.labels().get(key) == Some(value));
    let mut controllers = found
        .owner_references()
        .iter()
        .filter(|owner| owner.controller == Some(true));
    let pools =
        |owner: &OwnerReference| owner.kind == MMRPool::kind(&()) && owner.name == pool.name;
    labelled && controllers.all(pools)
}

fn foreign_there(pool: &ValidPool) -> String {
    format!(
        "the Deployment {} is there already and was not made for this pool, so it is left alone: \
         remove it, or name the pool otherwise",
        name(&pool.name)
    )
}

fn pods_there(deployment: &Deployment) -> u32 {
    let status = deployment.status.as_ref();
    let replicas = status.and_then(|status| status.replicas);
    replicas
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or_default()
}

/// Why its pods cannot be made, in the words of the API server.
fn refused(deployment: &Deployment) -> Option<String> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions
        .iter()
        .find(|condition| condition.type_ == FAILURE && condition.status == "True")?;
    let why = failure.message.as_deref().unwrap_or(FAILURE);
    let what_to_do = if why.contains("PriorityClass") {
        ": set priorityClasses.enabled of the chart, or name another class in \
         spec.placeholderPriorityClassName"
    } else {
        ""
    };
    Some(format!("{why}{what_to_do}"))
}

/// What is said when they cannot be made: then nobody brings nodes.
pub(super) fn verdict(trouble: &str) -> Verdict {
    Verdict::new(
        PoolCondition::NodesAvailable.as_str(),
        false,
        PoolReason::PlaceholdersRefused.as_str(),
        format!("no nodes are asked for, as there are no pods to ask with: {trouble}"),
    )
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
