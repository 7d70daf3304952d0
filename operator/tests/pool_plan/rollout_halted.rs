//! A rollout that does not come to its end by itself: what is said, and how it goes back.

use super::world::*;

const ROLLOUT: &str = "RolloutComplete";

/// `a` was made anew and does not come up; `b` and `c` are of the old template.
fn stuck() -> Observed {
    let mut seen = world(&[], &[("a", 0), ("b", 5), ("c", 5)]);
    draining(&mut seen, "a", DrainReason::Rollout, -60);
    starting(&mut seen, "a");
    pod_of(&mut seen, "a").trouble = Some("ImagePullBackOff: plenum:9".into());
    pod_of(&mut seen, "b").outdated = true;
    pod_of(&mut seen, "c").outdated = true;
    seen
}

/// The template is what it was before again.
fn put_back(seen: &mut Observed) {
    for pod in seen.pods.values_mut() {
        pod.outdated = !pod.outdated;
    }
}

fn three() -> ValidPool {
    pool(|p| {
        p.min_routers = 3;
        p.rollout_deadline_seconds = 120;
    })
}

#[test]
fn a_rollout_says_how_far_it_is_and_when_it_is_done() {
    let pool = three();
    let mut seen = world(&[], &[("a", 5), ("b", 5), ("c", 5)]);
    assert_eq!(verdict(&first(&pool, &seen), ROLLOUT), ("True", "UpToDate"));
    pod_of(&mut seen, "b").outdated = true;
    let begins = first(&pool, &seen);
    assert_eq!(verdict(&begins, ROLLOUT), ("False", "Rolling"));
    assert!(message(&begins, ROLLOUT).starts_with("2 of 3 routers"));
    let waits = first(&pool, &stuck());
    assert_eq!(verdict(&waits, ROLLOUT), ("False", "Rolling"));
    assert!(message(&waits, ROLLOUT).contains("those on a take people"));
}

#[test]
fn a_new_router_that_does_not_take_people_in_time_halts_it_with_a_reason() {
    let (pool, seen) = (three(), stuck());
    let early = plan(&pool, &seen, &Memory::default(), at(119));
    assert_eq!(verdict(&early, ROLLOUT), ("False", "Rolling"));
    // It is missed from then on.
    assert_eq!(early.numbers.replacing, 1);
    assert_eq!(early.look_again, Some(at(120)));
    let mut memory = early.memory;
    for seconds in [120, 4_000] {
        let late = plan(&pool, &seen, &memory, at(seconds));
        assert!(late.nodes.is_empty() && late.replace.is_empty());
        assert_eq!(verdict(&late, ROLLOUT), ("False", "RolloutHalted"));
        assert_eq!(late.numbers.replacing, 0);
        let told = message(&late, ROLLOUT);
        for word in ["r-a", "node a", "120 s", "ImagePullBackOff: plenum:9"] {
            assert!(told.contains(word), "{told}");
        }
        memory = late.memory;
    }
}

#[test]
fn where_nobody_says_why_it_is_told_where_to_look() {
    let mut seen = stuck();
    pod_of(&mut seen, "a").trouble = None;
    let told = |seen: &Observed| {
        let late = plan(&three(), seen, &Memory::default(), at(120));
        message(&late, ROLLOUT).to_owned()
    };
    assert!(told(&seen).contains("nothing of it was started, see its Events"));
    pod_of(&mut seen, "a").started = true;
    assert!(told(&seen).contains("its probes do not succeed, see its log"));
}

#[test]
fn a_router_that_took_people_and_does_not_just_now_halts_nothing() {
    let mut seen = world(&[], &[("a", 5), ("b", 5), ("c", 5)]);
    pod_of(&mut seen, "b").outdated = true;
    word_of(&mut seen, "a").accepting = false;
    let waits = first(&three(), &seen);
    assert_eq!(verdict(&waits, ROLLOUT), ("False", "Rolling"));
}

#[test]
fn the_former_template_replaces_the_broken_router_at_once() {
    for crashes in [false, true] {
        let mut seen = stuck();
        if crashes {
            crashing(&mut seen, "a");
        }
        put_back(&mut seen);
        let back = plan(&three(), &seen, &Memory::default(), at(300));
        let gone = BTreeMap::from([(router("a"), Replaced::Empty)]);
        assert_eq!(back.replace, gone, "crashes: {crashes}");
        assert!(back.nodes.is_empty(), "nobody else is drained");
    }
}

