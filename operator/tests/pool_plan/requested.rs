//! Somebody asks, by an annotation, for the drain of one node's router.

use super::world::*;

fn asked(seen: &mut Observed, name: &str) {
    edit(seen, name).drain_requested = true;
}

#[test]
fn a_router_that_somebody_wants_drained_is_replaced_first_and_then_drains() {
    let pool = pool(|_| {});
    let mut seen = world(&["b"], &[("a", 20)]);
    asked(&mut seen, "a");
    assert_eq!(changes(&first(&pool, &seen)), [("b", Change::Label)]);

    let mut replaced = world(&[], &[("a", 20), ("b", 0)]);
    asked(&mut replaced, "a");
    let drain = Change::StartDrain(DrainReason::Requested);
    assert_eq!(changes(&first(&pool, &replaced)), [("a", drain)]);
}

#[test]
fn its_node_is_kept_free_of_routers_until_that_is_taken_back() {
    let pool = pool(|_| {});
    let mut seen = world(&["c"], &[("a", 0), ("b", 90)]);
    asked(&mut seen, "a");
    draining(&mut seen, "a", DrainReason::Requested, -10);
    let done = first(&pool, &seen);
    // 90 people and 50 spare need two; the second goes to the other node.
    let expected = [("a", Change::UnlabelEmpty), ("c", Change::Label)];
    assert_eq!(changes(&done), expected);

    let mut left = world(&["a"], &[("b", 90)]);
    asked(&mut left, "a");
    assert!(first(&pool, &left).nodes.is_empty());
    edit(&mut left, "a").drain_requested = false;
    assert_eq!(changes(&first(&pool, &left)), [("a", Change::Label)]);
}

#[test]
fn taken_back_in_time_it_stays_whatever_the_load() {
    let mut seen = world(&[], &[("a", 3), ("b", 5)]);
    draining(&mut seen, "a", DrainReason::Requested, -10);
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), [("a", Change::CancelDrain)]);
    assert!(plan.draining.is_empty());
}

#[test]
fn a_drain_that_was_asked_for_counts_among_those_at_once() {
    let mut seen = world(&[], &[("a", 3), ("b", 5), ("c", 5)]);
    asked(&mut seen, "b");
    asked(&mut seen, "c");
    draining(&mut seen, "b", DrainReason::Requested, -10);
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
    let two = first(&pool(|p| p.max_draining = 2), &seen);
    let drain = Change::StartDrain(DrainReason::Requested);
    assert_eq!(changes(&two), [("c", drain)]);
}
