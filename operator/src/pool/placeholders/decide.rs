//! What is seen of them, and what is to be done about them. Pure.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource as _, ResourceExt as _};
use plenum_crds::{MMRPool, NodeAutoscaler};

use super::build::{name, pod_labels};
use crate::pool::validate::ValidPool;

/// How long a Deployment of somebody else in their place is believed to be there: it is in no
/// cache, and nobody tells of its end.
const FOREIGN_FOR: Duration = Duration::from_mins(5);

/// The condition of a Deployment whose pods are refused, for example for want of their
/// `PriorityClass`.
pub(in crate::pool) const FAILURE: &str = "ReplicaFailure";

/// What was found out about them that no cache tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::pool) enum Known {
    /// Nothing that is in their way.
    #[default]
    Nothing,
    /// The API server refused their Deployment when it was written last; its words.
    Refused(String),
    /// Somebody else's Deployment was in their place then.
    Foreign(Instant),
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The pool has none, and is to have none.
    Nothing,
    /// Their place may be somebody else's: ask the API server, then write them or leave it alone.
    Ask,
    /// Their place is somebody else's.
    LeaveAlone,
    /// They are made so many.
    Write,
}

/// What is to be done, with the Deployment as cached.
pub(super) fn step(
    pool: &ValidPool,
    current: Option<&Deployment>,
    known: &Known,
    now: Instant,
) -> Step {
    match (current, known) {
        (Some(current), _) if is_ours(current, pool) => Step::Write,
        (Some(_), _) => Step::LeaveAlone,
        (None, _) if !declared(pool) => Step::Nothing,
        (None, Known::Foreign(at)) if now.duration_since(*at) < FOREIGN_FOR => Step::LeaveAlone,
        (None, _) => Step::Ask,
    }
}

