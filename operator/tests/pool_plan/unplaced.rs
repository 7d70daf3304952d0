//! A meeting is on one router: the sum of free seats does not help one that needs many.

use super::world::*;

/// 33 seats are free on each, and a meeting on `a` needs 61.
fn spread_out() -> Observed {
    let mut seen = world(&["d", "e"], &[("a", 67), ("b", 67), ("c", 67)]);
    word_of(&mut seen, "a").unplaced = Some(61);
    seen
}

#[test]
fn it_gets_a_router_more_though_the_sum_of_seats_would_do() {
    let mut seen = spread_out();
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), [("d", Change::Label)]);
    assert_eq!(plan.numbers.desired, 4);
    word_of(&mut seen, "a").unplaced = None;
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), []);
}

#[test]
fn the_one_that_is_coming_is_it() {
    let mut seen = spread_out();
    seen.nodes.insert("d".into(), node(Owner::Us));
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), []);
}

#[test]
fn so_is_one_that_said_a_word_and_is_not_ready_yet() {
    let mut seen = world(&["e"], &[("a", 67), ("b", 67), ("c", 67), ("d", 0)]);
    word_of(&mut seen, "a").unplaced = Some(61);
    pod_of(&mut seen, "d").ready = false;
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), []);
}

#[test]
fn the_one_that_comes_for_a_rollout_is_it_too() {
    let mut seen = spread_out();
    pod_of(&mut seen, "b").outdated = true;
    let plan = first(&pool(|p| p.spare_participants = 0), &seen);
    assert_eq!(changes(&plan), [("d", Change::Label)]);
}

#[test]
fn once_some_router_has_room_the_meeting_goes_there() {
    let mut seen = spread_out();
    people_on(&mut seen, "c", 39);
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), []);
}

#[test]
fn one_larger_than_a_router_brings_none() {
    let mut seen = spread_out();
    word_of(&mut seen, "a").unplaced = Some(101);
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), []);
}

#[test]
fn for_several_there_come_as_many_as_hold_them() {
    let mut seen = spread_out();
    word_of(&mut seen, "b").unplaced = Some(60);
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), [("d", Change::Label), ("e", Change::Label)]);
}

#[test]
fn at_the_maximum_none_comes_and_the_pool_says_so() {
    let plan = first(&pool(|p| p.max_routers = 3), &spread_out());
    assert_eq!(changes(&plan), []);
    assert_eq!(verdict(&plan, "ScalingActive"), ("False", "AtMaximum"));
}

#[test]
fn a_drain_for_fewer_routers_that_cannot_end_is_called_back() {
    let mut seen = world(&[], &[("a", 70), ("b", 35), ("c", 35)]);
    let pool = pool(|p| p.spare_participants = 0);
    draining(&mut seen, "a", DrainReason::ScaleDown, -10);
    assert_eq!(changes(&first(&pool, &seen)), [], "140 fit on two");
    word_of(&mut seen, "a").unplaced = Some(70);
    assert_eq!(changes(&first(&pool, &seen)), [("a", Change::CancelDrain)]);
}

/// 180 people fit on two routers, but `a` drains, and took more than those that would come: it has a
/// meeting of 120.
fn larger_than_a_router(why: DrainReason) -> Observed {
    let mut seen = world(&["d"], &[("a", 120), ("b", 30), ("c", 30)]);
    draining(&mut seen, "a", why, -10);
    let word = word_of(&mut seen, "a");
    (word.capacity, word.unplaced) = (150, Some(120));
    seen
}

#[test]
fn so_is_one_whose_meeting_is_larger_than_any_router_that_could_come() {
    let pool = pool(|p| p.spare_participants = 0);
    let for_load = larger_than_a_router(DrainReason::ScaleDown);
    let plan = first(&pool, &for_load);
    assert_eq!(changes(&plan), [("a", Change::CancelDrain)]);
    // Where somebody wants it empty another would be no help.
    let mut cordoned = larger_than_a_router(DrainReason::NodeCordoned);
    edit(&mut cordoned, "a").schedulable = false;
    assert_eq!(changes(&first(&pool, &cordoned)), []);
}

