//! Routers that the scheduler finds no room for: their pods are of the node that they are made for,
//! so that a rollout to them says why it halts, and what was written before brings them back.
//!
//! From objects as the API server has them to the plan: a `DaemonSet`'s pod that waits has no
//! `nodeName`.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use plenum_crds::MMRPool;
use plenum_crds::conditions::DrainReason;
use plenum_operator::pool::fetch::Snapshot;
use plenum_operator::pool::observed::{Coverage, Observed, View, Word};
use plenum_operator::pool::outline::{NodeOutline, PodOutline};
use plenum_operator::pool::plan::{Change, Memory, Plan, Replaced, plan};
use plenum_operator::pool::validate::{ValidPool, validate};
use plenum_wire::{Boot, RouterId};
use serde_json::{Value, json};

/// When pods were made.
const BORN: &str = "2026-01-02T00:00:00Z";
const ROLLOUT: Change = Change::StartDrain(DrainReason::Rollout);

/// A pool with its nodes and pods, and what is heard of routers.
struct Cluster {
    object: MMRPool,
    nodes: Vec<Value>,
    pods: Vec<Value>,
    view: View,
}

impl Cluster {
    fn new() -> Self {
        let object = json!({
            "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
            "metadata": {"name": "p", "namespace": "n", "uid": "p"},
            "spec": {
                "zone": "z", "nodeSelector": {"routers": "true"}, "minRouters": 2,
                "maxDraining": 1, "rolloutDeadlineSeconds": 120,
            },
        });
        let view = View {
            coverage: Coverage::Complete,
            ..View::default()
        };
        Self {
            object: serde_json::from_value(object).unwrap(),
            nodes: Vec::new(),
            pods: Vec::new(),
            view,
        }
    }

    /// A node with the label of the pool.
    fn node(&mut self, name: &str) -> &mut Value {
        self.nodes.push(json!({
            "metadata": {
                "name": name,
                "labels": {"routers": "true", "plenum.dev/active-pool": "n.p"},
                "annotations": {
                    "cluster-autoscaler.kubernetes.io/scale-down-disabled": "true",
                    "karpenter.sh/do-not-disrupt": "true",
                },
            },
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }));
        self.nodes.last_mut().unwrap()
    }

    /// The router of such a node, which takes people.
    fn router(&mut self, node: &str, template: &str) {
        let name = format!("r-{node}");
        self.pods.push(json!({
            "metadata": {
                "name": name, "creationTimestamp": BORN,
                "annotations": {"plenum.dev/template": template},
            },
            "spec": {"nodeName": node, "containers": []},
            "status": {
                "phase": "Running",
                "conditions": [
                    {"type": "PodScheduled", "status": "True"},
                    {"type": "Ready", "status": "True"},
                    {"type": "plenum.dev/Accepting", "status": "True"},
                    {"type": "plenum.dev/Draining", "status": "False"},
                    {"type": "plenum.dev/Heard", "status": "True"},
                ],
                "containerStatuses": [{
                    "name": "router", "image": "i", "imageID": "i", "ready": true,
                    "restartCount": 0, "state": {"running": {}},
                }],
            },
        }));
        let word = Word {
            boot: Boot(1),
            participants: 5,
            participants_at_most: 5,
            capacity: 200,
            accepting: true,
            draining: false,
            fresh: true,
            connected: true,
            fresh_everywhere: true,
            empty_everywhere: None,
            received: None,
            unplaced: None,
        };
        self.view.routers.insert(name.parse().unwrap(), word);
    }

    /// The pod that the `DaemonSet` made for such a node, and that waits for room.
    fn waiting(&mut self, node: &str, template: &str) {
        let made_for = json!({"matchFields": [
            {"key": "metadata.name", "operator": "In", "values": [node]},
        ]});
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        self.pods.push(json!({
            "metadata": {
                "name": format!("r-{node}"), "creationTimestamp": BORN,
                "annotations": {"plenum.dev/template": template},
            },
            "spec": {
                "containers": [],
                "affinity": {"nodeAffinity": {required: {"nodeSelectorTerms": [made_for]}}},
            },
            "status": {
                "phase": "Pending",
                "conditions": [{
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                    "message": "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't \
                                satisfy plugin(s) [NodeAffinity].",
                }],
            },
        }));
    }

    fn valid(&self) -> ValidPool {
        validate(&self.object).unwrap()
    }

    /// What is seen where routers are to be of this template.
    fn seen(&self, template: &str) -> Observed {
        let node = |it: &Value| NodeOutline::of(&serde_json::from_value(it.clone()).unwrap());
        let pod = |it: &Value| PodOutline::of(&serde_json::from_value(it.clone()).unwrap());
        let zone = json!({
            "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
            "metadata": {"name": "z", "namespace": "n"}, "spec": {},
        });
        let snapshot = Snapshot {
            nodes: self.nodes.iter().map(|it| Arc::new(node(it))).collect(),
            pods: self.pods.iter().map(|it| Arc::new(pod(it))).collect(),
            zone: Some(Arc::new(serde_json::from_value(zone).unwrap())),
            others: Vec::new(),
            daemonset: None,
            placeholders: None,
            controllers: Vec::new(),
        };
        let view = self.view.clone();
        snapshot.observed(&self.object, &self.valid(), Some(template), view)
    }

