//! What must hold after every step of every case (T10), decided about each change in turn by what
//! the API server and the people themselves know, not by what an operator believes.
//!
//! - A node loses its active label, and a router's pod is told to stop, only when nobody is on
//!   the router or its drain's deadline has passed; where every controller denies its people,
//!   nobody can know.
//! - No unlabelling leaves fewer active nodes than the minimum, but for deletion.
//! - No drain begins that makes more than `maxDraining`, but for deletion; `at_once` says which count.
//! - No node passes from one pool to another without having been nobody's, and none carries live
//!   routers of two.
//! - A node is protected from node autoscalers from the moment it is labelled.
//! - An authority or a signing key that is there never becomes another.
//!
//! What a case does with its own hands is excused by name; what Kubernetes does after it to the pods
//! of a DaemonSet that a case deleted, by the UID of that.

mod at_once;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use plenum_crds::conditions::DrainReason;
use plenum_crds::labels;
use serde_json::Value;

use super::mirror::{Change, Kind, Mirror, annotation, is_going, is_router, label, node_of};
use super::people::People;
use at_once::Begins;

/// For so long an operator may act by limits that have just been changed.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

/// The judge of one world.
#[derive(Default)]
pub struct Rules {
    limits: BTreeMap<String, Vec<(Instant, Limits)>>,
    excused: BTreeSet<String>,
    orphaning: BTreeSet<String>,
    everything: bool,
}

/// What a pool's spec allows.
#[derive(Debug, Clone, Copy)]
struct Limits {
    min: u64,
    draining: u64,
    deadline: i64,
    rollout: i64,
    deleting: bool,
}

impl Rules {
    /// The next changes of this object are a case's own doing.
    pub fn excuse(&mut self, name: &str) {
        self.excused.insert(name.to_owned());
    }

    /// A case deletes the owner of this UID: Kubernetes stops what it owned, at times long after
    /// another of its name took its place.
    pub fn excuse_owned_by(&mut self, uid: &str) {
        self.orphaning.insert(uid.to_owned());
    }

    /// Whether whatever happens now is a case's own doing.
    pub fn excuse_everything(&mut self, yes: bool) {
        self.everything = yes;
        if !yes {
            self.excused.clear();
        }
    }

    /// What the change breaks; `mirror` has it already.
    pub fn judge(&mut self, change: &Change, mirror: &Mirror, people: &People) -> Option<String> {
        if change.kind == Kind::Pool {
            self.learn(change);
        }
        if self.everything || self.excused.contains(&change.name) || self.is_orphaned(change) {
            return None;
        }
        match change.kind {
            Kind::Node => self.node(change, mirror, people),
            Kind::Pod => self.pod(change, mirror, people),
            Kind::Secret => secret(change),
            _ => None,
        }
    }

    fn is_orphaned(&self, change: &Change) -> bool {
        let object = change.new.as_ref().or(change.old.as_ref());
        let owners = object.and_then(|it| it["metadata"]["ownerReferences"].as_array());
        let mut owners = owners.into_iter().flatten();
        owners.any(|it| {
            it["uid"]
                .as_str()
                .is_some_and(|uid| self.orphaning.contains(uid))
        })
    }

    fn learn(&mut self, change: &Change) {
        let Some(pool) = &change.new else { return };
        let spec = &pool["spec"];
        let limits = Limits {
            min: spec["minRouters"].as_u64().unwrap_or(1),
            draining: spec["maxDraining"].as_u64().unwrap_or(1),
            deadline: spec["drainDeadlineSeconds"].as_i64().unwrap_or(0),
            rollout: spec["rolloutDeadlineSeconds"].as_i64().unwrap_or(300),
            deleting: is_going(pool),
        };
        let namespace = pool["metadata"]["namespace"].as_str().unwrap_or_default();
        let known = self
            .limits
            .entry(format!("{namespace}.{}", change.name))
            .or_default();
        known.push((Instant::now(), limits));
        // The last that was replaced long ago does not count any more.
        while known.len() > 1 && known[1].0.elapsed() > KNOWN_WITHIN {
            known.remove(0);
        }
    }

