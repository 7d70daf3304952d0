//! Routers are added at once, as many as the load asks for.

use super::world::*;

#[test]
fn an_empty_pool_gets_its_minimum_before_any_report() {
    let mut seen = world(&["a", "b"], &[]);
    seen.view = View::default();
    let plan = first(&pool(|p| p.min_routers = 2), &seen);
    assert_eq!(changes(&plan), [("a", Change::Label), ("b", Change::Label)]);
    assert_eq!(plan.nodes["a"].marks, Marks::Active(None));
    assert_eq!(verdict(&plan, "ScalingActive"), ("False", "ReportsMissing"));
}

#[test]
fn growth_is_immediate_and_as_large_as_the_load_asks() {
    // 260 people and 50 spare: four routers of 100.
    let seen = world(&["c", "d", "e"], &[("a", 130), ("b", 130)]);
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), [("c", Change::Label), ("d", Change::Label)]);
    assert_eq!(plan.numbers.desired, 4);
    // What an alert holds the free seats against.
    assert_eq!((plan.numbers.in_use, plan.numbers.spare), (260, 50));
}

#[test]
fn growth_calls_draining_routers_back_first_the_fullest_before_others() {
    let mut seen = world(&["f"], &[("a", 100), ("b", 20), ("c", 80)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, -5);
    draining(&mut seen, "c", DrainReason::ScaleDown, -5);
    let plan = first(&pool(|p| p.max_draining = 2), &seen);
    let called_back = [("b", Change::CancelDrain), ("c", Change::CancelDrain)];
    assert_eq!(changes(&plan), called_back);
    assert!(plan.draining.is_empty());

    people_on(&mut seen, "a", 30);
    let plan = first(&pool(|p| p.max_draining = 2), &seen);
    assert_eq!(changes(&plan), [("c", Change::CancelDrain)]);
    assert_eq!(plan.draining, BTreeSet::from([router("b")]));
}

#[test]
fn the_pool_never_grows_beyond_its_maximum_and_says_so() {
    let seen = world(&["b", "c"], &[("a", 100)]);
    let plan = first(&pool(|p| p.max_routers = 1), &seen);
    assert!(plan.nodes.is_empty());
    assert_eq!(verdict(&plan, "ScalingActive"), ("False", "AtMaximum"));
}

#[test]
fn people_known_of_get_their_routers_even_while_reports_are_stale() {
    let mut seen = world(&["b"], &[("a", 90)]);
    seen.view.coverage = Coverage::Stale;
    assert_eq!(
        changes(&first(&pool(|_| {}), &seen)),
        [("b", Change::Label)]
    );
}

#[test]
fn explicit_replicas_are_followed_without_delay() {
    let held = pool(|p| p.replicas = Some(3));
    let grow = first(&held, &world(&["b", "c"], &[("a", 0)]));
    assert_eq!(changes(&grow), [("b", Change::Label), ("c", Change::Label)]);
    let fewer = pool(|p| p.replicas = Some(1));
    let shrink = first(&fewer, &world(&[], &[("a", 0), ("b", 0)]));
    assert_eq!(
        changes(&shrink),
        [("b", Change::StartDrain(DrainReason::ScaleDown))]
    );
    assert_eq!(verdict(&shrink, "ScalingActive"), ("False", "Held"));
}

#[test]
fn a_stopping_pod_keeps_its_node_from_being_taken_again() {
    let mut seen = world(&[], &[("a", 0)]);
    seen.nodes.insert("a".into(), node(Owner::Nobody));
    seen.pods.get_mut(&router("a")).unwrap().terminating = true;
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
}

#[test]
fn nodes_are_not_taken_while_nothing_would_start_routers_on_them() {
    let mut seen = world(&["b"], &[("a", 90)]);
    seen.startable = false;
    let plan = first(&pool(|_| {}), &seen);
    assert!(plan.nodes.is_empty(), "and the router that is there stays");
    assert_eq!(plan.numbers.desired, 2);
}

#[test]
fn routers_that_take_fewer_than_the_pool_says_are_more() {
    let mut seen = world(&["c", "d"], &[("a", 40), ("b", 40)]);
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
    word_of(&mut seen, "a").capacity = 50;
    word_of(&mut seen, "b").capacity = 50;
    // 80 people and 50 spare: 100 places are there, the next router has 100.
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), [("c", Change::Label)]);
    assert_eq!((plan.numbers.desired, plan.numbers.capacity), (3, 100));
}

#[test]
fn routers_that_take_more_than_the_pool_says_are_fewer_until_they_are_made_anew() {
    let mut seen = world(&["b", "c"], &[("a", 150)]);
    word_of(&mut seen, "a").capacity = 200;
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
    pod_of(&mut seen, "a").outdated = true;
    assert_eq!(first(&pool(|_| {}), &seen).numbers.desired, 2);
}
