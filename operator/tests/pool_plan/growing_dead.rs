//! A template that takes nodes down: what grows in their place would take down every free one.

use plenum_crds::NodeAutoscaler;

use super::world::*;

const SCALING: &str = "ScalingActive";

/// Nodes that died with their new routers before anybody heard of these, beside `b`, which serves.
fn died(names: &[&str]) -> Observed {
    let mut routers = vec![("b", 5)];
    routers.extend(names.iter().map(|name| (*name, 0)));
    let mut seen = world(&["y", "z"], &routers);
    pod_of(&mut seen, "b").outdated = true;
    for name in names {
        starting(&mut seen, name);
        edit(&mut seen, name).ready = false;
    }
    seen
}

fn two(change: impl FnOnce(&mut MMRPoolSpec)) -> ValidPool {
    pool(|p| {
        p.min_routers = 2;
        change(p);
    })
}

#[test]
fn as_many_are_replaced_as_a_rollout_puts_at_stake_and_no_more() {
    let one = died(&["a"]);
    assert_eq!(changes(&first(&two(|_| {}), &one)), [("y", Change::Label)]);
    let more = died(&["a", "c"]);
    assert_eq!(changes(&first(&two(|_| {}), &more)), []);
    let two_at_stake = two(|p| p.max_draining = 2);
    assert_eq!(
        changes(&first(&two_at_stake, &more)),
        [("y", Change::Label)]
    );
}

#[test]
fn it_says_so_and_asks_for_no_nodes() {
    let pool = two(|p| p.node_autoscaler = NodeAutoscaler::Karpenter);
    let halts = first(&pool, &died(&["a", "c"]));
    assert_eq!(halts.placeholders, 0);
    for condition in [SCALING, "Ready"] {
        assert_eq!(verdict(&halts, condition), ("False", "NodesLost"));
        let told = message(&halts, condition);
        assert!(told.starts_with("new routers came to a and c,"), "{told}");
        assert!(told.contains("No further one comes until"), "{told}");
    }
    assert_eq!(verdict(&halts, "NodesAvailable"), ("True", "EnoughNodes"));
    // Nobody is missed where the others are enough.
    let enough = first(&crate::world::pool(|_| {}), &died(&["a", "c"]));
    assert_eq!(verdict(&enough, SCALING), ("True", "FollowingLoad"));
    assert_eq!(verdict(&enough, "Ready"), ("True", "Accepting"));
}

#[test]
fn where_a_router_of_it_was_heard_nodes_die_of_something_else() {
    let mut seen = died(&["a", "c"]);
    pod_of(&mut seen, "b").outdated = false;
    assert_eq!(changes(&first(&two(|_| {}), &seen)), [("y", Change::Label)]);
    // Be it only for a moment that nobody hears it.
    falls_silent(&mut seen, "b");
    assert_eq!(changes(&first(&two(|_| {}), &seen)), [("y", Change::Label)]);
}

#[test]
fn it_goes_on_when_the_template_changes_or_the_nodes_are_gone_or_come_back() {
    let label = [("y", Change::Label)];
    let mut changed = died(&["a", "c"]);
    for pod in changed.pods.values_mut() {
        pod.outdated = !pod.outdated;
    }
    assert_eq!(changes(&first(&two(|_| {}), &changed)), label);
    let mut gone = died(&["a", "c"]);
    gone.nodes.remove("c");
    gone.pods.remove(&router("c"));
    assert_eq!(changes(&first(&two(|_| {}), &gone)), label);
    let mut back = died(&["a", "c"]);
    edit(&mut back, "c").ready = true;
    let comes = first(&two(|_| {}), &back);
    assert_eq!(verdict(&comes, SCALING), ("True", "FollowingLoad"));
}
