//! What is said of the pool and its pods.

use plenum_crds::NodeAutoscaler;

use super::world::*;

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
        heard: true,
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

#[test]
fn a_paused_pool_says_so_and_whether_it_serves() {
    let mut paused = pool(|_| {});
    paused.paused = true;
    let serves = first(&paused, &world(&["b"], &[("a", 5)]));
    assert_eq!(verdict(&serves, "Ready"), ("True", "Paused"));
    // Nothing is being started, and no load is followed.
    let empty = first(&paused, &world(&["b"], &[]));
    assert_eq!(verdict(&empty, "Ready"), ("False", "Paused"));
    for plan in [&serves, &empty] {
        assert_eq!(verdict(plan, "ScalingActive"), ("False", "Paused"));
        assert!(message(plan, "Ready").contains("plenum.dev/paused is set: remove it"));
    }
}

#[test]
fn a_paused_pool_that_is_deleted_says_that_its_pause_keeps_it() {
    let mut paused = pool(|_| {});
    paused.paused = true;
    let mut deleted = world(&["b"], &[("a", 5)]);
    deleted.pool_deleting = true;
    let mut zone_deleted = world(&["b"], &[("a", 5)]);
    zone_deleted.zone = Zone::Deleting { until: at(60) };
    for seen in [deleted, zone_deleted] {
        let plan = first(&paused, &seen);
        assert!(plan.nodes.is_empty() && !plan.finished);
        for type_ in ["Ready", "ScalingActive"] {
            assert_eq!(verdict(&plan, type_), ("False", "Paused"));
            assert!(message(&plan, type_).contains("the deletion waits"));
            assert!(message(&plan, type_).contains("remove it"));
        }
        let all: Vec<&str> = plan.verdicts.iter().map(|v| v.message.as_str()).collect();
        assert!(all.iter().all(|said| !said.contains("drain")), "{all:?}");
    }
}

#[test]
fn a_router_that_no_controller_is_in_touch_with_takes_nobody() {
    let pool = pool(|_| {});
    let mut seen = world(&[], &[("a", 1), ("b", 1)]);
    let word = word_of(&mut seen, "b");
    (word.connected, word.fresh_everywhere) = (false, false);
    let plan = first(&pool, &seen);
    assert_eq!((plan.numbers.accepting, plan.numbers.capacity), (1, 100));
    assert_eq!(plan.pods[&router("b")].accepting, None);
    // By one of two it is.
    word_of(&mut seen, "b").connected = true;
    assert_eq!(first(&pool, &seen).numbers.accepting, 2);
}

#[test]
fn pods_that_cannot_ask_for_nodes_are_why_nodes_are_missing_while_some_are_wanted() {
    let pool = pool(|p| p.node_autoscaler = NodeAutoscaler::Karpenter);
    let refused = |mut seen: Observed| {
        seen.placeholder_trouble = Some("exceeded quota".to_owned());
        first(&pool, &seen)
    };
    let full = || world(&[], &[("a", 100)]);
    let plan = refused(full());
    assert_eq!(
        verdict(&plan, "NodesAvailable"),
        ("False", "PlaceholdersRefused")
    );
    assert!(message(&plan, "NodesAvailable").ends_with("exceeded quota"));
    // Nobody misses them where no node is wanted, or where another pool has the nodes.
    let idle = refused(world(&[], &[("a", 0)]));
    assert_eq!(verdict(&idle, "NodesAvailable"), ("True", "EnoughNodes"));
    let mut shared = full();
    shared.rivals = BTreeSet::from(["n/other".to_owned()]);
    let shared = refused(shared);
    assert_eq!(verdict(&shared, "NodesAvailable"), ("False", "NodesShared"));
    // Without routers it is why the pool is not ready, too.
    let none = Observed {
        zone: Zone::Found,
        ..Observed::default()
    };
    assert_eq!(
        verdict(&refused(none), "Ready"),
        ("False", "PlaceholdersRefused")
    );
}

#[test]
fn who_brings_nodes_is_asked_for_them_and_nobody_is_told_to_label_any() {
    let brought = |by: NodeAutoscaler| pool(|p| (p.min_routers, p.node_autoscaler) = (3, by));
    let none = Observed {
        zone: Zone::Found,
        ..Observed::default()
    };
    for seen in [none, world(&["a"], &[])] {
        let said = |by| message(&first(&brought(by), &seen), "NodesAvailable").to_owned();
        assert!(said(NodeAutoscaler::None).contains("label"));
        let asks = said(NodeAutoscaler::Karpenter);
        assert!(asks.contains("Karpenter is asked for more"), "{asks}");
        assert!(asks.contains("p-placeholder") && !asks.contains("label more"));
    }
}
