//! What the planner promises, case by case.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::conditions::DrainReason;
use plenum_crds::{MMRPool, MMRPoolSpec};
use plenum_operator::pool::observed::{
    Coverage, Drain, Node, Observed, Owner, Pod, Said, View, Word, Zone,
};
use plenum_operator::pool::plan::{Change, Marks, Memory, Plan, plan};
use plenum_operator::pool::validate::{ValidPool, validate};
use plenum_wire::RouterId;

/// 100 people a router, 50 spare, 1 to 5 routers, one minute of patience, one drain at once.
fn pool(change: impl FnOnce(&mut MMRPoolSpec)) -> ValidPool {
    let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
    object.metadata.namespace = Some("n".into());
    object.spec.participants_per_router = 100;
    object.spec.spare_participants = 50;
    object.spec.min_routers = 1;
    object.spec.max_routers = 5;
    object.spec.scale_down_delay_seconds = 60;
    object.spec.drain_deadline_seconds = 600;
    change(&mut object.spec);
    validate(&object).expect("a valid pool")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

fn router(node: &str) -> RouterId {
    format!("r-{node}").parse().unwrap()
}

/// A world in which all is well: `free` nodes without routers, and routers with people.
fn world(free: &[&str], routers: &[(&str, u32)]) -> Observed {
    let mut seen = Observed {
        zone: Zone::Found,
        view: View {
            coverage: Coverage::Complete,
            age: Some(Duration::ZERO),
            ..View::default()
        },
        ..Observed::default()
    };
    for name in free {
        seen.nodes.insert((*name).into(), node(Owner::Nobody));
    }
    for (name, people) in routers {
        seen.nodes.insert((*name).into(), node(Owner::Us));
        let said = Said {
            accepting: Some(true),
            draining: Some(false),
            written: true,
        };
        let pod = Pod {
            node: (*name).into(),
            started: true,
            ready: true,
            terminating: false,
            outdated: false,
            said,
        };
        seen.pods.insert(router(name), pod);
        seen.view.routers.insert(router(name), word(*people));
    }
    seen
}

fn node(owner: Owner) -> Node {
    Node {
        selected: true,
        schedulable: true,
        ready: true,
        owner,
        protected: owner == Owner::Us,
        drain: None,
    }
}

fn word(participants: u32) -> Word {
    Word {
        participants,
        accepting: true,
        draining: false,
        fresh: true,
        fresh_everywhere: true,
        empty_everywhere: None,
    }
}

fn draining(seen: &mut Observed, name: &str, reason: DrainReason, since: i64) {
    let since = at(since);
    seen.nodes.get_mut(name).unwrap().drain = Some(Drain { since, reason });
    let word = seen.view.routers.get_mut(&router(name)).unwrap();
    word.draining = true;
    word.accepting = false;
    word.empty_everywhere = (word.participants == 0).then_some(Duration::ZERO);
}

fn edit<'a>(seen: &'a mut Observed, name: &str) -> &'a mut Node {
    seen.nodes.get_mut(name).unwrap()
}

fn first(pool: &ValidPool, seen: &Observed) -> Plan {
    plan(pool, seen, &Memory::default(), at(0))
}

/// The plan after the same has been seen for two minutes, longer than the delay.
fn patient(pool: &ValidPool, seen: &Observed) -> Plan {
    let memory = first(pool, seen).memory;
    plan(pool, seen, &memory, at(120))
}

fn changes(plan: &Plan) -> Vec<(&str, Change)> {
    plan.nodes
        .iter()
        .map(|(name, write)| (name.as_str(), write.change))
        .collect()
}

fn verdict<'a>(plan: &'a Plan, type_: &str) -> (&'a str, &'a str) {
    let found = plan.verdicts.iter().find(|v| v.type_ == type_).unwrap();
    (found.truth.as_str(), found.reason)
}

