//! The nodes of routers that are silent for long: to have them back, and to empty others beside them.

use super::world::*;

const SCALING: &str = "ScalingActive";
const CORDONED: Change = Change::StartDrain(DrainReason::NodeCordoned);
const ROLL: Change = Change::StartDrain(DrainReason::Rollout);

#[test]
fn nobody_is_moved_to_it_and_it_keeps_no_other_node_from_being_emptied() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&[], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    edit(&mut seen, "a").schedulable = false;
    assert_eq!(changes(&after(&pool, &seen, 120)), [], "nowhere to go");
    let mut seen = world(&[], &[("a", 60), ("b", 5), ("c", 0)]);
    falls_silent(&mut seen, "b");
    edit(&mut seen, "a").schedulable = false;
    assert_eq!(changes(&after(&pool, &seen, 119)), []);
    assert_eq!(changes(&after(&pool, &seen, 120)), [("a", CORDONED)]);
}

#[test]
fn its_own_node_is_emptied_when_somebody_wants_that_and_given_back_at_the_deadline() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&[], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    edit(&mut seen, "b").schedulable = false;
    assert_eq!(changes(&after(&pool, &seen, 119)), []);
    let begins = after(&pool, &seen, 120);
    assert_eq!(changes(&begins), [("b", CORDONED)]);
    assert_eq!(verdict(&begins, SCALING), ("True", "FollowingLoad"));
    // There may be people on it: it has as much time as any other.
    draining_since(&mut seen, "b", DrainReason::NodeCordoned, 120);
    let at_second = |second| plan(&pool, &seen, &begins.memory, at(second));
    assert_eq!(changes(&at_second(719)), []);
    assert_eq!(changes(&at_second(720)), [("b", Change::UnlabelLate)]);
}

#[test]
fn at_the_bound_one_cordon_gets_its_node_back() {
    let pool = pool(|p| {
        (p.rollout_deadline_seconds, p.max_routers, p.max_draining) = (120, 2, 1);
    });
    let mut seen = world(&["d"], &[("a", 60), ("b", 5), ("c", 5)]);
    for name in ["a", "b", "c"] {
        falls_silent(&mut seen, name);
    }
    let bound = after(&pool, &seen, 120);
    assert_eq!(changes(&bound), [], "none of them is there to be sent to");
    edit(&mut seen, "c").schedulable = false;
    let comes = plan(&pool, &seen, &bound.memory, at(121));
    assert_eq!(changes(&comes), [("d", Change::Label)], "first another");
    let new = world(&["e"], &[("d", 0)]);
    seen.nodes.extend(new.nodes);
    seen.pods.extend(new.pods);
    seen.view.routers.extend(new.view.routers);
    let leaves = plan(&pool, &seen, &comes.memory, at(140));
    assert_eq!(changes(&leaves), [("c", CORDONED)]);
    draining_since(&mut seen, "c", DrainReason::NodeCordoned, 140);
    let at_second = |second| plan(&pool, &seen, &leaves.memory, at(second));
    assert_eq!(changes(&at_second(739)), [], "it brings one, and no more");
    assert_eq!(changes(&at_second(740)), [("c", Change::UnlabelLate)]);
}

#[test]
fn its_node_is_emptied_however_full_the_others_are_as_nobody_moves() {
    let pool = pool(|p| {
        (p.rollout_deadline_seconds, p.max_routers, p.max_draining) = (120, 2, 2);
    });
    let mut seen = world(&[], &[("a", 90), ("b", 95), ("c", 60)]);
    falls_silent(&mut seen, "b");
    edit(&mut seen, "b").schedulable = false;
    let leaves = after(&pool, &seen, 120);
    assert_eq!(changes(&leaves), [("b", CORDONED)]);
    // Nor does it keep another from being emptied while it drains.
    draining_since(&mut seen, "b", DrainReason::NodeCordoned, 120);
    *word_of(&mut seen, "c") = word(5);
    edit(&mut seen, "c").schedulable = false;
    let both = plan(&pool, &seen, &leaves.memory, at(121));
    assert_eq!(changes(&both), [("c", CORDONED)]);
    // Those that some controller hears are told to move, and need a place.
    *word_of(&mut seen, "c") = word(60);
    edit(&mut seen, "b").drain = None;
    *word_of(&mut seen, "b") = word(95);
    half_heard(&mut seen, "b");
    edit(&mut seen, "c").schedulable = true;
    let heard = after(&pool, &seen, 120);
    assert_eq!(changes(&heard), []);
}

#[test]
fn one_that_drains_is_not_called_back_for_the_load() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 90), ("b", 5)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, -5);
    falls_silent(&mut seen, "b");
    assert_eq!(changes(&after(&pool, &seen, 120)), [("c", Change::Label)]);
}

#[test]
fn a_rollout_takes_it_from_nobody_who_has_no_room_elsewhere() {
    let two = pool(|p| (p.rollout_deadline_seconds, p.min_routers) = (120, 2));
    let mut seen = world(&[], &[("a", 50), ("b", 95)]);
    falls_silent(&mut seen, "b");
    pod_of(&mut seen, "b").outdated = true;
    assert_eq!(changes(&after(&two, &seen, 120)), []);
    people_on(&mut seen, "b", 50);
    assert_eq!(changes(&after(&two, &seen, 120)), [("b", ROLL)]);
}

#[test]
fn while_a_rollout_empties_it_no_other_leaves_for_the_load_without_room_for_its_people() {
    let pool = pool(|p| {
        (p.rollout_deadline_seconds, p.max_draining) = (120, 2);
        (p.min_routers, p.max_routers) = (2, 2);
    });
    let mut seen = world(&[], &[("a", 40), ("b", 95), ("d", 20)]);
    falls_silent(&mut seen, "b");
    pod_of(&mut seen, "b").outdated = true;
    let begins = after(&pool, &seen, 120);
    assert_eq!(changes(&begins), [("b", ROLL)]);
    draining_since(&mut seen, "b", DrainReason::Rollout, 120);
    let stays = plan(&pool, &seen, &begins.memory, at(240));
    assert_eq!(changes(&stays), []);
}
