//! Nodes that somebody wants back, that are shared, or dead.

use plenum_crds::NodeAutoscaler;

use super::world::*;

#[test]
fn a_cordoned_node_gets_its_replacement_first_and_drains_when_that_takes_people() {
    let pool = pool(|_| {});
    let mut seen = world(&["b"], &[("a", 20)]);
    edit(&mut seen, "a").schedulable = false;
    assert_eq!(changes(&first(&pool, &seen)), [("b", Change::Label)]);

    let mut replaced = world(&[], &[("a", 20), ("b", 0)]);
    edit(&mut replaced, "a").schedulable = false;
    let drains = first(&pool, &replaced);
    assert_eq!(
        changes(&drains),
        [("a", Change::StartDrain(DrainReason::NodeCordoned))]
    );

    // Uncordoned in time and needed, it stays.
    let mut back = world(&[], &[("a", 80), ("b", 20)]);
    draining(&mut back, "a", DrainReason::NodeCordoned, -3);
    assert_eq!(changes(&first(&pool, &back)), [("a", Change::CancelDrain)]);
}

#[test]
fn a_cordoned_node_without_replacement_keeps_its_people() {
    let mut seen = world(&[], &[("a", 20)]);
    edit(&mut seen, "a").schedulable = false;
    let plan = patient(&pool(|_| {}), &seen);
    assert!(plan.nodes.is_empty());
    assert_eq!(
        verdict(&plan, "NodesAvailable"),
        ("False", "NotEnoughNodes")
    );
}

const CORDONED: Change = Change::StartDrain(DrainReason::NodeCordoned);

/// All that the pool has are `a`, on a cordoned node, and `b`, and neither ever came up.
fn nobody_accepts() -> Observed {
    let mut seen = world(&[], &[("a", 0), ("b", 0)]);
    crashing(&mut seen, "a");
    crashing(&mut seen, "b");
    edit(&mut seen, "a").schedulable = false;
    seen
}

#[test]
fn a_router_that_is_broken_for_long_leaves_a_cordoned_node_though_no_other_takes_people() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let seen = nobody_accepts();
    let starts = first(&pool, &seen);
    // A new one, or one that begins again, may be the first of them to take people.
    let waits = plan(&pool, &seen, &starts.memory, at(119));
    assert_eq!(changes(&waits), []);
    assert_eq!(waits.look_again, Some(at(120)));
    let leaves = plan(&pool, &seen, &waits.memory, at(120));
    assert_eq!(changes(&leaves), [("a", CORDONED)]);
    // They still go one after the other.
    let mut both = seen;
    edit(&mut both, "b").schedulable = false;
    let one = plan(&pool, &both, &waits.memory, at(120));
    assert_eq!(changes(&one), [("a", CORDONED)]);
}

#[test]
fn people_of_a_router_that_broke_have_as_long_to_come_back_to_it() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let mut seen = nobody_accepts();
    let mut last = word(7);
    (last.fresh, last.connected, last.fresh_everywhere) = (false, false, false);
    seen.view.routers.insert(router("a"), last);
    pod_of(&mut seen, "a").said.heard = true;
    let memory = first(&pool, &seen).memory;
    assert_eq!(changes(&plan(&pool, &seen, &memory, at(119))), []);
    let leaves = plan(&pool, &seen, &memory, at(120));
    assert_eq!(changes(&leaves), [("a", CORDONED)]);
}

#[test]
fn people_on_a_router_that_runs_are_not_sent_away_with_nowhere_to_go() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    for fresh in [true, false] {
        let mut seen = nobody_accepts();
        let pod = pod_of(&mut seen, "a");
        (pod.started, pod.stopped, pod.ready, pod.said.heard) = (true, false, true, true);
        let mut last = word(7);
        (last.fresh, last.connected, last.fresh_everywhere) = (fresh, fresh, fresh);
        seen.view.routers.insert(router("a"), last);
        let later = plan(&pool, &seen, &first(&pool, &seen).memory, at(500));
        assert_eq!(changes(&later), [], "heard: {fresh}");
    }
}

#[test]
fn a_dead_node_is_replaced_and_left_alone() {
    let mut seen = world(&["b"], &[("a", 20)]);
    edit(&mut seen, "a").ready = false;
    seen.pods.get_mut(&router("a")).unwrap().ready = false;
    let silent = seen.view.routers.get_mut(&router("a")).unwrap();
    (silent.fresh, silent.fresh_everywhere) = (false, false);
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), [("b", Change::Label)]);
    assert_eq!((plan.numbers.capacity, plan.numbers.accepting), (0, 0));
}

