//! A rollout and nodes that die: nobody there makes a router anew, so the rollout does not wait for
//! them, and they are replaced as any other. Only those that may have died of it hold it up.

use super::world::*;

const ROLLOUT: &str = "RolloutComplete";
const ROLL: Change = Change::StartDrain(DrainReason::Rollout);

fn three() -> ValidPool {
    pool(|p| (p.min_routers, p.rollout_deadline_seconds) = (3, 120))
}

/// Neither its kubelet nor its router is heard.
fn dies(seen: &mut Observed, name: &str) {
    edit(seen, name).ready = false;
    pod_of(seen, name).ready = false;
    if let Some(word) = seen.view.routers.get_mut(&router(name)) {
        (word.fresh, word.connected, word.fresh_everywhere) = (false, false, false);
    }
}

/// `a` is emptied to be made anew, `b` is of the old template as well, and `d` is free.
fn rolling() -> Observed {
    let mut seen = world(&["d"], &[("a", 7), ("b", 5), ("c", 5)]);
    pod_of(&mut seen, "a").outdated = true;
    pod_of(&mut seen, "b").outdated = true;
    draining(&mut seen, "a", DrainReason::Rollout, -60);
    seen
}

#[test]
fn a_node_that_dies_while_its_router_is_emptied_is_replaced_and_loses_its_mark() {
    let instead = [("a", Change::CancelDrain), ("d", Change::Label)];
    let mut seen = rolling();
    dies(&mut seen, "a");
    assert_eq!(changes(&first(&three(), &seen)), instead);
    // The same where its pod was deleted, which nobody there ends.
    pod_of(&mut seen, "a").terminating = true;
    assert_eq!(changes(&first(&three(), &seen)), instead);
    seen.pods.remove(&router("a"));
    assert_eq!(changes(&first(&three(), &seen)), instead);
    // While a controller is away nobody knows.
    let mut away = rolling();
    dies(&mut away, "a");
    away.view.coverage = Coverage::Stale;
    assert_eq!(changes(&first(&three(), &away)), []);
}

#[test]
fn its_mark_is_off_before_its_deadline_so_nothing_is_taken_from_people_who_may_be_there() {
    let mut seen = rolling();
    dies(&mut seen, "a");
    let late = plan(&three(), &seen, &Memory::default(), at(9_000));
    assert!(late.replace.is_empty());
    assert_eq!(late.nodes["a"].marks, Marks::Active(None));
}

#[test]
fn the_rollout_goes_on_without_it_and_says_so() {
    let mut seen = world(&[], &[("a", 0), ("b", 5), ("c", 5), ("d", 5)]);
    pod_of(&mut seen, "a").outdated = true;
    pod_of(&mut seen, "b").outdated = true;
    dies(&mut seen, "a");
    let goes_on = first(&three(), &seen);
    assert_eq!(changes(&goes_on), [("b", ROLL)]);
    assert!(message(&goes_on, ROLLOUT).contains("but for those on a"));
    pod_of(&mut seen, "b").outdated = false;
    let done = first(&three(), &seen);
    assert_eq!(verdict(&done, ROLLOUT), ("True", "UpToDate"));
    assert!(message(&done, ROLLOUT).contains("but for those on a"));
}

/// `a` died with its new router, before anybody heard of that one.
fn took_its_node_down() -> Observed {
    let mut seen = world(&[], &[("a", 0), ("b", 5), ("c", 5), ("d", 5)]);
    draining(&mut seen, "a", DrainReason::Rollout, -60);
    starting(&mut seen, "a");
    dies(&mut seen, "a");
    pod_of(&mut seen, "b").outdated = true;
    seen
}

#[test]
fn a_template_that_takes_its_node_down_goes_to_no_further_one() {
    let mut seen = took_its_node_down();
    let halts = first(&three(), &seen);
    assert_eq!(changes(&halts), [("a", Change::CancelDrain)]);
    edit(&mut seen, "a").drain = None;
    // That a controller is away makes nobody forget it.
    let mut away = seen.clone();
    away.view.coverage = Coverage::Stale;
    let held = plan(&three(), &away, &halts.memory, at(10));
    assert_eq!(verdict(&held, ROLLOUT), ("False", "RolloutHalted"));
    // Nor does a new leader take it to another.
    for memory in [halts.memory, Memory::default()] {
        let halted = plan(&three(), &seen, &memory, at(9_000));
        assert_eq!(changes(&halted), []);
        assert_eq!(verdict(&halted, ROLLOUT), ("False", "RolloutHalted"));
        let told = message(&halted, ROLLOUT);
        assert!(told.starts_with("new routers came to a,"), "{told}");
    }
    // What the spec said before is rolled to.
    pod_of(&mut seen, "a").outdated = true;
    assert_eq!(changes(&first(&three(), &seen)), [("b", ROLL)]);
}

#[test]
fn it_takes_down_no_more_than_may_drain_at_once() {
    let two = pool(|p| (p.min_routers, p.max_draining) = (3, 2));
    let mut seen = took_its_node_down();
    pod_of(&mut seen, "c").outdated = true;
    let one_more = [("a", Change::CancelDrain), ("c", ROLL)];
    assert_eq!(changes(&first(&two, &seen)), one_more);
}

#[test]
fn a_node_that_it_took_down_keeps_no_other_from_being_emptied() {
    let mut seen = took_its_node_down();
    edit(&mut seen, "c").schedulable = false;
    let mut new = world(&[], &[("e", 0)]);
    seen.nodes.append(&mut new.nodes);
    seen.pods.append(&mut new.pods);
    seen.view.routers.append(&mut new.view.routers);
    let cordoned = Change::StartDrain(DrainReason::NodeCordoned);
    let emptied = [("a", Change::CancelDrain), ("c", cordoned)];
    assert_eq!(changes(&first(&three(), &seen)), emptied);
}

#[test]
fn a_node_that_dies_with_a_router_that_worked_holds_nothing_up() {
    let mut seen = took_its_node_down();
    seen.view.routers.insert(router("a"), word(0));
    dies(&mut seen, "a");
    let goes_on = [("a", Change::CancelDrain), ("b", ROLL)];
    assert_eq!(changes(&first(&three(), &seen)), goes_on);
}

#[test]
fn a_router_whose_kubelet_is_silent_is_not_rolled_before_that_is_back() {
    let mut seen = world(&[], &[("a", 0), ("b", 5), ("c", 5), ("d", 5)]);
    pod_of(&mut seen, "a").outdated = true;
    edit(&mut seen, "a").ready = false;
    pod_of(&mut seen, "a").ready = false;
    // Its word comes and goes with its link, and no mark with it.
    let waits = first(&three(), &seen);
    assert_eq!(changes(&waits), []);
    let told = message(&waits, ROLLOUT);
    assert!(told.ends_with("those on a are replaced when the kubelets there are heard again"));
    let mut unheard = seen.clone();
    dies(&mut unheard, "a");
    assert_eq!(changes(&first(&three(), &unheard)), []);
    edit(&mut seen, "a").ready = true;
    let goes_on = first(&three(), &seen);
    assert_eq!(changes(&goes_on), [("a", ROLL)]);
    assert!(message(&goes_on, ROLLOUT).ends_with("as the spec has it now"));
}