#[test]
fn an_empty_pool_gets_its_minimum_before_any_report() {
    let mut seen = world(&["a", "b"], &[]);
    seen.view = View::default();
    let plan = first(&pool(|p| p.min_routers = 2), &seen);
    assert_eq!(changes(&plan), [("a", Change::Label), ("b", Change::Label)]);
    assert_eq!(plan.nodes["a"].marks, Marks::Active(None));
    assert_eq!(verdict(&plan, "ScalingActive"), ("False", "ReportsMissing"));
}

#[test]
fn growth_is_immediate_and_as_large_as_the_load_asks() {
    // 260 people and 50 spare: four routers of 100.
    let seen = world(&["c", "d", "e"], &[("a", 130), ("b", 130)]);
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), [("c", Change::Label), ("d", Change::Label)]);
    assert_eq!(plan.numbers.desired, 4);
}

#[test]
fn growth_calls_draining_routers_back_first_the_fullest_before_others() {
    let mut seen = world(&["f"], &[("a", 100), ("b", 20), ("c", 80)]);
    draining(&mut seen, "b", DrainReason::ScaleDown, -5);
    draining(&mut seen, "c", DrainReason::ScaleDown, -5);
    let plan = first(&pool(|p| p.max_draining = 2), &seen);
    let called_back = [("b", Change::CancelDrain), ("c", Change::CancelDrain)];
    assert_eq!(changes(&plan), called_back);
    assert!(plan.draining.is_empty());

    seen.view
        .routers
        .get_mut(&router("a"))
        .unwrap()
        .participants = 30;
    let plan = first(&pool(|p| p.max_draining = 2), &seen);
    assert_eq!(changes(&plan), [("c", Change::CancelDrain)]);
    assert_eq!(plan.draining, BTreeSet::from([router("b")]));
}

#[test]
fn the_pool_never_grows_beyond_its_maximum_and_says_so() {
    let seen = world(&["b", "c"], &[("a", 100)]);
    let plan = first(&pool(|p| p.max_routers = 1), &seen);
    assert!(plan.nodes.is_empty());
    assert_eq!(verdict(&plan, "ScalingActive"), ("False", "AtMaximum"));
}

#[test]
fn too_few_nodes_are_told_in_a_condition() {
    let plan = first(&pool(|p| p.min_routers = 3), &world(&["a"], &[]));
    assert_eq!(
        verdict(&plan, "NodesAvailable"),
        ("False", "NotEnoughNodes")
    );
    assert_eq!(verdict(&plan, "Ready"), ("False", "NotEnoughNodes"));
    let plan = first(
        &pool(|_| {}),
        &Observed {
            zone: Zone::Found,
            ..Observed::default()
        },
    );
    assert_eq!(
        verdict(&plan, "NodesAvailable"),
        ("False", "NoMatchingNodes")
    );
}

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
fn reports_that_are_suddenly_zero_cost_nothing_before_the_delay() {
    let pool = pool(|_| {});
    let busy = world(&[], &[("a", 90), ("b", 90), ("c", 60)]);
    let zero = world(&[], &[("a", 0), ("b", 0), ("c", 0)]);
    let memory = plan(&pool, &busy, &Memory::default(), at(0)).memory;
    let memory = plan(&pool, &busy, &memory, at(300)).memory;
    assert!(plan(&pool, &zero, &memory, at(301)).nodes.is_empty());
}

