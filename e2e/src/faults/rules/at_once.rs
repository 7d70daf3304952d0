//! How many routers drain at once when a drain begins.
//!
//! Every node of the pool with the mark of a drain counts, but for one: the new router of a rollout
//! that had `rolloutDeadlineSeconds` and does not take people keeps no node from being emptied that
//! somebody wants empty. It counts against a rollout and a smaller size.

use jiff::{SignedDuration, Timestamp};
use plenum_crds::conditions::DrainReason;
use plenum_crds::labels;
use plenum_operator::pool::build::TEMPLATE;
use serde_json::Value;

use super::{active, drain};
use crate::faults::mirror::{Kind, Mirror, annotation, condition, is_going, is_router, node_of};

/// A drain that begins.
pub(super) struct Begins<'a> {
    pub node: &'a str,
    pub pool: &'a str,
    pub reason: Option<DrainReason>,
}

impl<'a> Begins<'a> {
    /// Whether a change of this node's marks begins one: there was none, or one for another reason.
    pub(super) fn of(node: &'a str, pool: &'a str, old: &Value, new: &Value) -> Option<Self> {
        let (_, reason) = drain(new)?;
        let goes_on = drain(old).is_some_and(|(_, before)| before == reason);
        let begins = Self { node, pool, reason };
        (!goes_on).then_some(begins)
    }

    /// How many drain at once with it, where a new router may take `patience` seconds.
    pub(super) fn at_once(&self, patience: i64, mirror: &Mirror, now: Timestamp) -> u64 {
        let wanted_empty = matches!(
            self.reason,
            Some(DrainReason::NodeCordoned | DrainReason::NodeNotSelected | DrainReason::Requested)
        );
        let had_its_time = now - SignedDuration::from_secs(patience);
        let counts = |(name, node): &(&str, &Value)| {
            let left_out =
                wanted_empty && *name != self.node && is_halted(name, node, mirror, had_its_time);
            drain(node).is_some() && !left_out
        };
        active(mirror, self.pool).filter(counts).count() as u64
    }
}

/// The mark of a rollout is left on the node, and its router was made anew before `had_its_time`
/// and does not take people.
fn is_halted(name: &str, node: &Value, mirror: &Mirror, had_its_time: Timestamp) -> bool {
    let rollout = drain(node).is_some_and(|(_, reason)| reason == Some(DrainReason::Rollout));
    let mut pods = mirror.all(Kind::Pod).map(|(_, pod)| pod);
    let stays = |pod: &&Value| is_router(pod) && !is_going(pod) && node_of(pod) == Some(name);
    rollout
        && pods.find(stays).is_some_and(|pod| {
            let takes = condition(pod, labels::POD_ACCEPTING) == Some("True");
            is_new(pod, mirror) && made_by(pod, had_its_time) && !takes
        })
}

/// It was made from the template wanted now.
fn is_new(pod: &Value, mirror: &Mirror) -> bool {
    let template = annotation(pod, TEMPLATE);
    let mut sets = mirror.all(Kind::DaemonSet).map(|(_, set)| set);
    template.is_some() && sets.any(|set| annotation(&set["spec"]["template"], TEMPLATE) == template)
}

fn made_by(pod: &Value, then: Timestamp) -> bool {
    let made = pod["metadata"]["creationTimestamp"].as_str();
    let made = made.and_then(|made| made.parse::<Timestamp>().ok());
    made.is_some_and(|made| made <= then)
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::json;

    use super::*;

    const PATIENCE: i64 = 300;

    fn now() -> Timestamp {
        "2026-01-01T01:00:00Z".parse().unwrap()
    }

    fn put(mirror: &mut Mirror, kind: Kind, object: &Value) {
        let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
        mirror.put(kind, &object);
    }

    fn node(name: &str, reason: Option<DrainReason>) -> Value {
        let mut node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {labels::ACTIVE_POOL: "n.p"}},
        });
        if let Some(reason) = reason {
            node["metadata"]["annotations"] = json!({
                labels::DRAINING_SINCE: "2026-01-01T00:00:00Z",
                labels::DRAINING_REASON: reason.as_str(),
            });
        }
        node
    }

    /// A router on `halted`, made anew in a rollout so many seconds ago.
    fn router(template: &str, age: i64, accepting: &str) -> Value {
        let made = now() - SignedDuration::from_secs(age);
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "r", "creationTimestamp": made.to_string(),
                "labels": {labels::APP_COMPONENT: labels::COMPONENT_ROUTER},
                "annotations": {TEMPLATE: template},
            },
            "spec": {"nodeName": "halted"},
            "status": {"conditions": [{"type": labels::POD_ACCEPTING, "status": accepting}]},
        })
    }

    /// How many drain at once when the one of `cordoned` begins for this reason, beside a rollout
    /// whose router on `halted` is this one.
    fn at_once(reason: DrainReason, router: &Value) -> u64 {
        let mut mirror = Mirror::default();
        let begins = node("cordoned", Some(reason));
        put(&mut mirror, Kind::Node, &begins);
        put(
            &mut mirror,
            Kind::Node,
            &node("halted", Some(DrainReason::Rollout)),
        );
        put(&mut mirror, Kind::Node, &node("serves", None));
        put(&mut mirror, Kind::Pod, router);
        let set = json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "p-mmr"},
            "spec": {"template": {"metadata": {"annotations": {TEMPLATE: "new"}}}},
        });
        put(&mut mirror, Kind::DaemonSet, &set);
        let old = node("cordoned", None);
        let begins = Begins::of("cordoned", "n.p", &old, &begins).unwrap();
        begins.at_once(PATIENCE, &mirror, now())
    }

    #[test]
    fn the_router_of_a_halted_rollout_keeps_no_node_from_being_emptied() {
        let halted = router("new", PATIENCE, "Unknown");
        for wanted in [
            DrainReason::NodeCordoned,
            DrainReason::NodeNotSelected,
            DrainReason::Requested,
        ] {
            assert_eq!(at_once(wanted, &halted), 1, "{wanted}");
        }
        // It does count against the rollout itself, and a smaller size.
        for own in [DrainReason::Rollout, DrainReason::ScaleDown] {
            assert_eq!(at_once(own, &halted), 2, "{own}");
        }
    }

    #[test]
    fn one_that_may_still_come_or_is_being_emptied_counts() {
        for counts in [
            router("new", PATIENCE - 1, "Unknown"),
            router("old", PATIENCE, "Unknown"),
            router("new", PATIENCE, "True"),
        ] {
            assert_eq!(at_once(DrainReason::NodeCordoned, &counts), 2, "{counts}");
        }
    }

    #[test]
    fn a_mark_that_gets_another_reason_begins_a_drain() {
        let begins = |old, new| {
            let (old, new) = (node("a", old), node("a", new));
            Begins::of("a", "n.p", &old, &new).is_some()
        };
        let (rollout, cordoned) = (Some(DrainReason::Rollout), Some(DrainReason::NodeCordoned));
        assert!(begins(None, cordoned) && begins(rollout, cordoned));
        assert!(!begins(cordoned, cordoned) && !begins(cordoned, None));
    }
}