    /// The plan so many seconds after the pods were made, where it was looked before as well.
    fn plan(&self, template: &str, seconds: i64) -> Plan {
        let born: Timestamp = BORN.parse().unwrap();
        let (pool, seen) = (self.valid(), self.seen(template));
        let memory = plan(&pool, &seen, &Memory::default(), born).memory;
        let now = born + SignedDuration::from_secs(seconds);
        plan(&pool, &seen, &memory, now)
    }
}

/// `a` was emptied for the template `new`, whose pod finds no room there; `b` is of the old one.
fn rolling() -> Cluster {
    let mut cluster = Cluster::new();
    let annotations = &mut cluster.node("a")["metadata"]["annotations"];
    annotations["plenum.dev/draining-since"] = "2026-01-01T23:59:00Z".into();
    annotations["plenum.dev/draining-reason"] = "Rollout".into();
    cluster.node("b");
    cluster.waiting("a", "new");
    cluster.router("b", "old");
    cluster
}

fn rollout(plan: &Plan) -> (&str, &str) {
    let mut verdicts = plan.verdicts.iter();
    let verdict = verdicts.find(|it| it.type_ == "RolloutComplete").unwrap();
    (verdict.reason, &verdict.message)
}

fn changes(plan: &Plan) -> Vec<(&str, Change)> {
    let writes = plan.nodes.iter();
    writes
        .map(|(node, it)| (node.as_str(), it.change))
        .collect()
}

fn router(node: &str) -> RouterId {
    format!("r-{node}").parse().unwrap()
}

#[test]
fn a_rollout_to_a_spec_for_which_there_is_no_room_halts_and_says_what_the_scheduler_says() {
    let cluster = rolling();
    let early = cluster.plan("new", 119);
    assert_eq!(rollout(&early).0, "Rolling");
    assert!(early.look_again.is_some());
    let late = cluster.plan("new", 120);
    let (reason, told) = rollout(&late);
    assert_eq!(reason, "RolloutHalted");
    for word in ["r-a", "node a", "120 s", "Unschedulable: Insufficient cpu"] {
        assert!(told.contains(word), "{told}");
    }
    assert!(late.nodes.is_empty() && late.replace.is_empty(), "b stays");
}

#[test]
fn it_keeps_no_cordoned_node_from_being_emptied() {
    let mut cluster = rolling();
    cluster.node("c")["spec"] = json!({"unschedulable": true});
    cluster.router("c", "old");
    assert_eq!(changes(&cluster.plan("new", 119)), []);
    let cordoned = Change::StartDrain(DrainReason::NodeCordoned);
    assert_eq!(changes(&cluster.plan("new", 120)), [("c", cordoned)]);
}

#[test]
fn what_the_spec_said_before_makes_the_router_anew_at_once() {
    let mut cluster = rolling();
    let back = cluster.plan("old", 300);
    assert_eq!(back.replace, [(router("a"), Replaced::Empty)].into());
    assert_eq!(changes(&back), [], "nobody else is drained");
    // The DaemonSet makes it anew, and it comes.
    cluster.pods.remove(0);
    cluster.router("a", "old");
    let came = cluster.plan("old", 300);
    assert_eq!(changes(&came), [("a", Change::CancelDrain)]);
}

#[test]
fn one_that_never_had_room_is_made_anew_when_the_spec_is_corrected() {
    let mut cluster = Cluster::new();
    cluster.node("a");
    cluster.node("b");
    cluster.waiting("a", "large");
    cluster.router("b", "small");
    assert_eq!(changes(&cluster.plan("small", 10)), [("a", ROLLOUT)]);
    let annotations = &mut cluster.nodes[0]["metadata"]["annotations"];
    annotations["plenum.dev/draining-since"] = BORN.into();
    annotations["plenum.dev/draining-reason"] = "Rollout".into();
    let anew = cluster.plan("small", 11);
    assert_eq!(anew.replace, [(router("a"), Replaced::Empty)].into());
}

#[test]
fn a_node_for_which_a_router_waits_is_not_free() {
    let mut cluster = Cluster::new();
    let labels = &mut cluster.node("a")["metadata"]["labels"];
    labels
        .as_object_mut()
        .unwrap()
        .remove("plenum.dev/active-pool");
    assert_eq!(cluster.seen("new").free_nodes().collect::<Vec<_>>(), ["a"]);
    cluster.waiting("a", "new");
    assert_eq!(cluster.seen("new").free_nodes().count(), 0);
}