#[test]
fn the_one_that_was_called_back_is_no_reason_for_another_before_it_heard_so() {
    let mut seen = world(&["d"], &[("a", 70), ("b", 35), ("c", 35)]);
    let pool = pool(|p| p.spare_participants = 0);
    draining(&mut seen, "a", DrainReason::ScaleDown, -10);
    word_of(&mut seen, "a").unplaced = Some(70);
    let called_back = first(&pool, &seen);
    edit(&mut seen, "a").drain = None;
    let goes_on = plan(&pool, &seen, &called_back.memory, at(1));
    assert_eq!(changes(&goes_on), []);
}

const SMALLER: Change = Change::StartDrain(DrainReason::ScaleDown);

/// 180 people fit on two, and `a` has the fewest: it was to be emptied, has a meeting of 40, and is
/// called back. What is planned so many seconds later.
fn after_a_was_called_back(change: impl FnOnce(&mut MMRPoolSpec), then: i64) -> Plan {
    let mut seen = world(&[], &[("a", 40), ("b", 70), ("c", 70)]);
    let pool = pool(|p| {
        (p.spare_participants, p.scale_down_delay_seconds) = (0, 60);
        p.move_pause_seconds = 600;
        change(p);
    });
    assert_eq!(changes(&patient(&pool, &seen)), [("a", SMALLER)]);
    draining(&mut seen, "a", DrainReason::ScaleDown, -10);
    word_of(&mut seen, "a").unplaced = Some(40);
    let called_back = first(&pool, &seen);
    assert_eq!(changes(&called_back), [("a", Change::CancelDrain)]);
    edit(&mut seen, "a").drain = None;
    *word_of(&mut seen, "a") = word(40);
    let stays = plan(&pool, &seen, &called_back.memory, at(1));
    plan(&pool, &seen, &stays.memory, at(then))
}

#[test]
fn when_it_was_called_back_another_is_emptied_instead() {
    assert_eq!(
        changes(&after_a_was_called_back(|_| {}, 100)),
        [("c", SMALLER)]
    );
}

#[test]
fn it_is_tried_again_when_meetings_may_be_over() {
    assert_eq!(
        changes(&after_a_was_called_back(|_| {}, 600)),
        [("a", SMALLER)]
    );
    let pause = |p: &mut MMRPoolSpec| p.move_pause_seconds = 0;
    assert_eq!(
        changes(&after_a_was_called_back(pause, 100)),
        [("a", SMALLER)]
    );
}

#[test]
fn when_all_were_called_back_the_pool_waits_and_looks_again() {
    let mut seen = world(&[], &[("a", 40), ("b", 40), ("c", 40)]);
    let pool = pool(|p| (p.spare_participants, p.max_draining, p.move_pause_seconds) = (0, 3, 600));
    for name in ["a", "b", "c"] {
        draining(&mut seen, name, DrainReason::ScaleDown, -10);
        word_of(&mut seen, name).unplaced = Some(40);
    }
    let memory = first(&pool, &seen).memory;
    let seen = world(&[], &[("a", 40), ("b", 40), ("c", 40)]);
    let waits = plan(&pool, &seen, &memory, at(100));
    assert_eq!(changes(&waits), []);
    assert_eq!(waits.look_again, Some(at(600)));
}

#[test]
fn a_router_that_somebody_wants_empty_gets_another_for_its_meeting() {
    let mut seen = world(&["d"], &[("a", 70), ("b", 35), ("c", 35)]);
    draining(&mut seen, "a", DrainReason::NodeCordoned, -10);
    edit(&mut seen, "a").schedulable = false;
    let pool = pool(|p| p.spare_participants = 0);
    assert_eq!(changes(&first(&pool, &seen)), []);
    word_of(&mut seen, "a").unplaced = Some(70);
    assert_eq!(changes(&first(&pool, &seen)), [("d", Change::Label)]);
}