    /// The most generous limits of late.
    fn limits(&self, pool: &str) -> Option<Limits> {
        let known = self.limits.get(pool)?.iter().map(|(_, limits)| *limits);
        known.reduce(|a, b| Limits {
            min: a.min.min(b.min),
            draining: a.draining.max(b.draining),
            deadline: a.deadline.min(b.deadline),
            rollout: a.rollout.min(b.rollout),
            deleting: a.deleting || b.deleting,
        })
    }

    fn node(&self, change: &Change, mirror: &Mirror, people: &People) -> Option<String> {
        let (old, new) = (change.old.as_ref()?, change.new.as_ref()?);
        let name = &change.name;
        match (
            label(old, labels::ACTIVE_POOL),
            label(new, labels::ACTIVE_POOL),
        ) {
            (None, Some(_)) if !protected(new) => {
                Some(format!("{name} was labelled before it was protected"))
            }
            (Some(was), Some(is)) if was != is => {
                Some(format!("{name} went from {was} to {is} at once"))
            }
            (Some(pool), None) => self.unlabelled(name, pool, old, mirror, people),
            (Some(pool), Some(_)) => {
                let begins = Begins::of(name, pool, old, new)?;
                self.drain_began(&begins, mirror)
            }
            _ => None,
        }
    }

    fn unlabelled(
        &self,
        node: &str,
        pool: &str,
        old: &Value,
        mirror: &Mirror,
        people: &People,
    ) -> Option<String> {
        let on_it = known(people.on_node(node), people);
        if drain(old).is_none() {
            return Some(format!(
                "{node} was unlabelled without a drain, {on_it} on it"
            ));
        }
        if on_it > 0 && !self.is_late(old, pool, mirror) {
            return Some(format!(
                "{node} was unlabelled under {on_it} before its deadline"
            ));
        }
        let limits = self.limits(pool)?;
        let left = active(mirror, pool).count() as u64;
        (left < limits.min && !ends(limits, mirror)).then(|| {
            let min = limits.min;
            format!("{node} was unlabelled: {left} of at least {min} active routers are left")
        })
    }

    fn drain_began(&self, begins: &Begins, mirror: &Mirror) -> Option<String> {
        let limits = self.limits(begins.pool)?;
        let count = begins.at_once(limits.rollout, mirror, Timestamp::now());
        (count > limits.draining && !ends(limits, mirror)).then(|| {
            let (node, most) = (begins.node, limits.draining);
            format!("with {node} {count} routers drain, where {most} may")
        })
    }

    fn pod(&self, change: &Change, mirror: &Mirror, people: &People) -> Option<String> {
        let new = change.new.as_ref().filter(|pod| is_router(pod))?;
        if !is_going(new) {
            return two_at_once(change, mirror);
        }
        if change.old.as_ref().is_some_and(is_going) {
            return None;
        }
        let on_it = known(people.on_router(&change.name), people);
        let node = mirror.get(Kind::Node, node_of(new)?)?;
        // Its node may have lost the label by what was judged already.
        let pool = label(node, labels::ACTIVE_POOL)?;
        let late = self.is_late(node, pool, mirror);
        (on_it > 0 && !late).then(|| format!("{} was told to stop with {on_it} on it", change.name))
    }

    fn is_late(&self, node: &Value, pool: &str, mirror: &Mirror) -> bool {
        let Some((since, reason)) = drain(node) else {
            return false;
        };
        let now = Timestamp::now();
        let own = self.limits(pool).map_or(0, |limits| limits.deadline);
        let own = since + SignedDuration::from_secs(own);
        let zone = zone_until(mirror);
        match (reason, zone) {
            (Some(DrainReason::ZoneDeleted), Some(until)) => until <= now,
            (_, Some(until)) => own.min(until) <= now,
            (_, None) => own <= now,
        }
    }
}

/// As many as somebody tells of.
fn known(there: u32, people: &People) -> u32 {
    if people.are_denied() { 0 } else { there }
}

