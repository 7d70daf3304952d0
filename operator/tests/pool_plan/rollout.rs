//! Routers of another template are made anew, one after another, while the new ones work.

use super::world::*;

#[test]
fn an_outdated_router_is_emptied_made_anew_and_called_back() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 5), ("b", 5)]);
    seen.pods.get_mut(&router("a")).unwrap().outdated = true;
    let starts = first(&pool, &seen);
    assert_eq!(
        changes(&starts),
        [("a", Change::StartDrain(DrainReason::Rollout))]
    );

    let mut empty = world(&[], &[("a", 0), ("b", 10)]);
    empty.pods.get_mut(&router("a")).unwrap().outdated = true;
    draining(&mut empty, "a", DrainReason::Rollout, -5);
    let replaces = first(&pool, &empty);
    let gone = BTreeMap::from([(router("a"), Replaced::Empty)]);
    assert_eq!(replaces.replace, gone);
    assert!(replaces.nodes.is_empty(), "the node stays labelled");

    pod_of(&mut empty, "a").outdated = false;
    *word_of(&mut empty, "a") = word(0);
    let renewed = first(&pool, &empty);
    assert_eq!(changes(&renewed), [("a", Change::CancelDrain)]);
    assert!(renewed.draining.is_empty());
}

#[test]
fn a_rollout_of_a_single_router_with_people_takes_a_second_node_for_a_while() {
    let pool = pool(|_| {});
    let mut seen = world(&["b"], &[("a", 5)]);
    seen.pods.get_mut(&router("a")).unwrap().outdated = true;
    assert_eq!(changes(&first(&pool, &seen)), [("b", Change::Label)]);
    let mut alone = world(&[], &[("a", 5)]);
    alone.pods.get_mut(&router("a")).unwrap().outdated = true;
    assert!(first(&pool, &alone).nodes.is_empty(), "nowhere to go: wait");
    people_on(&mut alone, "a", 0);
    let nobody = first(&pool, &alone);
    assert_eq!(
        changes(&nobody),
        [("a", Change::StartDrain(DrainReason::Rollout))]
    );
}

/// `a` is made anew, `b` and `c` are of the old template; all have little to do.
fn rolling(pool_people: u32) -> Observed {
    let mut seen = world(&[], &[("a", 0), ("b", pool_people), ("c", pool_people)]);
    draining(&mut seen, "a", DrainReason::Rollout, -60);
    starting(&mut seen, "a");
    pod_of(&mut seen, "b").outdated = true;
    pod_of(&mut seen, "c").outdated = true;
    seen
}

fn three() -> ValidPool {
    pool(|p| {
        p.min_routers = 3;
        p.max_draining = 2;
    })
}

#[test]
fn a_new_router_that_does_not_start_stops_the_rollout() {
    let seen = rolling(0);
    let mut memory = Memory::default();
    for seconds in [0, 60, 3_600, 86_400] {
        let stuck = plan(&three(), &seen, &memory, at(seconds));
        assert!(stuck.nodes.is_empty() && stuck.replace.is_empty());
        assert!(stuck.draining.is_empty(), "the new router may take people");
        assert!(!stuck.takes_away());
        memory = stuck.memory;
    }
    let enough = first(&pool(|p| p.max_draining = 2), &seen);
    assert_eq!(verdict(&enough, "Ready"), ("True", "Accepting"));
    assert!(message(&enough, "Ready").contains("routers on a take them"));
}

#[test]
fn a_rollout_goes_on_when_the_new_router_takes_people() {
    let pool = three();
    let mut seen = rolling(5);
    pod_of(&mut seen, "a").ready = true;
    seen.view.routers.insert(router("a"), word(0));
    word_of(&mut seen, "a").accepting = false;
    assert!(first(&pool, &seen).nodes.is_empty(), "ready is not enough");
    word_of(&mut seen, "a").accepting = true;
    let goes_on = first(&pool, &seen);
    let drain = Change::StartDrain(DrainReason::Rollout);
    let expected = [("a", Change::CancelDrain), ("b", drain), ("c", drain)];
    assert_eq!(changes(&goes_on), expected);
}

#[test]
fn an_additional_router_of_the_new_template_has_to_work_first() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 1), ("b", 1), ("new", 0)]);
    pod_of(&mut seen, "a").outdated = true;
    pod_of(&mut seen, "b").outdated = true;
    let works = first(&pool, &seen);
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&works), [("b", drain)]);
    starting(&mut seen, "new");
    assert!(first(&pool, &seen).nodes.is_empty());
    seen.pods.remove(&router("new"));
    assert!(
        first(&pool, &seen).nodes.is_empty(),
        "nor while it has no pod"
    );
}

