//! A node autoscaler that adds and removes nodes by the published rules never takes a router
//! with people on it.
//!
//! Two of them, each by what its documentation says (`cluster_autoscaler`, `karpenter`): pods
//! that fit nowhere bring nodes; a node that is not needed is tainted and deleted, and router
//! pods, being a `DaemonSet`'s, do not count as a need. Only the marks that the operator puts on
//! nodes keep them, and its placeholder pods bring them.
//!
//! A world is made from a seed: people come and go in crowds, nodes take minutes to come, the
//! autoscaler decides on what it saw some seconds ago. After every step: nobody was on a router
//! whose node went. In the end the crowds have had their routers, and the nodes that nobody
//! needs are gone.
//!
//! `SEEDS=n` tries the first n seeds of each.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod autoscaler;
#[path = "../calm/mod.rs"]
mod calm;
mod world;

use plenum_crds::{MMRPool, MMRPoolSpec, NodeAutoscaler, SpareFrom};
use plenum_operator::pool::validate::{ValidPool, validate};

use autoscaler::{Autoscaler, Rules};
use calm::Operator;
use world::{MAX_ROUTERS, PER_ROUTER, World};

/// Seconds of one step.
const STEP_S: i64 = 2;
const HOURS: i64 = 6;

struct Outcome {
    /// People on routers whose nodes went.
    lost: u32,
    /// Most nodes at once.
    most_nodes: usize,
    /// Nodes at the end, after the last hour, in which nobody was there.
    nodes: usize,
    /// People who found no room, in the last minutes of the longest crowds.
    unserved: u32,
}

fn pool() -> ValidPool {
    let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
    object.metadata.namespace = Some("n".into());
    object.spec.participants_per_router = PER_ROUTER;
    object.spec.spare_participants = 50;
    object.spec.spare_from = SpareFrom::Arrivals;
    object.spec.max_routers = MAX_ROUTERS;
    object.spec.max_draining = 3;
    object.spec.scale_down_delay_seconds = 60;
    object.spec.node_autoscaler = NodeAutoscaler::ClusterAutoscaler;
    validate(&object).unwrap()
}

fn run(rules: Rules, seed: u64, marks_count: bool) -> Outcome {
    let mut world = World::new(seed);
    let mut operator = Operator::new(pool());
    let mut autoscaler = Autoscaler::new(rules, marks_count);
    let mut outcome = Outcome {
        lost: 0,
        most_nodes: 0,
        nodes: 0,
        unserved: 0,
    };
    while world.now < HOURS * 3_600 {
        world.step(STEP_S);
        world.placeholders = operator.look(&mut world).placeholders;
        outcome.lost += autoscaler.step(&mut world);
        outcome.most_nodes = outcome.most_nodes.max(world.nodes.len());
        if world.crowd_has_lasted() {
            outcome.unserved = outcome.unserved.max(world.unserved());
        }
    }
    outcome.nodes = world.nodes.len();
    outcome
}

fn holds(rules: Rules) {
    let seeds = std::env::var("SEEDS").map_or(4, |n| n.parse().expect("SEEDS is a number"));
    let mut lost_without_marks = 0;
    for seed in 0..seeds {
        let outcome = run(rules, seed, true);
        assert_eq!(outcome.lost, 0, "seed {seed}: people lost their router");
        assert_eq!(outcome.unserved, 0, "seed {seed}: no nodes came");
        let most = outcome.most_nodes;
        assert!(most > 4, "seed {seed}: only {most} nodes came");
        let left = outcome.nodes;
        assert!(left <= 2, "seed {seed}: {left} nodes are left for nobody");
        lost_without_marks += run(rules, seed, false).lost;
    }
    assert!(
        lost_without_marks > 0,
        "an autoscaler that does not heed the marks takes nobody: this test proves nothing"
    );
}

#[test]
fn cluster_autoscaler_takes_no_router_with_people_on_it() {
    holds(Rules::CLUSTER_AUTOSCALER);
}

#[test]
fn karpenter_takes_no_router_with_people_on_it() {
    holds(Rules::KARPENTER);
}