#[test]
fn a_broken_router_without_a_mark_goes_before_others_and_waits_for_nobody() {
    // `d` was added for the rollout; `a` is of the third template, and just starts.
    let mut seen = world(&[], &[("a", 0), ("b", 5), ("c", 5), ("d", 0)]);
    draining(&mut seen, "a", DrainReason::Rollout, -60);
    starting(&mut seen, "a");
    crashing(&mut seen, "d");
    for name in ["b", "c", "d"] {
        pod_of(&mut seen, name).outdated = true;
    }
    let drain = Change::StartDrain(DrainReason::Rollout);
    let two = pool(|p| (p.min_routers, p.max_draining) = (3, 2));
    assert_eq!(changes(&first(&two, &seen)), [("d", drain)]);
    assert!(first(&three(), &seen).nodes.is_empty(), "one at once");
}

#[test]
fn a_router_that_worked_and_just_began_anew_is_not_made_from_a_template_that_does_not_work() {
    let two = pool(|p| {
        (p.min_routers, p.max_draining) = (3, 2);
        p.rollout_deadline_seconds = 120;
    });
    for began in [true, false] {
        let mut seen = stuck();
        let memory = first(&two, &seen).memory;
        let word = word_of(&mut seen, "b");
        (word.fresh, word.connected, word.fresh_everywhere) = (false, false, false);
        let pod = pod_of(&mut seen, "b");
        if began {
            pod.run = 1;
        } else {
            (pod.ready, pod.stopped) = (false, true);
        }
        let waits = plan(&two, &seen, &memory, at(10));
        assert_eq!(changes(&waits), [], "began: {began}");
        let waits = plan(&two, &seen, &waits.memory, at(129));
        assert_eq!(changes(&waits), [], "began: {began}");
        // It had the time to come back: nobody is on it.
        let broken = plan(&two, &seen, &waits.memory, at(130));
        let drain = Change::StartDrain(DrainReason::Rollout);
        assert_eq!(changes(&broken), [("b", drain)], "began: {began}");
    }
}

#[test]
fn a_router_whose_kubelet_thinks_it_ended_is_left_alone_while_anybody_hears_it() {
    let mut seen = stuck();
    crashing(&mut seen, "a");
    seen.view.routers.insert(router("a"), word(3));
    put_back(&mut seen);
    assert!(first(&three(), &seen).replace.is_empty());
    let silent = word_of(&mut seen, "a");
    (silent.fresh, silent.fresh_everywhere) = (false, false);
    assert_eq!(first(&three(), &seen).replace.len(), 1);
    // Nor is a silent kubelet's last word good enough.
    edit(&mut seen, "a").ready = false;
    assert!(first(&three(), &seen).replace.is_empty());
}

#[test]
fn a_paused_rollout_begins_nothing_and_ends_what_it_has_begun() {
    let mut paused = three();
    paused.rollout_paused = true;
    let mut seen = world(&[], &[("a", 0), ("b", 5), ("c", 5)]);
    pod_of(&mut seen, "b").outdated = true;
    let stands = first(&paused, &seen);
    assert!(stands.nodes.is_empty());
    assert_eq!(verdict(&stands, ROLLOUT), ("False", "RolloutPaused"));
    assert!(message(&stands, ROLLOUT).contains("plenum.dev/rollout-paused"));
    assert_eq!(verdict(&stands, "Ready"), ("True", "Accepting"));

    pod_of(&mut seen, "a").outdated = true;
    draining(&mut seen, "a", DrainReason::Rollout, -5);
    let ends = first(&paused, &seen);
    assert_eq!(ends.replace.len(), 1);
    pod_of(&mut seen, "a").outdated = false;
    *word_of(&mut seen, "a") = word(0);
    let back = first(&paused, &seen);
    assert_eq!(changes(&back), [("a", Change::CancelDrain)]);
}

/// `a` was made anew, runs, and finds no controller; `b` and `c` are of the old template.
fn unheard() -> Observed {
    let mut seen = stuck();
    mute(&mut seen, "a");
    pod_of(&mut seen, "a").trouble = None;
    seen
}