#[test]
fn people_known_of_get_their_routers_even_while_reports_are_stale() {
    let mut seen = world(&["b"], &[("a", 90)]);
    seen.view.coverage = Coverage::Stale;
    assert_eq!(
        changes(&first(&pool(|_| {}), &seen)),
        [("b", Change::Label)]
    );
}

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
fn a_cordoned_node_gets_its_replacement_first_and_drains_when_that_takes_people() {
    let pool = pool(|_| {});
    let mut seen = world(&["b"], &[("a", 20)]);
    edit(&mut seen, "a").schedulable = false;
    assert_eq!(changes(&first(&pool, &seen)), [("b", Change::Label)]);

    let mut replaced = world(&[], &[("a", 20), ("b", 0)]);
    edit(&mut replaced, "a").schedulable = false;
    let drains = first(&pool, &replaced);
    assert_eq!(
        changes(&drains),
        [("a", Change::StartDrain(DrainReason::NodeCordoned))]
    );

    // Uncordoned in time and needed, it stays.
    let mut back = world(&[], &[("a", 80), ("b", 20)]);
    draining(&mut back, "a", DrainReason::NodeCordoned, -3);
    assert_eq!(changes(&first(&pool, &back)), [("a", Change::CancelDrain)]);
}

#[test]
fn a_cordoned_node_without_replacement_keeps_its_people() {
    let mut seen = world(&[], &[("a", 20)]);
    edit(&mut seen, "a").schedulable = false;
    let plan = patient(&pool(|_| {}), &seen);
    assert!(plan.nodes.is_empty());
    assert_eq!(
        verdict(&plan, "NodesAvailable"),
        ("False", "NotEnoughNodes")
    );
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
fn a_dead_node_is_replaced_and_left_alone() {
    let mut seen = world(&["b"], &[("a", 20)]);
    edit(&mut seen, "a").ready = false;
    seen.pods.get_mut(&router("a")).unwrap().ready = false;
    let silent = seen.view.routers.get_mut(&router("a")).unwrap();
    (silent.fresh, silent.fresh_everywhere) = (false, false);
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), [("b", Change::Label)]);
    assert_eq!((plan.numbers.capacity, plan.numbers.accepting), (0, 0));
}

#[test]
fn a_kubelet_that_is_silent_says_nothing_about_its_router() {
    let mut seen = world(&["b"], &[("a", 20)]);
    edit(&mut seen, "a").ready = false;
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
}

#[test]
fn after_an_outage_of_the_api_server_nothing_is_replaced_before_controllers_are_heard() {
    let mut seen = world(&["b"], &[("a", 20)]);
    edit(&mut seen, "a").ready = false;
    seen.pods.get_mut(&router("a")).unwrap().ready = false;
    for coverage in [Coverage::Missing, Coverage::Stale] {
        seen.view = View {
            coverage,
            ..View::default()
        };
        assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
    }
}

#[test]
fn a_stopping_pod_keeps_its_node_from_being_taken_again() {
    let mut seen = world(&[], &[("a", 0)]);
    seen.nodes.insert("a".into(), node(Owner::Nobody));
    seen.pods.get_mut(&router("a")).unwrap().terminating = true;
    assert!(first(&pool(|_| {}), &seen).nodes.is_empty());
}

#[test]
fn nodes_of_other_pools_are_left_alone_and_shared_ones_are_told() {
    let mut seen = world(&["a"], &[]);
    edit(&mut seen, "a").owner = Owner::Other;
    seen.rivals = BTreeSet::from(["n/other".to_owned()]);
    let plan = first(&pool(|_| {}), &seen);
    assert!(plan.nodes.is_empty());
    assert_eq!(verdict(&plan, "NodesAvailable"), ("False", "NodesShared"));
}

#[test]
fn the_younger_of_two_pools_drains_the_node_that_it_loses() {
    let mut seen = world(&[], &[("a", 5), ("b", 5)]);
    edit(&mut seen, "a").selected = false;
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(
        changes(&plan),
        [("a", Change::StartDrain(DrainReason::NodeNotSelected))]
    );
}

#[test]
fn a_paused_pool_is_watched_and_not_touched() {
    let mut paused = pool(|_| {});
    paused.paused = true;
    let mut seen = world(&["b", "c"], &[("a", 400)]);
    edit(&mut seen, "a").protected = false;
    seen.pods.get_mut(&router("a")).unwrap().said = Said::default();
    let plan = first(&paused, &seen);
    assert!(plan.nodes.is_empty() && plan.pods.is_empty() && plan.replace.is_empty());
    assert_eq!(verdict(&plan, "ScalingActive"), ("False", "Paused"));
}

