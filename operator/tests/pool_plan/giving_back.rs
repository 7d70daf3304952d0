//! A node is given back when nobody is on its router, or its time is over.

use super::world::*;

#[test]
fn a_drained_router_is_unlabelled_only_when_every_controller_says_it_is_empty() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, -10);
    let done = first(&pool, &seen);
    assert_eq!(changes(&done), [("b", Change::UnlabelEmpty)]);
    assert_eq!(done.nodes["b"].marks, Marks::Bare);

    let mut one_doubts = seen.clone();
    one_doubts
        .view
        .routers
        .get_mut(&router("b"))
        .unwrap()
        .empty_everywhere = None;
    assert!(first(&pool, &one_doubts).nodes.is_empty());
    let mut stale = seen.clone();
    stale.view.coverage = Coverage::Stale;
    assert!(first(&pool, &stale).nodes.is_empty());
}

#[test]
fn a_word_from_before_the_drain_confirms_nothing() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    // Empty in an earlier drain; called back, filled, and draining again since one second.
    draining(&mut seen, "b", DrainReason::ScaleDown, -1);
    let word = seen.view.routers.get_mut(&router("b")).unwrap();
    word.empty_everywhere = Some(Duration::from_secs(2));
    assert!(first(&pool, &seen).nodes.is_empty());
    let word = seen.view.routers.get_mut(&router("b")).unwrap();
    word.empty_everywhere = Some(Duration::from_millis(900));
    assert_eq!(changes(&first(&pool, &seen)), [("b", Change::UnlabelEmpty)]);
}

#[test]
fn nobody_is_sent_to_a_router_between_its_unlabelling_and_its_end() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, -10);
    let unlabels = first(&pool, &seen);
    assert_eq!(unlabels.draining, BTreeSet::from([router("b")]));
    seen.nodes.insert("b".into(), node(Owner::Nobody));
    assert_eq!(first(&pool, &seen).draining, BTreeSet::from([router("b")]));
    seen.pods.get_mut(&router("b")).unwrap().terminating = true;
    assert_eq!(first(&pool, &seen).draining, BTreeSet::from([router("b")]));
}

#[test]
fn people_on_a_draining_router_are_waited_for_until_the_deadline_and_not_longer() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 10), ("b", 7)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, 0);
    let waits = plan(&pool, &seen, &Memory::default(), at(599));
    assert!(waits.nodes.is_empty());
    assert_eq!(waits.look_again, Some(at(600)));
    let late = plan(&pool, &seen, &Memory::default(), at(600));
    assert_eq!(changes(&late), [("b", Change::UnlabelLate)]);
}

#[test]
fn a_router_that_never_started_is_given_back_without_waiting() {
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, 0);
    seen.view.routers.remove(&router("b"));
    let pod = seen.pods.get_mut(&router("b")).unwrap();
    (pod.started, pod.ready) = (false, false);
    assert_eq!(
        changes(&first(&pool(|_| {}), &seen)),
        [("b", Change::UnlabelEmpty)]
    );
    seen.pods.remove(&router("b"));
    assert_eq!(
        changes(&first(&pool(|_| {}), &seen)),
        [("b", Change::UnlabelEmpty)]
    );
}

#[test]
fn a_router_that_every_controller_has_forgotten_is_not_taken_for_one_that_never_started() {
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, -5);
    seen.view.routers.remove(&router("b"));
    seen.pods.get_mut(&router("b")).unwrap().ready = false;
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
    // Nor is a dead kubelet's last word that it had not started it yet.
    seen.pods.get_mut(&router("b")).unwrap().started = false;
    edit(&mut seen, "b").ready = false;
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
}

#[test]
fn active_routers_never_fall_below_the_minimum() {
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    edit(&mut seen, "b").schedulable = false;
    draining(&mut seen, "b", DrainReason::NodeCordoned, -10);
    assert!(first(&pool(|p| p.min_routers = 2), &seen).nodes.is_empty());
    let enough = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&enough), [("b", Change::UnlabelEmpty)]);
}

#[test]
fn an_empty_router_is_looked_at_again_when_it_will_have_said_so_since_its_drain() {
    let mut seen = world(&[], &[("a", 10), ("b", 0)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, 0);
    word_of(&mut seen, "b").empty_everywhere = Some(Duration::from_millis(100));
    let early = first(&pool(|_| {}), &seen);
    assert!(early.nodes.is_empty());
    let heartbeat = at(0).checked_add(Duration::from_millis(500)).unwrap();
    assert_eq!(early.look_again, Some(heartbeat));
    // One that has said so and is kept by the minimum waits for something to happen.
    let kept = pool(|p| p.min_routers = 2);
    edit(&mut seen, "b").schedulable = false;
    word_of(&mut seen, "b").empty_everywhere = Some(Duration::ZERO);
    let later = plan(&kept, &seen, &Memory::default(), at(1));
    assert!(later.nodes.is_empty());
    assert_eq!(later.look_again, None);
}

#[test]
fn a_drain_whose_time_nobody_can_read_or_that_is_yet_to_begin_begins_now() {
    let pool = pool(|_| {});
    for since in [Timestamp::MAX, at(3_600)] {
        let mut seen = world(&[], &[("a", 10), ("b", 7)]);
        draining(&mut seen, "b", DrainReason::ScaleDown, 0);
        edit(&mut seen, "b").drain.as_mut().unwrap().since = since;
        let repairs = first(&pool, &seen);
        assert_eq!(changes(&repairs), [("b", Change::Repair)]);
        let begun = Drain {
            since: at(0),
            reason: DrainReason::ScaleDown,
        };
        assert_eq!(repairs.nodes["b"].marks, Marks::Active(Some(begun)));
        assert!(!repairs.takes_away());
    }
    // The clock of the leader before was ahead by a little.
    let mut seen = world(&[], &[("a", 10), ("b", 7)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, 30);
    assert!(first(&pool, &seen).nodes.is_empty());
}