#[test]
fn a_new_router_that_finds_no_controller_halts_the_rollout_and_nothing_else() {
    let (pool, mut seen) = (three(), unheard());
    let early = plan(&pool, &seen, &Memory::default(), at(119));
    assert_eq!(changes(&early), []);
    assert_eq!(verdict(&early, "ScalingActive"), ("True", "FollowingLoad"));
    let late = plan(&pool, &seen, &Memory::default(), at(120));
    assert_eq!(verdict(&late, ROLLOUT), ("False", "RolloutHalted"));
    assert!(message(&late, ROLLOUT).contains("no zone controller says that it takes people"));
    // A node is emptied all the same.
    edit(&mut seen, "b").schedulable = false;
    let drain = Change::StartDrain(DrainReason::NodeCordoned);
    let two = crate::world::pool(|p| (p.min_routers, p.max_draining) = (3, 2));
    assert_eq!(changes(&first(&two, &seen)), [("b", drain)]);
    // One that was added for the rollout, and has no mark of it, halts it as well.
    edit(&mut seen, "b").schedulable = true;
    edit(&mut seen, "a").drain = None;
    let added = plan(&pool, &seen, &Memory::default(), at(120));
    assert_eq!(verdict(&added, ROLLOUT), ("False", "RolloutHalted"));
}

#[test]
fn the_former_template_replaces_a_router_that_finds_no_controller() {
    let pool = three();
    let mut seen = unheard();
    edit(&mut seen, "a").drain = None;
    put_back(&mut seen);
    let back = plan(&pool, &seen, &Memory::default(), at(300));
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&back), [("a", drain)], "it goes first");
    draining_since(&mut seen, "a", DrainReason::Rollout, 300);
    let waits = plan(&pool, &seen, &back.memory, at(419));
    assert!(waits.replace.is_empty() && waits.nodes.is_empty());
    assert_eq!(waits.look_again, Some(at(420)));
    let gone = plan(&pool, &seen, &back.memory, at(420));
    let unheard = BTreeMap::from([(router("a"), Replaced::Unheard)]);
    assert_eq!(gone.replace, unheard);
    // What was heard once, and is forgotten now, may carry people: it gets the whole time.
    pod_of(&mut seen, "a").said.heard = true;
    let forgotten = plan(&pool, &seen, &Memory::default(), at(420));
    assert!(forgotten.replace.is_empty());
    assert_eq!(
        verdict(&forgotten, "ScalingActive"),
        ("False", "ReportsPartial")
    );
}

#[test]
fn a_rollout_that_came_to_a_halt_keeps_no_cordoned_node_from_being_emptied() {
    let pool = three();
    let mut seen = world(&[], &[("a", 0), ("b", 5), ("c", 5), ("d", 5)]);
    draining(&mut seen, "a", DrainReason::Rollout, -60);
    starting(&mut seen, "a");
    edit(&mut seen, "b").schedulable = false;
    // A new router that may still come is one of those that drain at once.
    let early = plan(&pool, &seen, &Memory::default(), at(119));
    assert_eq!(changes(&early), []);
    let late = plan(&pool, &seen, &Memory::default(), at(120));
    let drain = Change::StartDrain(DrainReason::NodeCordoned);
    assert_eq!(changes(&late), [("b", drain)]);
    // One cordoned node after the other, be it the new router's own.
    let mut own = seen.clone();
    edit(&mut own, "a").schedulable = false;
    let both = plan(&pool, &own, &Memory::default(), at(120));
    assert_eq!(changes(&both), [("a", drain)]);
    draining(&mut seen, "b", DrainReason::NodeCordoned, 120);
    edit(&mut seen, "c").schedulable = false;
    let next = plan(&pool, &seen, &Memory::default(), at(121));
    assert_eq!(changes(&next), []);
}

#[test]
fn a_rollout_that_came_to_a_halt_keeps_the_pool_from_shrinking() {
    let pool = pool(|p| p.rollout_deadline_seconds = 120);
    let seen = stuck();
    let memory = plan(&pool, &seen, &Memory::default(), at(120)).memory;
    let later = plan(&pool, &seen, &memory, at(300));
    assert_eq!(changes(&later), []);
}