#[test]
fn explicit_replicas_are_followed_without_delay() {
    let held = pool(|p| p.replicas = Some(3));
    let grow = first(&held, &world(&["b", "c"], &[("a", 0)]));
    assert_eq!(changes(&grow), [("b", Change::Label), ("c", Change::Label)]);
    let fewer = pool(|p| p.replicas = Some(1));
    let shrink = first(&fewer, &world(&[], &[("a", 0), ("b", 0)]));
    assert_eq!(
        changes(&shrink),
        [("b", Change::StartDrain(DrainReason::ScaleDown))]
    );
    assert_eq!(verdict(&shrink, "ScalingActive"), ("False", "Held"));
}

#[test]
fn capacity_is_that_of_ready_accepting_pods_freshly_heard() {
    let pool = pool(|_| {});
    let well = world(&[], &[("a", 1), ("b", 1), ("c", 1)]);
    assert_eq!(first(&pool, &well).numbers.capacity, 300);

    let mut dying = well.clone();
    dying.pods.get_mut(&router("a")).unwrap().terminating = true;
    dying.pods.get_mut(&router("b")).unwrap().ready = false;
    assert_eq!(first(&pool, &dying).numbers.capacity, 100);

    let mut silent = well;
    silent.view.routers.get_mut(&router("c")).unwrap().fresh = false;
    let plan = first(&pool, &silent);
    assert_eq!(plan.numbers.capacity, 200);
    let unknown = Said {
        accepting: None,
        draining: None,
        written: true,
    };
    assert_eq!(plan.pods[&router("c")], unknown);
    assert_eq!(
        plan.pods.len(),
        1,
        "what is written already is not written again"
    );
}

#[test]
fn a_new_leader_unsays_nothing_before_it_could_hear_anybody() {
    let mut seen = world(&[], &[("a", 1)]);
    seen.view = View {
        settling: true,
        ..View::default()
    };
    let plan = first(&pool(|_| {}), &seen);
    assert!(plan.pods.is_empty() && plan.settling);
    assert_eq!(plan.numbers.capacity, 100);
}

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
    assert_eq!(replaces.replace, BTreeSet::from([router("a")]));
    assert!(replaces.nodes.is_empty(), "the node stays labelled");

    empty.pods.get_mut(&router("a")).unwrap().outdated = false;
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
    alone
        .view
        .routers
        .get_mut(&router("a"))
        .unwrap()
        .participants = 0;
    let nobody = first(&pool, &alone);
    assert_eq!(
        changes(&nobody),
        [("a", Change::StartDrain(DrainReason::Rollout))]
    );
}

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
    seen.zone = Zone::Deleting {
        deadline: Duration::from_secs(30),
    };
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
fn protection_that_somebody_took_off_is_put_back_and_what_is_left_behind_taken_off() {
    let mut seen = world(&["b"], &[("a", 5)]);
    edit(&mut seen, "a").protected = false;
    edit(&mut seen, "b").protected = true;
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(
        changes(&plan),
        [("a", Change::Repair), ("b", Change::Repair)]
    );
    assert_eq!(plan.nodes["a"].marks, Marks::Active(None));
    assert_eq!(plan.nodes["b"].marks, Marks::Bare);
}

#[test]
fn what_is_as_it_should_be_is_not_written() {
    let seen = world(&["c"], &[("a", 60), ("b", 60)]);
    let pool = pool(|_| {});
    let mut memory = Memory::default();
    for minute in 0..10 {
        let plan = plan(&pool, &seen, &memory, at(minute * 60));
        assert!(plan.nodes.is_empty() && plan.pods.is_empty() && plan.replace.is_empty());
        assert!(!plan.takes_away());
        memory = plan.memory;
    }
}
