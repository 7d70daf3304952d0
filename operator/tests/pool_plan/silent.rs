//! Routers that were heard, run for all their kubelets know, and are heard no more: they are waited
//! for as long as a new one may take until it takes people, and hold nothing up from then on.

use plenum_crds::NodeAutoscaler;

use super::world::*;

const SCALING: &str = "ScalingActive";
const NODES: &str = "NodesAvailable";
const PARTIAL: (&str, &str) = ("False", "ReportsPartial");
const GOES_ON: (&str, &str) = ("True", "RoutersSilent");

#[test]
fn it_is_waited_for_as_long_as_a_new_one_and_then_replaced() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    let mut memory = Memory::default();
    for second in [0, 60, 119] {
        let waits = plan(&pool, &seen, &memory, at(second));
        assert_eq!(changes(&waits), []);
        assert_eq!(verdict(&waits, SCALING), PARTIAL);
        assert_eq!(waits.look_again, Some(at(120)));
        memory = waits.memory;
    }
    let goes_on = plan(&pool, &seen, &memory, at(120));
    assert_eq!(verdict(&goes_on, SCALING), GOES_ON);
    for word in ["r-b", "120 s", "cordon", "TCP 9443"] {
        assert!(message(&goes_on, SCALING).contains(word), "{word}");
    }
    // 65 people and 50 spare need two, and it is none of them. Those on it may still be talking.
    assert_eq!(changes(&goes_on), [("c", Change::Label)]);
    assert_eq!(goes_on.numbers.desired, 2);
}

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

#[test]
fn what_a_person_or_the_load_decided_is_said_first() {
    let held = pool(|p| (p.rollout_deadline_seconds, p.replicas) = (120, Some(1)));
    let mut seen = world(&[], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    let plan = after(&held, &seen, 120);
    assert_eq!(verdict(&plan, SCALING), ("False", "Held"));
    assert!(message(&plan, SCALING).contains("without r-b"));
}

#[test]
fn one_word_of_it_and_it_serves_again() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    let silent = after(&pool, &seen, 119);
    *word_of(&mut seen, "b") = word(5);
    let heard = plan(&pool, &seen, &silent.memory, at(120));
    assert_eq!(verdict(&heard, SCALING), ("True", "FollowingLoad"));
    assert_eq!(changes(&heard), []);
    falls_silent(&mut seen, "b");
    let again = plan(&pool, &seen, &heard.memory, at(121));
    assert_eq!(verdict(&again, SCALING), PARTIAL, "its time begins anew");
    assert_eq!(again.look_again, Some(at(241)));
}

#[test]
fn time_in_which_not_every_controller_is_heard_is_not_its_silence() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    let mut broken = seen.clone();
    broken.view.coverage = Coverage::Stale;
    let memory = first(&pool, &seen).memory;
    let memory = plan(&pool, &broken, &memory, at(60)).memory;
    let back = plan(&pool, &seen, &memory, at(120));
    assert_eq!(verdict(&back, SCALING), PARTIAL);
    assert_eq!(back.look_again, Some(at(240)));
}

#[test]
fn one_that_was_given_up_stays_so_when_a_controller_is_away_for_a_moment() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 60), ("b", 5), ("d", 5)]);
    falls_silent(&mut seen, "b");
    let silent = after(&pool, &seen, 120);
    assert_eq!(verdict(&silent, SCALING), GOES_ON);
    let mut broken = seen.clone();
    broken.view.coverage = Coverage::Stale;
    let away = plan(&pool, &broken, &silent.memory, at(121));
    assert_eq!(changes(&away), []);
    assert_eq!(verdict(&away, SCALING), ("False", "ReportsStale"));
    let back = plan(&pool, &seen, &away.memory, at(122));
    assert_eq!(verdict(&back, SCALING), GOES_ON);
    // It has come back meanwhile.
    *word_of(&mut seen, "b") = word(5);
    let heard = plan(&pool, &seen, &away.memory, at(122));
    assert_eq!(verdict(&heard, SCALING), ("True", "FollowingLoad"));
}

#[test]
fn when_fewer_are_wanted_the_silent_one_is_left_alone() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&[], &[("a", 9), ("b", 1), ("c", 5)]);
    falls_silent(&mut seen, "b");
    let silent = after(&pool, &seen, 120);
    assert_eq!(changes(&silent), []);
    let later = plan(&pool, &seen, &silent.memory, at(180));
    let drain = Change::StartDrain(DrainReason::ScaleDown);
    assert_eq!(changes(&later), [("c", drain)]);
}