#[test]
fn a_template_that_does_not_work_is_replaced_by_one_that_does() {
    let mut seen = rolling(5);
    pod_of(&mut seen, "a").outdated = true;
    let again = first(&three(), &seen);
    assert_eq!(
        again.replace,
        BTreeMap::from([(router("a"), Replaced::Empty)])
    );
}

#[test]
fn a_renewed_router_on_a_node_that_is_cordoned_meanwhile_is_emptied_and_not_cut_off() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 7), ("b", 5)]);
    draining(&mut seen, "a", DrainReason::Rollout, -600);
    *word_of(&mut seen, "a") = word(7);
    edit(&mut seen, "a").schedulable = false;
    let drained = first(&pool, &seen);
    let drain = Change::StartDrain(DrainReason::NodeCordoned);
    assert_eq!(changes(&drained), [("a", drain)]);
    assert_eq!(drained.draining, BTreeSet::from([router("a")]));
    seen.view.coverage = Coverage::Stale;
    assert!(first(&pool, &seen).nodes.is_empty());
}

#[test]
fn a_router_made_anew_at_its_deadline_is_told_from_an_empty_one() {
    let mut seen = world(&[], &[("a", 5), ("b", 5)]);
    pod_of(&mut seen, "a").outdated = true;
    draining(&mut seen, "a", DrainReason::Rollout, -600);
    let late = first(&pool(|_| {}), &seen);
    assert_eq!(
        late.replace,
        BTreeMap::from([(router("a"), Replaced::Late)])
    );
}

#[test]
fn a_pool_whose_routers_are_all_broken_is_mended_by_a_template_that_works() {
    let mut seen = world(&["c"], &[("a", 0), ("b", 0)]);
    for name in ["a", "b"] {
        starting(&mut seen, name);
        pod_of(&mut seen, name).outdated = true;
    }
    let starts = first(&pool(|_| {}), &seen);
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&starts), [("b", drain)]);
}

#[test]
fn routers_that_take_nobody_are_made_anew_before_those_that_do() {
    let mut seen = world(&[], &[("a", 0), ("b", 0)]);
    pod_of(&mut seen, "a").outdated = true;
    pod_of(&mut seen, "b").outdated = true;
    pod_of(&mut seen, "a").ready = false;
    let starts = first(&pool(|_| {}), &seen);
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&starts), [("a", drain)]);
}

#[test]
fn a_new_router_that_is_old_again_before_its_mark_is_off_gets_a_drain_of_its_own() {
    let mut seen = world(&[], &[("a", 7), ("b", 5)]);
    draining_since(&mut seen, "a", DrainReason::Rollout, -600);
    let pod = pod_of(&mut seen, "a");
    (pod.outdated, pod.born) = (true, at(-300));
    let pool = pool(|_| {});
    let again = first(&pool, &seen);
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&again), [("a", drain)]);
    assert!(again.replace.is_empty());
    assert_eq!(again.draining, BTreeSet::from([router("a")]));
    // One, and not another one after that.
    draining_since(&mut seen, "a", DrainReason::Rollout, 0);
    let late = plan(&pool, &seen, &Memory::default(), at(600));
    assert_eq!(changes(&late), []);
    assert_eq!(
        late.replace,
        BTreeMap::from([(router("a"), Replaced::Late)])
    );
}

#[test]
fn a_rollout_that_waits_for_whole_reports_says_so() {
    let pool = three();
    let mut seen = world(&[], &[("a", 5), ("b", 5), ("c", 5)]);
    pod_of(&mut seen, "b").outdated = true;
    let plain = first(&pool, &seen);
    let said = |plan: &Plan| message(plan, "RolloutComplete").to_owned();
    assert_eq!(said(&plain), "2 of 3 routers are as the spec has it now");
    seen.view.coverage = Coverage::Stale;
    let held = first(&pool, &seen);
    assert_eq!(verdict(&held, "RolloutComplete"), ("False", "Rolling"));
    assert!(said(&held).contains("see ScalingActive"), "{}", said(&held));
}

#[test]
fn no_node_is_taken_for_a_rollout_while_reports_are_missing_however_often_it_is_looked_at() {
    let pool = pool(|_| {});
    let mut seen = world(&["b", "c", "d"], &[("a", 5)]);
    pod_of(&mut seen, "a").outdated = true;
    // A new leader, whose links are not up yet, has nobody to drain.
    let whole = std::mem::take(&mut seen.view);
    assert_eq!(changes(&first(&pool, &seen)), []);
    seen.view = whole;
    assert_eq!(changes(&first(&pool, &seen)), [("b", Change::Label)]);
    // The router that came for it is not taken for one that the load asked for.
    let mut seen = world(&["c", "d"], &[("a", 5), ("b", 0)]);
    pod_of(&mut seen, "a").outdated = true;
    for coverage in [Coverage::Missing, Coverage::Stale] {
        seen.view.coverage = coverage;
        assert_eq!(changes(&first(&pool, &seen)), []);
    }
}
