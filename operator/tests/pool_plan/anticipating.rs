//! Room is there before people come, and who was moved is left in peace.

use plenum_crds::NodeAutoscaler;

use super::world::*;

const DRAIN: Change = Change::StartDrain(DrainReason::ScaleDown);

/// Plans after these people on router `a`, one number a second, with nodes `b` to `e` free.
fn after(pool: &ValidPool, people: impl IntoIterator<Item = u32>) -> Plan {
    let mut last = None;
    let mut memory = Memory::default();
    for (people, second) in people.into_iter().zip(0..) {
        let mut seen = world(&["b", "c", "d", "e"], &[("a", people)]);
        word_of(&mut seen, "a").capacity = 1_000;
        let decided = plan(pool, &seen, &memory, at(second));
        memory = decided.memory.clone();
        last = Some(decided);
    }
    last.unwrap()
}

fn thousand(spec: &mut MMRPoolSpec) {
    spec.participants_per_router = 1_000;
}

#[test]
fn room_is_made_for_twice_as_many_as_came_while_a_router_starts() {
    // From 500 people 300 more within half a minute, and 600 more to come.
    let rush = || (0..30).map(|second| 500 + second * 10).chain([800]);
    let arrivals = by_arrivals(thousand);
    assert_eq!(after(&arrivals, rush()).numbers.desired, 2);
    let steady = pool(thousand);
    assert_eq!(after(&steady, rush()).numbers.desired, 1);
    assert_eq!(after(&arrivals, [800; 40]).numbers.desired, 1);
}

#[test]
fn a_tenth_is_kept_for_meetings_that_grow() {
    let pool = by_arrivals(thousand);
    assert_eq!(after(&pool, [909; 3]).numbers.desired, 1);
    assert_eq!(after(&pool, [911; 3]).numbers.desired, 2);
}

#[test]
fn people_who_come_back_into_view_are_no_crowd() {
    let pool = by_arrivals(thousand);
    let mut seen = world(&["b", "c"], &[("a", 400)]);
    word_of(&mut seen, "a").capacity = 1_000;
    let first = plan(&pool, &seen, &Memory::default(), at(0));
    let mut unseen = seen.clone();
    people_on(&mut unseen, "a", 0);
    unseen.view.coverage = Coverage::Stale;
    let held = plan(&pool, &unseen, &first.memory, at(2));
    let again = plan(&pool, &seen, &held.memory, at(4));
    assert_eq!(again.numbers.desired, 1);
}

#[test]
fn a_window_of_the_schedule_has_its_routers_when_it_begins() {
    let pool = pool(|spec| spec.schedule = at_noon(10));
    let seen = world(&["b", "c"], &[("a", 5)]);
    let early = plan(&pool, &seen, &Memory::default(), at(0));
    assert!(early.nodes.is_empty());
    // Routers take 30 s until one was seen to start, and reports and plans 5 s more.
    let before = at(200 - 35);
    let last = plan(&pool, &seen, &early.memory, at(164));
    assert!(last.nodes.is_empty());
    assert_eq!(last.look_again, Some(before));
    let begins = plan(&pool, &seen, &last.memory, before);
    assert_eq!(
        changes(&begins),
        [("b", Change::Label), ("c", Change::Label)]
    );
    assert_eq!(begins.numbers.desired, 3);
    let over = plan(&pool, &seen, &begins.memory, at(800));
    assert_eq!(over.numbers.desired, 1);
}

/// When the pool with the window at noon grows for it, as seen from `at(100)`: thirty-five seconds
/// before, and longer where routers were seen to take longer.
fn grows_at(memory: &Memory) -> Option<Timestamp> {
    let pool = pool(|spec| spec.schedule = at_noon(10));
    let seen = world(&["b", "c"], &[("a", 5)]);
    plan(&pool, &seen, memory, at(100)).look_again
}

#[test]
fn controllers_that_were_silent_are_not_taken_for_routers_that_started() {
    let pool = pool(|spec| spec.schedule = at_noon(10));
    let heard = world(&["b", "c"], &[("a", 5)]);
    let mut silent = heard.clone();
    silent.view = View::default();
    let mut forgotten = heard.clone();
    forgotten.view.routers.clear();
    // A new leader that hears nobody yet; and one whose controllers have just begun anew.
    for unheard in [silent, forgotten] {
        for lasts in [2, 80] {
            let memory = plan(&pool, &unheard, &Memory::default(), at(0)).memory;
            let memory = plan(&pool, &heard, &memory, at(lasts)).memory;
            assert_eq!(grows_at(&memory), Some(at(165)), "after {lasts} s");
        }
    }
}

#[test]
fn a_start_that_was_seen_from_its_beginning_is_learned_from() {
    let pool = pool(|spec| spec.schedule = at_noon(10));
    let runs = world(&["c"], &[("a", 5), ("b", 0)]);
    let mut starts = runs.clone();
    starting(&mut starts, "b");
    let memory = plan(&pool, &starts, &Memory::default(), at(0)).memory;
    let memory = plan(&pool, &runs, &memory, at(50)).memory;
    assert_eq!(grows_at(&memory), Some(at(200 - 55)));
    // Nobody knows when it ended, if controllers were silent meanwhile.
    let mut silent = starts.clone();
    silent.view = View::default();
    let memory = plan(&pool, &starts, &Memory::default(), at(0)).memory;
    let memory = plan(&pool, &silent, &memory, at(10)).memory;
    let memory = plan(&pool, &runs, &memory, at(50)).memory;
    assert_eq!(grows_at(&memory), Some(at(165)));
}

