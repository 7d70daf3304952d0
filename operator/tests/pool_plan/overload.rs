//! A router that has as much to do as it can is full, and not broken.

use super::world::*;

fn overloaded(seen: &mut Observed, name: &str) {
    word_of(seen, name).accepting = false;
}

/// The plan when it has been so for some seconds.
fn lasting(pool: &ValidPool, seen: &Observed) -> Plan {
    let begins = first(pool, seen);
    assert_eq!(begins.look_again, Some(at(5)));
    plan(pool, seen, &begins.memory, at(5))
}

#[test]
fn its_free_seats_do_not_count_so_the_pool_grows() {
    let pool = pool(|_| {});
    let mut seen = world(&["b", "c"], &[("a", 40)]);
    assert_eq!(changes(&first(&pool, &seen)), [], "40 and 50 fit on one");
    overloaded(&mut seen, "a");
    let plan = lasting(&pool, &seen);
    assert_eq!(changes(&plan), [("b", Change::Label)]);
    assert_eq!((plan.numbers.in_use, plan.numbers.desired), (40, 2));
}

#[test]
fn each_of_several_counts_as_full() {
    let mut seen = world(&["c", "d"], &[("a", 10), ("b", 10)]);
    overloaded(&mut seen, "a");
    let pool = pool(|_| {});
    assert_eq!(changes(&lasting(&pool, &seen)), [], "b has room for 50");
    overloaded(&mut seen, "b");
    assert_eq!(changes(&lasting(&pool, &seen)), [("c", Change::Label)]);
}

#[test]
fn the_pool_is_ready_and_nothing_is_taken_away() {
    let mut seen = world(&[], &[("a", 40)]);
    overloaded(&mut seen, "a");
    let pool = pool(|p| p.max_routers = 1);
    let plan = patient(&pool, &seen);
    assert_eq!(verdict(&plan, "Ready"), ("True", "Overloaded"));
    assert!(message(&plan, "Ready").contains("take nobody more"));
    assert_eq!(verdict(&plan, "ScalingActive"), ("False", "AtMaximum"));
    assert!(!plan.takes_away() && plan.draining.is_empty());
    // Its pod says that it takes nobody.
    assert_eq!(plan.pods[&router("a")].accepting, Some(false));
    assert_eq!((plan.numbers.accepting, plan.numbers.capacity), (0, 0));
}

#[test]
fn a_moment_of_it_changes_nothing() {
    let pool = pool(|_| {});
    let easy = world(&["b"], &[("a", 40)]);
    let mut seen = easy.clone();
    overloaded(&mut seen, "a");
    let mut memory = Memory::default();
    // Four seconds of it, again and again.
    for second in 0..60 {
        let world = if second % 6 < 5 { &seen } else { &easy };
        let plan = plan(&pool, world, &memory, at(second));
        assert_eq!(changes(&plan), [], "{second}");
        assert_eq!(verdict(&plan, "Ready"), ("True", "Accepting"));
        memory = plan.memory;
    }
}

#[test]
fn ready_says_so_only_where_no_others_are_enough() {
    let mut seen = world(&[], &[("a", 40), ("b", 0)]);
    overloaded(&mut seen, "a");
    let one = pool(|_| {});
    assert_eq!(
        verdict(&lasting(&one, &seen), "Ready"),
        ("True", "Accepting")
    );
    let both = pool(|p| p.min_routers = 2);
    let said = lasting(&both, &seen);
    assert_eq!(verdict(&said, "Ready"), ("True", "Overloaded"));
}

#[test]
fn nobody_is_drained_to_it() {
    let mut seen = world(&[], &[("a", 10), ("b", 30)]);
    overloaded(&mut seen, "b");
    // By the load alone one router would do.
    let plan = patient(&pool(|p| p.spare_participants = 0), &seen);
    assert_eq!(changes(&plan), []);
}

#[test]
fn a_rollout_waits_for_it_and_goes_on_with_the_others() {
    let mut seen = world(&[], &[("a", 10), ("b", 20)]);
    overloaded(&mut seen, "a");
    pod_of(&mut seen, "a").outdated = true;
    let pool = pool(|p| p.max_draining = 2);
    assert_eq!(changes(&first(&pool, &seen)), []);
    // Two of them, and a third with room for the people of one.
    let mut seen = world(&[], &[("a", 10), ("b", 20), ("c", 0)]);
    overloaded(&mut seen, "a");
    pod_of(&mut seen, "a").outdated = true;
    pod_of(&mut seen, "b").outdated = true;
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&first(&pool, &seen)), [("b", drain)]);
    // When the strain ends its turn comes.
    word_of(&mut seen, "a").accepting = true;
    let both = [("a", drain), ("b", drain)];
    assert_eq!(changes(&first(&pool, &seen)), both);
}

#[test]
fn a_new_one_that_took_people_holds_no_rollout_up() {
    let mut seen = world(&[], &[("a", 60), ("b", 20), ("c", 0)]);
    overloaded(&mut seen, "a");
    pod_of(&mut seen, "b").outdated = true;
    let pool = pool(|_| {});
    let plan = first(&pool, &seen);
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&plan), [("b", drain)]);
    let said = message(&plan, "RolloutComplete");
    assert!(!said.contains("take people"), "{said}");
    // Of one that never did it is not known whether the template is any good.
    people_on(&mut seen, "a", 0);
    let plan = first(&pool, &seen);
    assert_eq!(changes(&plan), []);
    let said = message(&plan, "RolloutComplete");
    assert!(said.contains("those on a take people"), "{said}");
}

#[test]
fn with_nobody_on_it_it_is_made_anew_like_any_other() {
    let mut seen = world(&[], &[("a", 0), ("b", 20)]);
    overloaded(&mut seen, "a");
    pod_of(&mut seen, "a").outdated = true;
    let drain = Change::StartDrain(DrainReason::Rollout);
    assert_eq!(changes(&first(&pool(|_| {}), &seen)), [("a", drain)]);
}

#[test]
fn a_pool_that_shrinks_empties_another() {
    let mut seen = world(&[], &[("a", 10), ("b", 30), ("c", 20)]);
    let pool = pool(|p| p.replicas = Some(2));
    let drain = Change::StartDrain(DrainReason::ScaleDown);
    assert_eq!(changes(&patient(&pool, &seen)), [("a", drain)]);
    overloaded(&mut seen, "a");
    assert_eq!(changes(&patient(&pool, &seen)), [("c", drain)]);
}

#[test]
fn one_that_drains_or_is_not_heard_is_not_taken_for_overloaded() {
    let pool = pool(|_| {});
    let mut draining_one = world(&["b"], &[("a", 40)]);
    word_of(&mut draining_one, "a").draining = true;
    overloaded(&mut draining_one, "a");
    assert_eq!(changes(&first(&pool, &draining_one)), []);
    let mut silent = world(&["b"], &[("a", 40)]);
    overloaded(&mut silent, "a");
    word_of(&mut silent, "a").connected = false;
    assert_eq!(changes(&first(&pool, &silent)), []);
}
