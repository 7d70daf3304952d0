//! Routers that were heard, run for all their kubelets know, and are heard no more: they are waited
//! for as long as a new one may take until it takes people, and hold nothing up from then on.

use super::world::*;

const SCALING: &str = "ScalingActive";
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