#[test]
fn a_schedule_never_asks_for_more_than_the_maximum_and_not_against_a_size_by_hand() {
    let seen = world(&["b", "c"], &[("a", 5)]);
    let in_it = |pool: &ValidPool| plan(pool, &seen, &Memory::default(), at(300));
    let two = pool(|spec| {
        spec.schedule = at_noon(10);
        spec.max_routers = 2;
    });
    assert_eq!(in_it(&two).numbers.desired, 2);
    let by_hand = pool(|spec| {
        spec.schedule = at_noon(10);
        spec.replicas = Some(1);
    });
    assert_eq!(in_it(&by_hand).numbers.desired, 1);
}

#[test]
fn a_window_that_cannot_be_read_is_said_and_the_load_is_followed() {
    let pool = pool(|spec| {
        spec.schedule = at_noon(10);
        spec.schedule[0].time_zone = "Europe/Bonn".into();
    });
    let seen = world(&["b", "c"], &[("a", 60)]);
    let decided = plan(&pool, &seen, &Memory::default(), at(300));
    assert_eq!(changes(&decided), [("b", Change::Label)]);
    assert_eq!(verdict(&decided, "ScalingActive"), ("True", "InvalidSpec"));
    assert!(message(&decided, "ScalingActive").contains("Europe/Bonn"));
}

#[test]
fn a_router_that_people_were_moved_to_is_not_drained_within_the_hour() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 30), ("b", 3), ("c", 9)]);
    word_of(&mut seen, "b").received = Some(Duration::from_secs(3_000));
    let waits = patient(&pool, &seen);
    assert_eq!(changes(&waits), [("c", DRAIN)], "though b has fewer");
    // Nobody is left who was moved.
    people_on(&mut seen, "b", 0);
    assert_eq!(changes(&patient(&pool, &seen)), [("b", DRAIN)]);
}

#[test]
fn when_all_have_received_people_the_pool_waits_and_looks_again() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 30), ("b", 3)]);
    for name in ["a", "b"] {
        word_of(&mut seen, name).received = Some(Duration::from_secs(3_500));
    }
    let waits = patient(&pool, &seen);
    assert!(waits.nodes.is_empty());
    assert_eq!(waits.look_again, Some(at(120 + 100)));
    word_of(&mut seen, "b").received = Some(Duration::from_secs(3_600));
    assert_eq!(changes(&patient(&pool, &seen)), [("b", DRAIN)]);
    // Somebody who wants the node empty does not wait.
    edit(&mut seen, "a").schedulable = false;
    let cordoned = Change::StartDrain(DrainReason::NodeCordoned);
    assert_eq!(changes(&patient(&pool, &seen))[0], ("a", cordoned));
}

#[test]
fn without_a_pause_the_emptiest_goes_whoever_came_to_it() {
    let pool = pool(|spec| spec.move_pause_seconds = 0);
    let mut seen = world(&[], &[("a", 30), ("b", 3)]);
    word_of(&mut seen, "b").received = Some(Duration::from_secs(1));
    assert_eq!(changes(&patient(&pool, &seen)), [("b", DRAIN)]);
}

#[test]
fn placeholders_stand_for_routers_wanted_soon_where_somebody_brings_nodes() {
    let seen = world(&[], &[("a", 100)]);
    let count = |pool: &ValidPool| first(pool, &seen).placeholders;
    assert_eq!(count(&pool(|_| {})), 0);
    let declared = |spec: &mut MMRPoolSpec| spec.node_autoscaler = NodeAutoscaler::Karpenter;
    // 100 people and 50 spare: one router more, and no node for it.
    assert_eq!(count(&pool(declared)), 1);
    // Nodes that are there are held, until they carry a router.
    let free = world(&["b"], &[("a", 100)]);
    assert_eq!(first(&pool(declared), &free).placeholders, 1);
    let enough = world(&[], &[("a", 100), ("b", 0)]);
    assert_eq!(first(&pool(declared), &enough).placeholders, 0);
    let capped = pool(|spec| {
        declared(spec);
        spec.max_routers = 1;
    });
    assert_eq!(count(&capped), 0);
}

#[test]
fn nodes_for_a_window_are_asked_for_five_minutes_before() {
    let pool = pool(|spec| {
        spec.schedule = at_noon(10);
        spec.node_autoscaler = NodeAutoscaler::ClusterAutoscaler;
        spec.spare_participants = 0;
    });
    let seen = world(&[], &[("a", 5)]);
    let count = |second| plan(&pool, &seen, &Memory::default(), at(second)).placeholders;
    assert_eq!(count(-101), 0);
    assert_eq!(count(-100), 2);
    assert_eq!(count(300), 2);
}

#[test]
fn a_pool_that_ends_keeps_no_room() {
    let pool = pool(|spec| spec.node_autoscaler = NodeAutoscaler::ClusterAutoscaler);
    let mut seen = world(&[], &[("a", 100)]);
    seen.pool_deleting = true;
    assert_eq!(first(&pool, &seen).placeholders, 0);
}