#[test]
fn a_kubelet_that_is_silent_says_nothing_about_its_router() {
    let mut seen = world(&["b"], &[("a", 20)]);
    edit(&mut seen, "a").ready = false;
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
}

#[test]
fn after_an_outage_of_the_api_server_nothing_is_replaced_before_controllers_are_heard() {
    let mut seen = world(&["b"], &[("a", 20)]);
    edit(&mut seen, "a").ready = false;
    seen.pods.get_mut(&router("a")).unwrap().ready = false;
    for coverage in [Coverage::Missing, Coverage::Stale] {
        seen.view = View {
            coverage,
            ..View::default()
        };
        assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
    }
}

/// `a` and `c` are dead, and nobody ever heard of the router on `c`; another is wanted beside `b`.
fn two_dead() -> (ValidPool, Observed) {
    let pool = pool(|p| {
        (p.max_routers, p.max_draining) = (2, 1);
        p.rollout_deadline_seconds = 120;
        p.node_autoscaler = NodeAutoscaler::Karpenter;
    });
    let mut seen = world(&[], &[("a", 5), ("b", 90), ("c", 5)]);
    mute(&mut seen, "c");
    for name in ["a", "c"] {
        edit(&mut seen, name).ready = false;
        pod_of(&mut seen, name).ready = false;
    }
    falls_silent(&mut seen, "a");
    (pool, seen)
}

#[test]
fn nodes_that_died_are_not_back_because_a_controller_is_away() {
    // Long ago, a moment ago, and with pods that were deleted, which nobody there ends.
    for (dead_for, deleted) in [(120, false), (10, false), (10, true)] {
        let (pool, mut seen) = two_dead();
        for name in ["a", "c"] {
            pod_of(&mut seen, name).terminating = deleted;
        }
        let mut memory = first(&pool, &seen).memory;
        for (second, coverage) in [
            (dead_for, Coverage::Complete),
            (dead_for + 1, Coverage::Stale),
            (dead_for + 2, Coverage::Complete),
        ] {
            seen.view.coverage = coverage;
            let dead = plan(&pool, &seen, &memory, at(second));
            assert_eq!(dead.placeholders, 1, "after {second} s");
            let not_enough = ("False", "NotEnoughNodes");
            assert_eq!(verdict(&dead, "NodesAvailable"), not_enough);
            let mut free = seen.clone();
            free.nodes.insert("d".into(), node(Owner::Nobody));
            let grows = plan(&pool, &free, &memory, at(second));
            assert_eq!(changes(&grows), [("d", Change::Label)]);
            memory = dead.memory;
        }
    }
}

#[test]
fn one_that_is_heard_again_while_a_controller_is_away_has_to_die_anew() {
    let (pool, mut seen) = two_dead();
    let memory = first(&pool, &seen).memory;
    seen.view.coverage = Coverage::Stale;
    let mut kubelet = seen.clone();
    edit(&mut kubelet, "a").ready = true;
    let mut router = seen.clone();
    word_of(&mut router, "a").fresh = true;
    for heard in [kubelet, router] {
        let back = plan(&pool, &heard, &memory, at(10));
        assert_eq!(back.placeholders, 0);
        let unknown = plan(&pool, &seen, &back.memory, at(11));
        assert_eq!(unknown.placeholders, 0);
    }
}

#[test]
fn nodes_of_other_pools_are_left_alone_and_shared_ones_are_told() {
    let mut seen = world(&["a"], &[]);
    edit(&mut seen, "a").owner = Owner::Other;
    seen.rivals = BTreeSet::from(["n/other".to_owned()]);
    let plan = first(&pool(|_| {}), &seen);
    assert!(plan.nodes.is_empty());
    assert_eq!(verdict(&plan, "NodesAvailable"), ("False", "NodesShared"));
}

#[test]
fn the_younger_of_two_pools_drains_the_node_that_it_loses() {
    let mut seen = world(&[], &[("a", 5), ("b", 5)]);
    edit(&mut seen, "a").selected = false;
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(
        changes(&plan),
        [("a", Change::StartDrain(DrainReason::NodeNotSelected))]
    );
}

#[test]
fn protection_that_somebody_took_off_is_put_back_and_what_is_left_behind_taken_off() {
    let mut seen = world(&["b"], &[("a", 5)]);
    edit(&mut seen, "a").protected = false;
    edit(&mut seen, "b").protected = true;
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(
        changes(&plan),
        [("a", Change::Repair), ("b", Change::Repair)]
    );
    assert_eq!(plan.nodes["a"].marks, Marks::Active(None));
    assert_eq!(plan.nodes["b"].marks, Marks::Bare);
}