#[test]
fn a_rollout_makes_it_anew_last() {
    let two = pool(|p| (p.rollout_deadline_seconds, p.min_routers) = (120, 2));
    let mut seen = world(&[], &[("a", 9), ("b", 0), ("c", 5)]);
    falls_silent(&mut seen, "b");
    for name in ["a", "b"] {
        pod_of(&mut seen, name).outdated = true;
    }
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&after(&two, &seen, 120)), [("a", drain)]);
    pod_of(&mut seen, "a").outdated = false;
    assert_eq!(changes(&after(&two, &seen, 120)), [("b", drain)]);
}

#[test]
fn a_new_router_that_falls_silent_halts_its_rollout() {
    let two = pool(|p| (p.rollout_deadline_seconds, p.min_routers) = (120, 2));
    let mut seen = world(&[], &[("a", 9), ("b", 0), ("c", 5)]);
    falls_silent(&mut seen, "b");
    pod_of(&mut seen, "a").outdated = true;
    let halted = after(&two, &seen, 120);
    assert_eq!(changes(&halted), []);
    let rollout = ("False", "RolloutHalted");
    assert_eq!(verdict(&halted, "RolloutComplete"), rollout);
}

#[test]
fn one_that_some_controllers_hear_is_silent_where_these_all_hear_another() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 60), ("b", 5)]);
    half_heard(&mut seen, "b");
    let goes_on = after(&pool, &seen, 120);
    assert_eq!(verdict(&goes_on, SCALING), GOES_ON);
    assert_eq!(changes(&goes_on), [("c", Change::Label)]);
}

#[test]
fn one_that_comes_back_to_the_others_while_a_controller_is_away_is_silent_no_more() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 60), ("b", 5)]);
    falls_silent(&mut seen, "b");
    let silent = after(&pool, &seen, 120);
    assert_eq!(verdict(&silent, SCALING), GOES_ON);
    *word_of(&mut seen, "b") = word(5);
    half_heard(&mut seen, "b");
    let mut away = seen.clone();
    away.view.coverage = Coverage::Stale;
    let memory = plan(&pool, &away, &silent.memory, at(121)).memory;
    // The controller is back, and it takes a moment until routers are.
    let back = plan(&pool, &seen, &memory, at(122));
    assert_eq!(verdict(&back, SCALING), PARTIAL);
    assert_eq!(changes(&back), []);
    assert_eq!(back.look_again, Some(at(242)), "it is missed from now on");
}

#[test]
fn one_that_only_some_controllers_hear_stays_silent_when_another_is_away_for_a_moment() {
    let mut pool = patience_of_two_minutes();
    pool.spec.node_autoscaler = NodeAutoscaler::Karpenter;
    let mut seen = world(&[], &[("a", 60), ("b", 5)]);
    half_heard(&mut seen, "b");
    let silent = after(&pool, &seen, 120);
    assert_eq!(verdict(&silent, SCALING), GOES_ON);
    assert_eq!(silent.placeholders, 1);
    let mut away = seen.clone();
    away.view.coverage = Coverage::Stale;
    let mut memory = silent.memory;
    for second in [121, 122] {
        let away = plan(&pool, &away, &memory, at(second));
        assert_eq!(verdict(&away, SCALING), ("False", "ReportsStale"));
        assert_eq!(away.placeholders, 1, "it is replaced all the same");
        memory = away.memory;
    }
    let back = plan(&pool, &seen, &memory, at(123));
    assert_eq!(verdict(&back, SCALING), GOES_ON);
    // The one that was away hears nobody yet: the trouble may be its own.
    half_heard(&mut seen, "a");
    let deaf = plan(&pool, &seen, &memory, at(123));
    assert_eq!(verdict(&deaf, SCALING), PARTIAL);
}

#[test]
fn a_new_router_that_comes_late_has_its_time_from_its_first_word() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 60), ("b", 0)]);
    starting(&mut seen, "b");
    let pulled = after(&pool, &seen, 200);
    seen.view.routers.insert(router("b"), word(0));
    half_heard(&mut seen, "b");
    (pod_of(&mut seen, "b").started, pod_of(&mut seen, "b").ready) = (true, true);
    let comes = plan(&pool, &seen, &pulled.memory, at(201));
    assert_eq!(changes(&comes), []);
    assert_eq!(verdict(&comes, SCALING), PARTIAL);
    assert_eq!(comes.look_again, Some(at(321)));
}

#[test]
fn a_controller_that_hears_no_router_makes_none_of_them_silent() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&["c"], &[("a", 60), ("b", 5)]);
    half_heard(&mut seen, "a");
    half_heard(&mut seen, "b");
    edit(&mut seen, "b").schedulable = false;
    for seconds in [120, 9_000] {
        let waits = after(&pool, &seen, seconds);
        assert_eq!(verdict(&waits, SCALING), PARTIAL);
        assert!(!waits.nodes.values().any(|it| it.change != Change::Label));
    }
}
