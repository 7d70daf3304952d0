//! Routers too many are emptied, late and one by one.

use super::world::*;

#[test]
fn shrinking_waits_until_less_was_wanted_for_the_whole_delay() {
    let pool = pool(|_| {});
    let idle = world(&[], &[("a", 5), ("b", 3), ("c", 9)]);
    let busy = world(&[], &[("a", 90), ("b", 60), ("c", 60)]);
    let memory = plan(&pool, &idle, &Memory::default(), at(0)).memory;
    let early = plan(&pool, &idle, &memory, at(59));
    assert!(early.nodes.is_empty());
    assert_eq!(early.look_again, Some(at(60)));

    // A peak in between starts the wait anew, for as long as the peak is remembered.
    let memory = plan(&pool, &busy, &memory, at(40)).memory;
    let memory = plan(&pool, &idle, &memory, at(41)).memory;
    assert!(plan(&pool, &idle, &memory, at(100)).nodes.is_empty());
    let late = plan(&pool, &idle, &memory, at(101));
    assert_eq!(
        changes(&late),
        [("b", Change::StartDrain(DrainReason::ScaleDown))]
    );
    assert_eq!(late.draining, BTreeSet::from([router("b")]));
}

#[test]
fn no_more_than_max_draining_drain_at_once_the_emptiest_first() {
    let seen = world(&[], &[("a", 5), ("b", 3), ("c", 9), ("d", 0)]);
    let plan = patient(&pool(|p| p.max_draining = 2), &seen);
    let drain = Change::StartDrain(DrainReason::ScaleDown);
    assert_eq!(changes(&plan), [("b", drain), ("d", drain)]);
}

#[test]
fn nothing_drains_when_the_rest_has_no_room_for_its_people() {
    let seen = world(&[], &[("a", 60), ("b", 70)]);
    let tight = pool(|p| {
        p.replicas = Some(1);
        p.spare_participants = 0;
    });
    assert!(patient(&tight, &seen).nodes.is_empty());
}

#[test]
fn reports_that_are_suddenly_zero_cost_nothing_before_the_delay() {
    let pool = pool(|_| {});
    let busy = world(&[], &[("a", 90), ("b", 90), ("c", 60)]);
    let zero = world(&[], &[("a", 0), ("b", 0), ("c", 0)]);
    let memory = plan(&pool, &busy, &Memory::default(), at(0)).memory;
    let memory = plan(&pool, &busy, &memory, at(300)).memory;
    assert!(plan(&pool, &zero, &memory, at(301)).nodes.is_empty());
}

#[test]
fn missing_stale_and_partial_reports_hold_the_size_and_say_so() {
    let pool = pool(|_| {});
    let idle = world(&[], &[("a", 0), ("b", 0), ("c", 0)]);
    let memory = plan(&pool, &idle, &Memory::default(), at(0)).memory;

    let mut missing = idle.clone();
    missing.view = View::default();
    let mut stale = idle.clone();
    stale.view.coverage = Coverage::Stale;
    let mut partial = idle.clone();
    partial.view.routers.remove(&router("c"));
    let mut half_heard = idle.clone();
    half_heard
        .view
        .routers
        .get_mut(&router("c"))
        .unwrap()
        .fresh_everywhere = false;
    for (seen, reason) in [
        (missing, "ReportsMissing"),
        (stale, "ReportsStale"),
        (partial, "ReportsPartial"),
        (half_heard, "ReportsPartial"),
    ] {
        let held = plan(&pool, &seen, &memory, at(500));
        assert!(held.nodes.is_empty(), "{reason}");
        assert_eq!(held.numbers.desired, 3, "{reason}");
        assert_eq!(verdict(&held, "ScalingActive"), ("False", reason));
        // The delay starts anew when reports are back: what happened meanwhile is not known.
        assert!(plan(&pool, &idle, &held.memory, at(501)).nodes.is_empty());
    }
}

#[test]
fn room_is_what_routers_say_they_have_while_somebody_can_send_people_there() {
    let one = pool(|p| {
        p.replicas = Some(1);
        p.spare_participants = 0;
    });
    let mut seen = world(&[], &[("a", 20), ("b", 30)]);
    let drain = Change::StartDrain(DrainReason::ScaleDown);
    assert_eq!(changes(&patient(&one, &seen)), [("a", drain)]);
    word_of(&mut seen, "b").capacity = 40;
    assert!(patient(&one, &seen).nodes.is_empty());
    word_of(&mut seen, "b").capacity = 100;
    word_of(&mut seen, "b").connected = false;
    assert!(patient(&one, &seen).nodes.is_empty());
}

/// The newest words count 60 people, for whom one router does, 20 of them on `b`, which by an older
/// one has so many.
fn by_an_older_word(people: u32) -> Observed {
    let mut seen = world(&["d"], &[("a", 20), ("b", 20), ("c", 20)]);
    word_of(&mut seen, "b").participants_at_most = people;
    seen
}

fn without_spare(change: impl FnOnce(&mut MMRPoolSpec)) -> ValidPool {
    pool(|p| {
        (p.spare_participants, p.min_routers) = (0, 1);
        change(p);
    })
}

#[test]
fn a_router_that_some_controller_still_sees_needed_stays_though_the_newest_word_denies_it() {
    let drain = Change::StartDrain(DrainReason::ScaleDown);
    let pool = without_spare(|_| {});
    assert_eq!(
        changes(&patient(&pool, &by_an_older_word(60))),
        [("c", drain)]
    );
    assert_eq!(changes(&patient(&pool, &by_an_older_word(161))), []);
}

#[test]
fn a_router_is_not_emptied_into_room_that_some_controller_sees_taken() {
    let drain = Change::StartDrain(DrainReason::ScaleDown);
    let two = without_spare(|p| p.replicas = Some(2));
    assert_eq!(
        changes(&patient(&two, &by_an_older_word(20))),
        [("c", drain)]
    );
    let mut full = by_an_older_word(100);
    word_of(&mut full, "a").participants_at_most = 81;
    assert_eq!(changes(&patient(&two, &full)), []);
}

#[test]
fn a_meeting_that_moved_and_is_still_seen_where_it_was_calls_no_drain_back_and_brings_none() {
    let mut seen = world(&["d"], &[("a", 90), ("b", 10)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, -10);
    word_of(&mut seen, "b").participants_at_most = 90;
    assert_eq!(changes(&first(&without_spare(|_| {}), &seen)), []);
}