/// It has the labels of the pool's placeholders, and nobody else's controls it: what a former
/// installation left is taken over.
pub(super) fn is_ours(found: &Deployment, pool: &ValidPool) -> bool {
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

/// Pods that there are, waiting or not; `None` for a pool that has none.
pub(in crate::pool) fn there(pool: &ValidPool, current: Option<&Deployment>) -> Option<u32> {
    let ours = current.filter(|current| is_ours(current, pool));
    let replicas = ours.and_then(|ours| ours.status.as_ref()?.replicas);
    let there = replicas.and_then(|count| u32::try_from(count).ok());
    let there = there.unwrap_or_default();
    (declared(pool) || there > 0).then_some(there)
}

/// Why there are none where there should be. What was known stays so until something else is:
/// that nobody could be asked just now is no news of them.
pub(in crate::pool) fn trouble(
    pool: &ValidPool,
    current: Option<&Deployment>,
    known: &Known,
) -> Option<String> {
    match (current, known) {
        (Some(current), _) if !is_ours(current, pool) => Some(foreign_there(pool)),
        (None, Known::Foreign(_)) => Some(foreign_there(pool)),
        (_, Known::Refused(why)) => Some(why.clone()),
        (Some(current), _) => refused(current),
        (None, Known::Nothing) => None,
    }
}

/// Somebody brings nodes for it.
fn declared(pool: &ValidPool) -> bool {
    pool.spec.node_autoscaler != NodeAutoscaler::None
}

fn foreign_there(pool: &ValidPool) -> String {
    format!(
        "the Deployment {} is there already and was not made for this pool, so it is left alone: \
         remove it, or name the pool otherwise",
        name(&pool.name)
    )
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

#[cfg(test)]
mod tests {
    use plenum_crds::MMRPoolSpec;
    use serde_json::{Value, json};

    use super::*;
    use crate::context::Image;
    use crate::pool::placeholders::deployment;
    use crate::pool::validate::validate;

    fn pool(by: NodeAutoscaler) -> ValidPool {
        let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
        object.metadata.namespace = Some("n".into());
        object.spec.node_autoscaler = by;
        validate(&object).unwrap()
    }

    fn owner(kind: &str, name: &str) -> OwnerReference {
        OwnerReference {
            kind: kind.to_owned(),
            name: name.to_owned(),
            controller: Some(true),
            ..OwnerReference::default()
        }
    }

    fn ours(status: &Value) -> Deployment {
        let pool = pool(NodeAutoscaler::Karpenter);
        let mut made = deployment(&pool, owner("MMRPool", "p"), &Image::default(), 1);
        made.status = serde_json::from_value(status.clone()).unwrap();
        made
    }

    fn theirs() -> Deployment {
        Deployment {
            metadata: kube::api::ObjectMeta {
                owner_references: Some(vec![owner("Application", "p")]),
                ..ours(&json!({})).metadata
            },
            ..Deployment::default()
        }
    }

    #[test]
    fn who_has_their_place_is_asked_before_they_are_made_and_again_after_a_while() {
        let pool = pool(NodeAutoscaler::Karpenter);
        let found = Instant::now();
        let foreign = Known::Foreign(found);
        let step = |known, after| step(&pool, None, known, found + after);
        assert_eq!(step(&Known::Nothing, Duration::ZERO), Step::Ask);
        assert_eq!(step(&foreign, Duration::ZERO), Step::LeaveAlone);
        assert_eq!(step(&foreign, FOREIGN_FOR), Step::Ask);
    }

    #[test]
    fn those_that_are_there_are_kept_unless_they_are_somebody_elses() {
        let step = |by, current: &Deployment| {
            step(&pool(by), Some(current), &Known::Nothing, Instant::now())
        };
        for by in [NodeAutoscaler::Karpenter, NodeAutoscaler::None] {
            // Where nobody brings nodes any more there are none of them from then on.
            assert_eq!(step(by, &ours(&json!({}))), Step::Write);
            assert_eq!(step(by, &theirs()), Step::LeaveAlone);
            let mut orphan = theirs();
            orphan.metadata.owner_references = None;
            assert_eq!(step(by, &orphan), Step::Write, "a former installation's");
        }
        let none = super::step(
            &pool(NodeAutoscaler::None),
            None,
            &Known::Nothing,
            Instant::now(),
        );
        assert_eq!(none, Step::Nothing);
    }

    #[test]
    fn what_is_wrong_with_them_is_told_until_something_else_is_known() {
        let pool = pool(NodeAutoscaler::Karpenter);
        let trouble = |it: Option<&Deployment>, known: &Known| trouble(&pool, it, known);
        assert_eq!(trouble(None, &Known::Nothing), None);
        let long_ago = Known::Foreign(Instant::now());
        assert!(trouble(None, &long_ago).unwrap().contains("p-placeholder"));
        assert!(trouble(Some(&theirs()), &Known::Nothing).is_some());
        let refused = Known::Refused("exceeded quota".to_owned());
        assert_eq!(trouble(None, &refused).as_deref(), Some("exceeded quota"));
        let status = json!({"conditions": [{
            "type": FAILURE, "status": "True", "message": "no PriorityClass with name x was found",
        }]});
        let said = trouble(Some(&ours(&status)), &Known::Nothing).unwrap();
        assert!(said.starts_with("no PriorityClass") && said.contains("priorityClasses.enabled"));
        // It was somebody else's, and is ours now.
        assert_eq!(trouble(Some(&ours(&json!({}))), &long_ago), None);
    }

    #[test]
    fn those_that_are_left_of_another_time_are_counted_until_they_are_gone() {
        let there = |by, current: Option<&Deployment>| there(&pool(by), current);
        let two = ours(&json!({"replicas": 2}));
        assert_eq!(there(NodeAutoscaler::Karpenter, None), Some(0));
        assert_eq!(there(NodeAutoscaler::Karpenter, Some(&two)), Some(2));
        assert_eq!(there(NodeAutoscaler::None, Some(&two)), Some(2));
        assert_eq!(there(NodeAutoscaler::None, Some(&ours(&json!({})))), None);
        assert_eq!(there(NodeAutoscaler::Karpenter, Some(&theirs())), Some(0));
    }
}
