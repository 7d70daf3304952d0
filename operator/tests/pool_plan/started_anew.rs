//! Routers whose container was started anew: nobody is on the new process before it was heard, and it
//! has to be heard anew.

use super::world::*;

const PARTIAL: (&str, &str) = ("False", "ReportsPartial");
const FOLLOWS: (&str, &str) = ("True", "FollowingLoad");

/// The newest word of `b` is of this process, and nobody is in touch with it.
fn last_heard(seen: &mut Observed, boot: u64) {
    let last = Word {
        boot: Boot(boot),
        fresh: false,
        connected: false,
        fresh_everywhere: false,
        ..word(7)
    };
    seen.view.routers.insert(router("b"), last);
}

/// A pool whose router `b` was heard, and what an operator knows that heard it.
fn heard_once() -> (ValidPool, Observed, Memory) {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let seen = world(&[], &[("a", 10), ("b", 7)]);
    let memory = first(&pool, &seen).memory;
    (pool, seen, memory)
}

#[test]
fn a_container_that_was_started_anew_has_to_be_heard_anew() {
    let (pool, mut seen, memory) = heard_once();
    last_heard(&mut seen, 1);
    pod_of(&mut seen, "b").run = 1;
    let anew = plan(&pool, &seen, &memory, at(10));
    assert_eq!(verdict(&anew, "ScalingActive"), FOLLOWS, "nobody is on it");
    assert_eq!(anew.numbers.in_use, 10);
    assert!(!anew.pods[&router("b")].heard);
    // Nobody can have been sent there: its drain takes the time of a new one.
    let mut leaves = seen.clone();
    draining_since(&mut leaves, "b", DrainReason::ScaleDown, 10);
    let late = plan(&pool, &leaves, &anew.memory, at(130));
    assert_eq!(changes(&late), [("b", Change::UnlabelUnheard)]);
    // One word of the new process, and it may have people.
    pod_of(&mut seen, "b").said = anew.pods[&router("b")];
    last_heard(&mut seen, 2);
    let heard = plan(&pool, &seen, &anew.memory, at(20));
    assert_eq!(verdict(&heard, "ScalingActive"), PARTIAL);
    assert!(heard.pods[&router("b")].heard);
}

