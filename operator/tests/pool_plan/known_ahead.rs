//! Meetings that are known ahead have room before their people come, beside those whom nobody announced.

use plenum_crds::NodeAutoscaler;

use super::world::*;

/// So many people, of whom so many are still to come for a meeting that begins at `at(800)`.
fn known(there: u32, expected: u32) -> Observed {
    let mut seen = world(&["b", "c", "d", "e"], &[("a", there)]);
    seen.view.expected = [(at(800), expected)].into();
    seen
}

#[test]
fn people_of_a_meeting_that_is_known_ahead_have_their_routers_when_they_come() {
    let pool = by_arrivals(|_| {});
    // Ten minutes early, and thirty-five seconds that routers take.
    let from = at(800 - 600 - 35);
    let seen = known(5, 180);
    let early = plan(&pool, &seen, &Memory::default(), at(164));
    assert_eq!((early.numbers.desired, early.look_again), (1, Some(from)));
    assert_eq!(early.numbers.expected, 180);
    // 5 are there and 200 with what routers keep for growth; 50 are kept free for others.
    let begins = plan(&pool, &seen, &early.memory, from);
    assert_eq!(begins.numbers.desired, 3);
    // Who has come is in the reports, and the directory expects them no more.
    let half = plan(&pool, &known(95, 90), &begins.memory, at(790));
    assert_eq!(half.numbers.desired, 3);
    // Whoever has not come five minutes after it began is expected no longer.
    let over = plan(&pool, &known(95, 90), &half.memory, at(1_100));
    assert_eq!((over.numbers.desired, over.numbers.expected), (2, 0));
}

#[test]
fn those_who_were_expected_are_no_crowd_when_they_come() {
    let pool = by_arrivals(|_| {});
    let before = plan(&pool, &known(5, 180), &Memory::default(), at(700));
    let then = |there, expected| {
        let decided = plan(&pool, &known(there, expected), &before.memory, at(705));
        decided.numbers.desired
    };
    // 145 are there; room for 40 with growth; 50 kept free.
    assert_eq!(then(145, 40), 3);
    // 240 came, half of them expected by nobody: twice as many as these may follow.
    assert_eq!(then(245, 60), 5);
}

#[test]
fn nor_are_they_while_nobody_says_that_they_came() {
    let pool = by_arrivals(|_| {});
    let before = plan(&pool, &known(5, 180), &Memory::default(), at(700));
    // The directory is away: 145 are there; room for the 180 with growth; 50 kept free.
    let then = plan(&pool, &known(145, 180), &before.memory, at(705));
    assert_eq!(then.numbers.desired, 4);
}

#[test]
fn a_wrong_announcement_makes_a_pool_no_larger_than_its_maximum() {
    let pool = by_arrivals(|spec| {
        spec.max_routers = 3;
        spec.node_autoscaler = NodeAutoscaler::ClusterAutoscaler;
    });
    let mut seen = known(5, 1_000_000);
    seen.nodes.retain(|_, node| node.owner == Owner::Us);
    let decided = plan(&pool, &seen, &Memory::default(), at(700));
    assert_eq!((decided.numbers.desired, decided.placeholders), (3, 2));
    assert_eq!(verdict(&decided, "ScalingActive"), ("False", "AtMaximum"));
}

#[test]
fn a_pool_whose_spare_room_is_what_its_spec_says_keeps_no_other() {
    let by_spec = plan(&pool(|_| {}), &known(5, 180), &Memory::default(), at(790));
    assert_eq!(by_spec.numbers.desired, 1);
    assert_eq!(by_spec.numbers.expected, 180, "it says so all the same");
}

#[test]
fn people_whom_the_schedule_announces_too_are_not_counted_twice() {
    let pool = by_arrivals(|spec| {
        spec.schedule = at_noon(10);
        spec.schedule[0].min_routers = None;
        spec.schedule[0].spare_participants = 200;
    });
    let desired = |expected| {
        let decided = plan(&pool, &known(5, expected), &Memory::default(), at(700));
        decided.numbers.desired
    };
    assert_eq!([desired(0), desired(90), desired(270)], [3, 3, 4]);
}

#[test]
fn nodes_for_a_meeting_that_is_known_ahead_are_asked_for_five_minutes_before_people_come() {
    let pool = by_arrivals(|spec| spec.node_autoscaler = NodeAutoscaler::ClusterAutoscaler);
    let mut seen = known(5, 180);
    seen.nodes.retain(|_, node| node.owner == Owner::Us);
    let count = |second| plan(&pool, &seen, &Memory::default(), at(second)).placeholders;
    assert_eq!((count(-101), count(-100)), (0, 2));
}

#[test]
fn what_was_told_before_controllers_fell_silent_counts_until_it_is_over() {
    let pool = by_arrivals(|_| {});
    let mut seen = known(5, 180);
    seen.view.coverage = Coverage::Stale;
    let desired = |second| {
        let decided = plan(&pool, &seen, &Memory::default(), at(second));
        decided.numbers.desired
    };
    assert_eq!((desired(1_099), desired(1_100)), (3, 1));
}
