//! How many come in the place of silent routers, which may fall silent too, and what is said there.

use plenum_crds::NodeAutoscaler;

use super::world::*;

const SCALING: &str = "ScalingActive";
const NODES: &str = "NodesAvailable";
const GOES_ON: (&str, &str) = ("True", "RoutersSilent");

#[test]
fn those_in_its_place_that_fall_silent_too_are_replaced_within_a_bound() {
    let mut pool = pool(|p| {
        (p.rollout_deadline_seconds, p.max_routers, p.max_draining) = (120, 2, 1);
        p.node_autoscaler = NodeAutoscaler::Karpenter;
    });
    let mut seen = world(&[], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    let first = after(&pool, &seen, 120);
    assert_eq!(first.placeholders, 1, "a node is asked for");
    let mut seen = world(&["d"], &[("a", 60), ("b", 5), ("c", 5)]);
    falls_silent(&mut seen, "b");
    falls_silent(&mut seen, "c");
    let bound = after(&pool, &seen, 120);
    assert_eq!(changes(&bound), []);
    assert_eq!((bound.placeholders, bound.numbers.desired), (0, 2));
    assert_eq!(verdict(&bound, SCALING), GOES_ON);
    assert!(message(&bound, SCALING).contains("spec.maxDraining"));
    pool.max_draining = 2;
    let more = after(&pool, &seen, 120);
    assert_eq!(changes(&more), [("d", Change::Label)]);
    assert!(!message(&more, SCALING).contains("spec.maxDraining"));
    // What is missing for another reason comes all the same.
    pool.max_draining = 1;
    let mut alone = world(&["d", "e"], &[("b", 5)]);
    falls_silent(&mut alone, "b");
    for name in ["x", "y"] {
        let leaves = world(&[], &[(name, 90)]);
        alone.nodes.extend(leaves.nodes);
        alone.pods.extend(leaves.pods);
        alone.view.routers.extend(leaves.view.routers);
        edit(&mut alone, name).schedulable = false;
    }
    let one = [("d", Change::Label)];
    assert_eq!(changes(&after(&pool, &alone, 120)), one);
}

#[test]
fn where_the_bound_keeps_others_from_coming_nobody_is_told_to_bring_nodes() {
    let pool = pool(|p| {
        (p.rollout_deadline_seconds, p.max_routers, p.max_draining) = (120, 2, 1);
    });
    let mut seen = world(&[], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    let few = after(&pool, &seen, 120);
    let not_enough = ("False", "NotEnoughNodes");
    assert_eq!(verdict(&few, NODES), not_enough, "one more may come");
    for free in [&[][..], &["d"]] {
        let mut seen = world(free, &[("a", 60), ("b", 5), ("c", 5)]);
        falls_silent(&mut seen, "b");
        falls_silent(&mut seen, "c");
        let bound = after(&pool, &seen, 120);
        assert_eq!(verdict(&bound, NODES), ("True", "EnoughNodes"));
        assert!(message(&bound, NODES).ends_with("see ScalingActive"));
        // There it is said, whatever else is.
        seen.view.coverage = Coverage::Stale;
        let held = plan(&pool, &seen, &bound.memory, at(121));
        assert_eq!(verdict(&held, SCALING), ("False", "ReportsStale"));
        for plan in [bound, held] {
            let told = message(&plan, SCALING);
            for word in ["r-b and r-c", "spec.maxDraining", "cordon"] {
                assert!(told.contains(word), "{told}");
            }
        }
    }
}

#[test]
fn a_pool_that_the_bound_keeps_from_its_least_says_so_and_not_that_routers_start() {
    let pool = pool(|p| {
        (p.rollout_deadline_seconds, p.max_draining) = (120, 1);
        (p.min_routers, p.max_routers) = (2, 2);
    });
    let mut seen = world(&["d"], &[("a", 60), ("b", 5), ("c", 5)]);
    falls_silent(&mut seen, "b");
    falls_silent(&mut seen, "c");
    let bound = after(&pool, &seen, 120);
    assert_eq!(verdict(&bound, "Ready"), ("False", "RoutersSilent"));
    for word in ["r-b and r-c", "More nodes do not help: see ScalingActive"] {
        assert!(message(&bound, "Ready").contains(word), "{word}");
    }
}
