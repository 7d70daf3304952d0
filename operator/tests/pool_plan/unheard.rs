//! Routers of which no zone controller ever heard: nobody can have been sent to them, so they hold
//! nothing up.

use super::world::*;

#[test]
fn a_router_that_nobody_ever_heard_is_waited_for_as_long_as_a_new_one_and_not_longer() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    mute(&mut seen, "b");
    draining_since(&mut seen, "b", DrainReason::ScaleDown, 0);
    let memory = first(&pool, &seen).memory;
    let at_second = |seen: &Observed, second| plan(&pool, seen, &memory, at(second));
    assert!(at_second(&seen, 299).nodes.is_empty());
    let late = [("b", Change::UnlabelUnheard)];
    assert_eq!(changes(&at_second(&seen, 300)), late);
    // While controllers are silent nobody knows whether one of them has.
    seen.view.coverage = Coverage::Stale;
    assert!(at_second(&seen, 599).nodes.is_empty());
    let maybe_heard = [("b", Change::UnlabelLate)];
    assert_eq!(changes(&at_second(&seen, 600)), maybe_heard);
}

#[test]
fn time_in_which_nobody_could_hear_a_router_does_not_count_against_it() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    mute(&mut seen, "b");
    draining_since(&mut seen, "b", DrainReason::ScaleDown, 0);
    // The operator, or its links, were away for most of the drain.
    let memory = plan(&pool, &seen, &Memory::default(), at(250)).memory;
    let waits = plan(&pool, &seen, &memory, at(300));
    assert_eq!(changes(&waits), []);
    assert_eq!(waits.look_again, Some(at(550)));
    let late = [("b", Change::UnlabelUnheard)];
    assert_eq!(changes(&plan(&pool, &seen, &memory, at(550))), late);
    // It is waited for no longer than any other all the same.
    let memory = plan(&pool, &seen, &Memory::default(), at(599)).memory;
    assert_eq!(changes(&plan(&pool, &seen, &memory, at(600))), late);
}

#[test]
fn no_other_is_started_in_its_place_while_a_controller_is_away() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let mut seen = world(&["c"], &[("a", 60), ("b", 0)]);
    mute(&mut seen, "b");
    let memory = first(&pool, &seen).memory;
    let long = plan(&pool, &seen, &memory, at(120));
    assert_eq!(changes(&long), [], "it is there, for all anybody knows");
    seen.view.coverage = Coverage::Stale;
    let away = plan(&pool, &seen, &long.memory, at(121));
    assert_eq!(changes(&away), []);
    assert_eq!(away.numbers.desired, 2);
}

#[test]
fn it_is_written_that_a_router_was_heard_and_never_unwritten() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    mute(&mut seen, "b");
    let unheard = Said {
        written: true,
        ..Said::default()
    };
    assert_eq!(first(&pool, &seen).pods[&router("b")], unheard);
    seen.view.routers.insert(router("b"), word(0));
    assert!(first(&pool, &seen).pods[&router("b")].heard);
    pod_of(&mut seen, "b").said.heard = true;
    seen.view.routers.remove(&router("b"));
    assert!(first(&pool, &seen).pods[&router("b")].heard);
}

/// `b` runs since `at(0)`, nobody has a word of it, and nobody looked when it began.
fn from_before() -> Observed {
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    mute(&mut seen, "b");
    pod_of(&mut seen, "b").said = Said {
        heard: true,
        ..Said::default()
    };
    seen
}

const PARTIAL: (&str, &str) = ("False", "ReportsPartial");

#[test]
fn one_that_ran_before_anybody_looked_may_have_been_heard_until_controllers_were_silent_for_long() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let seen = from_before();
    let mut memory = Memory::default();
    for second in [1_000, 1_060, 1_119] {
        let waits = plan(&pool, &seen, &memory, at(second));
        assert_eq!(verdict(&waits, "ScalingActive"), PARTIAL);
        assert!(waits.pods.is_empty(), "nothing is written of it");
        assert_eq!(waits.look_again, Some(at(1_120)));
        memory = waits.memory;
    }
    let clear = plan(&pool, &seen, &memory, at(1_120));
    assert_eq!(verdict(&clear, "ScalingActive"), ("True", "FollowingLoad"));
    let unheard = Said {
        written: true,
        ..Said::default()
    };
    assert_eq!(clear.pods[&router("b")], unheard);
}

#[test]
fn a_break_in_what_controllers_say_begins_the_wait_for_a_first_word_anew() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let seen = from_before();
    let mut silent = seen.clone();
    silent.view.coverage = Coverage::Stale;
    let memory = plan(&pool, &seen, &Memory::default(), at(1_000)).memory;
    let memory = plan(&pool, &silent, &memory, at(1_060)).memory;
    let waits = plan(&pool, &seen, &memory, at(1_120));
    assert_eq!(verdict(&waits, "ScalingActive"), PARTIAL);
    assert_eq!(waits.look_again, Some(at(1_240)));
}

#[test]
fn a_young_one_gets_the_time_of_a_new_router_however_long_controllers_were_listened_to() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let memory = plan(
        &pool,
        &world(&[], &[("a", 10)]),
        &Memory::default(),
        at(-900),
    )
    .memory;
    let waits = plan(&pool, &from_before(), &memory, at(119));
    assert_eq!(verdict(&waits, "ScalingActive"), PARTIAL);
    let clear = plan(&pool, &from_before(), &waits.memory, at(120));
    assert!(!clear.pods[&router("b")].heard);
}

#[test]
fn one_word_of_it_is_enough_and_it_is_missed_from_then_on() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let mut seen = from_before();
    seen.view.routers.insert(router("b"), word(0));
    let heard = plan(&pool, &seen, &Memory::default(), at(1_000));
    pod_of(&mut seen, "b").said = heard.pods[&router("b")];
    seen.view.routers.remove(&router("b"));
    for second in [1_001, 9_000] {
        let missed = plan(&pool, &seen, &heard.memory, at(second));
        assert_eq!(verdict(&missed, "ScalingActive"), PARTIAL);
    }
}
