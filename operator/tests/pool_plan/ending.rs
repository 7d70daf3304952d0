//! The pool or its zone is deleted, or the zone is not there.

use super::world::*;

#[test]
fn a_deleted_pool_drains_everything_and_then_is_finished() {
    let pool = pool(|p| p.min_routers = 2);
    let mut seen = world(&["c"], &[("a", 5), ("b", 0)]);
    seen.pool_deleting = true;
    let start = first(&pool, &seen);
    let drain = Change::StartDrain(DrainReason::PoolDeleted);
    assert_eq!(changes(&start), [("a", drain), ("b", drain)]);
    assert!(!start.finished);

    draining(&mut seen, "a", DrainReason::PoolDeleted, 0);
    draining(&mut seen, "b", DrainReason::PoolDeleted, 0);
    assert_eq!(
        changes(&plan(&pool, &seen, &Memory::default(), at(1))),
        [("b", Change::UnlabelEmpty)]
    );
    let late = plan(&pool, &seen, &Memory::default(), at(600));
    let gone = [("a", Change::UnlabelLate), ("b", Change::UnlabelEmpty)];
    assert_eq!(changes(&late), gone);
    let mut after = world(&["a", "b", "c"], &[]);
    after.pool_deleting = true;
    assert!(first(&pool, &after).finished);
}

#[test]
fn a_deleted_zone_takes_its_own_deadline() {
    let mut seen = world(&[], &[("a", 5)]);
    seen.zone = Zone::Deleting { until: at(30) };
    draining(&mut seen, "a", DrainReason::ZoneDeleted, 0);
    let pool = pool(|_| {});
    assert!(
        plan(&pool, &seen, &Memory::default(), at(29))
            .nodes
            .is_empty()
    );
    let late = plan(&pool, &seen, &Memory::default(), at(30));
    assert_eq!(changes(&late), [("a", Change::UnlabelLate)]);
}

#[test]
fn a_missing_zone_starts_nothing_and_stops_nothing() {
    let mut seen = world(&["b"], &[("a", 500)]);
    seen.zone = Zone::Missing;
    let plan = first(&pool(|_| {}), &seen);
    assert!(plan.nodes.is_empty());
    assert_eq!(verdict(&plan, "ZoneFound"), ("False", "ZoneNotFound"));
}

#[test]
fn a_pool_is_finished_only_when_it_is_deleted_and_then_looks_once_more() {
    let nothing = world(&["a"], &[]);
    let none = pool(|p| p.replicas = Some(0));
    assert!(!first(&none, &nothing).finished);
    let mut deleted = nothing;
    deleted.pool_deleting = true;
    let finished = first(&none, &deleted);
    assert!(finished.finished && finished.nodes.is_empty());
    assert!(
        finished.takes_away(),
        "a cache may not know yet of a router"
    );
}

#[test]
fn a_zone_deleted_with_a_deadline_of_zero_ends_its_meetings_at_once() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 5), ("b", 5)]);
    // One drains already, with an hour of its own.
    draining(&mut seen, "b", DrainReason::ScaleDown, -1);
    seen.zone = Zone::Deleting { until: at(0) };
    let starts = first(&pool, &seen);
    let drain = Change::StartDrain(DrainReason::ZoneDeleted);
    assert_eq!(changes(&starts), [("a", drain), ("b", Change::UnlabelLate)]);
    draining(&mut seen, "a", DrainReason::ZoneDeleted, 0);
    let ends = [("a", Change::UnlabelLate), ("b", Change::UnlabelLate)];
    assert_eq!(changes(&first(&pool, &seen)), ends);
}

#[test]
fn a_zone_that_went_before_its_routers_strands_none() {
    let pool = pool(|_| {});
    // The load would ask for both.
    let mut seen = world(&["c"], &[("a", 90), ("b", 90)]);
    draining(&mut seen, "a", DrainReason::ZoneDeleted, 0);
    seen.zone = Zone::Missing;
    seen.view = View::default();
    let goes_on = first(&pool, &seen);
    // No drain is cancelled, and the router that was not marked yet is.
    let drain = Change::StartDrain(DrainReason::ZoneDeleted);
    assert_eq!(changes(&goes_on), [("b", drain)]);
    assert_eq!(goes_on.draining, BTreeSet::from(["a", "b"].map(router)));
    draining_since(&mut seen, "b", DrainReason::ZoneDeleted, 0);
    assert_eq!(first(&pool, &seen).look_again, Some(at(600)));
    let late = plan(&pool, &seen, &Memory::default(), at(600));
    let ends = [("a", Change::UnlabelLate), ("b", Change::UnlabelLate)];
    assert_eq!(changes(&late), ends);

    // A zone of the same name that is made again has use for them.
    seen.zone = Zone::Found;
    let kept = [("a", Change::CancelDrain)];
    assert_eq!(changes(&first(&pool, &seen)), kept);
}