#[test]
fn one_that_begins_late_in_its_drain_gets_the_time_to_be_heard() {
    let pool = pool(|p| (p.drain_deadline_seconds, p.rollout_deadline_seconds) = (7_200, 300));
    let mut seen = world(&[], &[("a", 10), ("b", 7)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, 0);
    let memory = first(&pool, &seen).memory;
    let mut anew = seen.clone();
    last_heard(&mut anew, 1);
    pod_of(&mut anew, "b").run = 1;
    // Somebody deleted its pod, and it has another.
    mute(&mut seen, "b");
    pod_of(&mut seen, "b").born = at(1_800);
    for mut seen in [anew, seen] {
        let mut memory = memory.clone();
        for second in [1_800, 1_801, 2_099] {
            let waits = plan(&pool, &seen, &memory, at(second));
            assert_eq!(changes(&waits), [], "after {second} s");
            assert_eq!(waits.look_again, Some(at(2_100)));
            if let Some(said) = waits.pods.get(&router("b")) {
                pod_of(&mut seen, "b").said = *said;
            }
            memory = waits.memory;
        }
        let late = plan(&pool, &seen, &memory, at(2_100));
        assert_eq!(changes(&late), [("b", Change::UnlabelUnheard)]);
    }
}

#[test]
fn one_that_begins_time_and_again_in_its_drain_has_no_more_time_to_be_heard() {
    let pool = pool(|p| (p.drain_deadline_seconds, p.rollout_deadline_seconds) = (7_200, 300));
    let late = [("b", Change::UnlabelUnheard)];
    let mut seen = world(&[], &[("a", 10), ("b", 7)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, 0);
    let mut never = seen.clone();
    mute(&mut never, "b");
    let memory = first(&pool, &never).memory;
    pod_of(&mut never, "b").run = 1;
    let waits = plan(&pool, &never, &memory, at(200));
    assert_eq!(waits.look_again, Some(at(300)), "none of it was ever heard");
    assert_eq!(changes(&plan(&pool, &never, &waits.memory, at(300))), late);
    // Of one that was, the first that nobody heard begins it.
    let mut memory = first(&pool, &seen).memory;
    last_heard(&mut seen, 1);
    for (second, run) in [(1_800, 1), (2_000, 2), (2_099, 3)] {
        pod_of(&mut seen, "b").run = run;
        let waits = plan(&pool, &seen, &memory, at(second));
        assert_eq!(changes(&waits), [], "after {second} s");
        assert_eq!(waits.look_again, Some(at(2_100)));
        memory = waits.memory;
    }
    assert_eq!(changes(&plan(&pool, &seen, &memory, at(2_100))), late);
    // One that comes after a word of it has the whole time.
    last_heard(&mut seen, 4);
    memory = plan(&pool, &seen, &memory, at(2_100)).memory;
    pod_of(&mut seen, "b").run = 4;
    let anew = plan(&pool, &seen, &memory, at(2_101));
    assert_eq!(changes(&anew), []);
    let (still, over) = (at(2_400), at(2_401));
    assert_eq!(changes(&plan(&pool, &seen, &anew.memory, still)), []);
    assert_eq!(changes(&plan(&pool, &seen, &anew.memory, over)), late);
}

#[test]
fn what_a_process_was_missed_for_is_not_held_against_the_next() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let mut seen = world(&[], &[("b", 7)]);
    edit(&mut seen, "b").schedulable = false;
    let mut memory = first(&pool, &seen).memory;
    last_heard(&mut seen, 1);
    memory = plan(&pool, &seen, &memory, at(1)).memory;
    // Its people come back to it in a moment, as there is no other.
    for (second, run) in [(100, 1), (121, 1), (200, 2), (219, 2)] {
        pod_of(&mut seen, "b").run = run;
        let waits = plan(&pool, &seen, &memory, at(second));
        assert_eq!(changes(&waits), [], "after {second} s");
        memory = waits.memory;
    }
    // One that ends time and again has no more time than that.
    let leaves = plan(&pool, &seen, &memory, at(220));
    let drain = Change::StartDrain(DrainReason::NodeCordoned);
    assert_eq!(changes(&leaves), [("b", drain)]);
}

#[test]
fn a_word_of_the_process_before_counts_while_somebody_is_in_touch_with_it() {
    let (pool, mut seen, memory) = heard_once();
    pod_of(&mut seen, "b").run = 1;
    let in_touch = plan(&pool, &seen, &memory, at(10));
    assert!(in_touch.pods.is_empty(), "{:?}", in_touch.pods);
    assert_eq!(in_touch.numbers.in_use, 17);
}

#[test]
fn a_run_that_nobody_saw_begin_may_have_been_heard() {
    let (pool, mut seen, _) = heard_once();
    last_heard(&mut seen, 1);
    pod_of(&mut seen, "b").run = 1;
    assert_eq!(verdict(&first(&pool, &seen), "ScalingActive"), PARTIAL);
}

#[test]
fn a_new_leader_knows_of_a_run_that_the_last_one_saw_begin_until_it_may_have_been_heard() {
    let (pool, mut seen, memory) = heard_once();
    seen.view.routers.remove(&router("b"));
    pod_of(&mut seen, "b").run = 1;
    let last_leader = plan(&pool, &seen, &memory, at(10));
    pod_of(&mut seen, "b").said = last_leader.pods[&router("b")];
    assert_eq!(verdict(&first(&pool, &seen), "ScalingActive"), FOLLOWS);
    // Of which process this is, only the last leader knew.
    last_heard(&mut seen, 1);
    assert_eq!(verdict(&first(&pool, &seen), "ScalingActive"), PARTIAL);
}

#[test]
fn a_process_that_was_heard_before_its_kubelet_told_of_it_was_heard() {
    let (pool, mut seen, memory) = heard_once();
    last_heard(&mut seen, 2);
    let early = plan(&pool, &seen, &memory, at(10));
    pod_of(&mut seen, "b").run = 1;
    let told = plan(&pool, &seen, &early.memory, at(11));
    assert_eq!(verdict(&told, "ScalingActive"), PARTIAL);
    // Nor does a cache that falls behind begin a run.
    pod_of(&mut seen, "b").run = 0;
    let behind = plan(&pool, &seen, &told.memory, at(12));
    assert_eq!(verdict(&behind, "ScalingActive"), PARTIAL);
    assert_eq!(behind.numbers.in_use, 17);
}
