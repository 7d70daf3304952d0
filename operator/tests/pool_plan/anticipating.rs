//! Room is there before people come, and who was moved is left in peace.

use plenum_crds::{NodeAutoscaler, SpareFrom, Window};

use super::world::*;

const DRAIN: Change = Change::StartDrain(DrainReason::ScaleDown);

fn by_arrivals(change: impl FnOnce(&mut MMRPoolSpec)) -> ValidPool {
    pool(|spec| {
        spec.spare_from = SpareFrom::Arrivals;
        change(spec);
    })
}

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

fn at_noon(minutes: u32) -> Vec<Window> {
    vec![Window {
        // The tests' clock begins on 12 January 1970, 13:46:40 UTC.
        cron: "50 13 * * *".into(),
        time_zone: "UTC".into(),
        minutes,
        spare_participants: 0,
        min_routers: Some(3),
    }]
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
