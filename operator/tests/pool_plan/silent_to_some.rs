//! Silent routers where controllers differ: some hear them, or some are away for a moment.

use plenum_crds::NodeAutoscaler;

use super::world::*;

const SCALING: &str = "ScalingActive";
const PARTIAL: (&str, &str) = ("False", "ReportsPartial");
const GOES_ON: (&str, &str) = ("True", "RoutersSilent");

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
fn one_that_only_some_controllers_hear_stays_silent_when_these_begin_anew() {
    let pool = patience_of_two_minutes();
    let mut seen = world(&[], &[("a", 60), ("b", 5)]);
    half_heard(&mut seen, "b");
    let heard = seen.clone();
    falls_silent(&mut seen, "b");
    let mut memory = after(&pool, &heard, 120).memory;
    // The one that hears it is rolled and knows nobody for a moment, then so is the other.
    let looks = [
        (121, &seen, Coverage::Stale),
        (122, &seen, Coverage::Complete),
        (123, &heard, Coverage::Stale),
        (124, &heard, Coverage::Complete),
    ];
    for (second, seen, coverage) in looks {
        let mut seen = seen.clone();
        seen.view.coverage = coverage;
        let goes_on = plan(&pool, &seen, &memory, at(second));
        if coverage == Coverage::Complete {
            assert_eq!(verdict(&goes_on, SCALING), GOES_ON, "after {second} s");
        }
        memory = goes_on.memory;
    }
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
