//! Routers that wait for an address: they are none to the pool until their nodes have one.

use plenum_crds::{NoAddress, NodeAutoscaler};

use crate::world::*;

const ROLL: Change = Change::StartDrain(DrainReason::Rollout);

fn untold(seen: &mut Observed, name: &str) {
    edit(seen, name).reached = Reached::Nowhere(NoAddress::NotAnnotated);
}

/// The router of `a` has nothing to announce.
fn waiting(free: &[&str], others: &[(&str, u32)]) -> Observed {
    let routers: Vec<_> = [("a", 0)].iter().chain(others).copied().collect();
    let mut seen = world(free, &routers);
    starting(&mut seen, "a");
    untold(&mut seen, "a");
    seen
}

#[test]
fn another_comes_in_its_place_and_it_is_left_alone() {
    let mut seen = waiting(&["d"], &[]);
    let comes = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&comes), [("d", Change::Label)]);
    // Its mark, of a rollout, is no reason to wait for it.
    draining_since(&mut seen, "a", DrainReason::Rollout, -5);
    let both = [("a", Change::CancelDrain), ("d", Change::Label)];
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), both);
    // Nor is it called back where the load asks for more.
    draining_since(&mut seen, "a", DrainReason::ScaleDown, -5);
    let given_back = [("a", Change::UnlabelEmpty), ("d", Change::Label)];
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), given_back);
}

#[test]
fn its_node_is_given_back_when_there_would_be_one_too_many_with_it() {
    let seen = waiting(&[], &[("b", 5)]);
    let early = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&early), []);
    assert_eq!(early.look_again, Some(at(60)));
    let too_many = [("a", Change::StartDrain(DrainReason::ScaleDown))];
    assert_eq!(changes(&patient(&pool(|_| {}), &seen)), too_many);
    let two = pool(|p| p.min_routers = 2);
    assert_eq!(changes(&patient(&two, &seen)), [], "it is the second");
    let mut seen = waiting(&[], &[("b", 5), ("c", 5)]);
    draining(&mut seen, "c", DrainReason::NodeCordoned, -5);
    edit(&mut seen, "c").schedulable = false;
    assert_eq!(changes(&patient(&pool(|_| {}), &seen)), [], "one drains");
}

#[test]
fn its_node_is_given_back_when_somebody_wants_it_empty_or_serves_once_it_has_an_address() {
    let mut seen = waiting(&[], &[("b", 5)]);
    edit(&mut seen, "a").schedulable = false;
    let cordoned = [("a", Change::StartDrain(DrainReason::NodeCordoned))];
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), cordoned);
    edit(&mut seen, "a").schedulable = true;
    edit(&mut seen, "a").reached = Reached::ByItself;
    let two = first(&pool(|p| p.min_routers = 2), &seen);
    assert_eq!(verdict(&two, "NodesAvailable"), ("True", "EnoughNodes"));
}

#[test]
fn one_that_was_told_its_address_and_is_never_heard_waits_as_well_when_the_node_lost_it() {
    let mut seen = waiting(&["d"], &[]);
    mute(&mut seen, "a");
    pod_of(&mut seen, "a").announced = Some("203.0.113.7".parse().unwrap());
    let pool = patience_of_two_minutes();
    assert_eq!(changes(&after(&pool, &seen, 119)), [], "it may come yet");
    // Its template may not work, and it cannot be made anew there.
    let comes = [("d", Change::Label)];
    assert_eq!(changes(&after(&pool, &seen, 120)), comes);
}

#[test]
fn a_rollout_does_not_wait_for_it() {
    let mut seen = waiting(&[], &[("b", 5), ("c", 5)]);
    pod_of(&mut seen, "b").outdated = true;
    let two = pool(|p| p.min_routers = 2);
    assert_eq!(changes(&first(&two, &seen)), [("b", ROLL)]);
    edit(&mut seen, "a").reached = Reached::ByItself;
    assert_eq!(changes(&first(&two, &seen)), [], "it may come");
}

#[test]
fn a_rollout_is_halted_by_one_that_was_told_its_address_and_is_never_heard() {
    let three = |draining| {
        pool(|p| {
            (p.min_routers, p.rollout_deadline_seconds) = (3, 120);
            p.max_draining = draining;
        })
    };
    let mut seen = waiting(&[], &[("b", 5), ("c", 5)]);
    mute(&mut seen, "a");
    pod_of(&mut seen, "a").announced = Some("203.0.113.7".parse().unwrap());
    pod_of(&mut seen, "b").outdated = true;
    let halted = after(&three(1), &seen, 120);
    assert_eq!(changes(&halted), []);
    let rollout = "RolloutComplete";
    assert_eq!(verdict(&halted, rollout), ("False", "RolloutHalted"));
    assert!(message(&halted, rollout).contains("came to a,"));
    // It is one of those that may be away at once.
    assert_eq!(changes(&after(&three(2), &seen, 120)), [("b", ROLL)]);
}

#[test]
fn a_router_whose_node_loses_its_address_while_it_is_emptied_is_not_made_anew() {
    let mut seen = world(&[], &[("a", 0), ("b", 5)]);
    pod_of(&mut seen, "a").outdated = true;
    draining(&mut seen, "a", DrainReason::Rollout, -60);
    let pool = pool(|p| p.min_routers = 2);
    assert_eq!(first(&pool, &seen).replace.len(), 1);
    untold(&mut seen, "a");
    let stays = first(&pool, &seen);
    assert!(stays.replace.is_empty());
    assert_eq!(changes(&stays), [("a", Change::CancelDrain)]);
}

#[test]
fn one_that_was_heard_serves_whatever_became_of_the_address() {
    let mut seen = world(&["d"], &[("a", 5)]);
    untold(&mut seen, "a");
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), []);
    // A controller forgot it, and its pod tells that somebody had heard it.
    seen.view.routers.clear();
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), []);
}

#[test]
fn a_node_that_gets_no_address_in_time_holds_a_placeholder_that_is_made_up_for() {
    let pool = |draining| {
        pool(|p| {
            (p.min_routers, p.rollout_deadline_seconds) = (2, 120);
            p.max_draining = draining;
            p.node_autoscaler = NodeAutoscaler::Karpenter;
        })
    };
    let mut seen = world(&["d"], &[("a", 5)]);
    untold(&mut seen, "d");
    let early = first(&pool(1), &seen);
    assert_eq!(early.placeholders, 1, "many get theirs soon");
    assert_eq!(early.look_again, Some(at(120)));
    let late = plan(&pool(1), &seen, &early.memory, at(120));
    assert_eq!(late.placeholders, 2);
    // Where none gets one, nodes are not brought without an end.
    let mut more = world(&["d", "e", "f"], &[("a", 5)]);
    for name in ["d", "e", "f"] {
        untold(&mut more, name);
    }
    assert_eq!(after(&pool(2), &more, 120).placeholders, 3);
    // Nobody is missing.
    edit(&mut seen, "d").reached = Reached::ByItself;
    let mut enough = world(&["d"], &[("a", 5), ("b", 5)]);
    untold(&mut enough, "d");
    assert_eq!(after(&pool(1), &enough, 120).placeholders, 0);
}