/// When the meetings of a zone that is being deleted end.
fn zone_until(mirror: &Mirror) -> Option<Timestamp> {
    let mut zones = mirror.all(Kind::Zone).map(|(_, zone)| zone);
    let zone = zones.find(|zone| is_going(zone))?;
    let deleted = zone["metadata"]["deletionTimestamp"].as_str()?;
    let deleted: Timestamp = deleted.parse().ok()?;
    let seconds = zone["spec"]["drainDeadlineSeconds"].as_i64().unwrap_or(0);
    Some(deleted + SignedDuration::from_secs(seconds))
}

fn ends(limits: Limits, mirror: &Mirror) -> bool {
    // A zone that is gone was deleted.
    let mut zones = mirror.all(Kind::Zone).map(|(_, zone)| zone).peekable();
    limits.deleting || zones.peek().is_none() || zones.any(is_going)
}

fn active<'a>(mirror: &'a Mirror, pool: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let nodes = mirror.all(Kind::Node);
    nodes.filter(move |(_, node)| label(node, labels::ACTIVE_POOL) == Some(pool))
}

fn drain(node: &Value) -> Option<(Timestamp, Option<DrainReason>)> {
    let since = annotation(node, labels::DRAINING_SINCE)?;
    let reason = annotation(node, labels::DRAINING_REASON).and_then(DrainReason::from_word);
    Some((since.parse().unwrap_or(Timestamp::MAX), reason))
}

fn protected(node: &Value) -> bool {
    [labels::CLUSTER_AUTOSCALER_KEEP, labels::KARPENTER_KEEP]
        .into_iter()
        .all(|key| annotation(node, key) == Some("true"))
}

fn two_at_once(change: &Change, mirror: &Mirror) -> Option<String> {
    let pod = change.new.as_ref()?;
    let (node, pool) = (node_of(pod)?, label(pod, labels::POOL)?);
    let mut others = mirror
        .all(Kind::Pod)
        .filter(|(_, it)| is_router(it) && !is_going(it) && node_of(it) == Some(node));
    let other = others.find(|(_, it)| label(it, labels::POOL) != Some(pool));
    other.map(|(name, _)| format!("{} and {name} of another pool share {node}", change.name))
}

/// Whoever trusts the authority, or has a ticket, would be locked out by another.
fn secret(change: &Change) -> Option<String> {
    let (old, new) = (change.old.as_ref()?, change.new.as_ref()?);
    let kept = match change.name.as_str() {
        name if name.ends_with("-ca") => "tls.key",
        name if name.ends_with("-signing-key") => {
            return (old["data"] != new["data"]).then(|| format!("{name} became another key"));
        }
        _ => return None,
    };
    (old["metadata"]["uid"] == new["metadata"]["uid"] && old["data"][kept] != new["data"][kept])
        .then(|| format!("{} became another authority", change.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A router of this DaemonSet with somebody on it is told to stop, after a case deleted `old`.
    fn told_to_stop(owner: &str) -> Option<String> {
        let (mut mirror, mut rules) = (Mirror::default(), Rules::default());
        let mut people = People::new(1, 10);
        people.router_starts("r1".parse().unwrap(), "n1", "n.p".parse().unwrap());
        people.target = 1;
        people.step();
        rules.excuse_owned_by("old");
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {
            "name": "n1", "labels": {labels::ACTIVE_POOL: "n.p"},
        }});
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": "n1"},
        "metadata": {
            "name": "r1", "labels": {labels::APP_COMPONENT: labels::COMPONENT_ROUTER},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "p-mmr",
                "uid": owner}],
        }});
        put(&mut mirror, Kind::Node, &node);
        put(&mut mirror, Kind::Pod, &pod);
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let change = put(&mut mirror, Kind::Pod, &pod);
        rules.judge(&change, &mirror, &people)
    }

    fn put(mirror: &mut Mirror, kind: Kind, object: &Value) -> Change {
        let object = serde_json::from_value(object.clone()).unwrap();
        mirror.put(kind, &object).unwrap()
    }

    #[test]
    fn only_the_routers_of_a_daemon_set_that_a_case_deleted_may_be_stopped_by_kubernetes() {
        assert_eq!(told_to_stop("old"), None);
        let broken = told_to_stop("its successor").unwrap();
        assert_eq!(broken, "r1 was told to stop with 1 on it");
    }
}
