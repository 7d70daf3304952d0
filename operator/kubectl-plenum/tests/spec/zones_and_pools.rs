//! What zones, pools and nodes say of themselves.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kubectl_plenum::finding::Level;
use kubectl_plenum::snapshot::Snapshot;

use crate::world::{findings, found, healthy, wait_for_room, with};

#[test]
fn a_zone_that_is_not_ready_is_told_once_in_its_own_words() {
    let seen = with(
        "type: CertificatesReady, status: \"True\", reason: CertificatesIssued, message: valid",
        "type: CertificatesReady, status: \"False\", reason: SecretNotFound, message: there is no Secret own-tls",
    );
    let finding = found(&seen, "SecretNotFound");
    assert_eq!(finding.level, Level::Wrong);
    assert_eq!(
        finding.what,
        "CertificatesReady is False: there is no Secret own-tls"
    );
    assert_eq!(findings(&seen).len(), 1);
}

#[test]
fn starting_is_no_trouble_until_it_lasts() {
    let starting = |since: &str| {
        with(
            "type: Ready, status: \"True\", reason: Accepting, message: the routers wanted at least take meetings, lastTransitionTime: \"2026-11-01T08:01:00Z\"",
            &format!(
                "type: Ready, status: \"False\", reason: RoutersStarting, message: 0 of at least 1 routers take meetings, lastTransitionTime: \"{since}\""
            ),
        )
    };
    assert_eq!(
        found(&starting("2026-11-22T11:59:30Z"), "RoutersStarting").level,
        Level::Advice
    );
    assert_eq!(
        found(&starting("2026-11-22T11:00:00Z"), "RoutersStarting").level,
        Level::Wrong
    );
}

#[test]
fn a_window_that_is_left_out_is_told_though_the_load_is_followed() {
    let seen = with(
        "type: ScalingActive, status: \"True\", reason: FollowingLoad",
        "type: ScalingActive, status: \"True\", reason: InvalidSpec",
    );
    let finding = found(&seen, "InvalidSpec");
    assert_eq!(finding.level, Level::Advice);
    assert_eq!(finding.remedies, ["kubectl -n meetings edit mmrpool main"]);
}

#[test]
fn what_a_pool_says_beside_following_the_load_is_passed_on_whatever_it_is() {
    let seen = with(
        "type: ScalingActive, status: \"True\", reason: FollowingLoad, message: the size follows the load",
        "type: ScalingActive, status: \"True\", reason: OfANewerOperator, message: 'the size follows the load, without n7'",
    );
    let finding = found(&seen, "OfANewerOperator");
    assert_eq!(finding.level, Level::Advice);
    assert_eq!(finding.what, "the size follows the load, without n7");
    assert_eq!(
        finding.remedies,
        ["kubectl -n meetings describe mmrpool main"]
    );
}

#[test]
fn routers_that_fell_silent_are_told_once_with_the_way_to_their_logs_and_nodes() {
    let silent = || {
        with(
            "type: ScalingActive, status: \"True\", reason: FollowingLoad, message: the size follows the load",
            "type: ScalingActive, status: \"True\", reason: RoutersSilent, message: it goes on without r-b",
        )
    };
    let advice = found(&silent(), "RoutersSilent");
    assert_eq!(advice.level, Level::Advice);
    let do_ = [
        "kubectl -n meetings logs -l plenum.dev/pool=main --prefix --tail=50",
        "kubectl -n meetings get pods -l plenum.dev/pool=main -o wide   # their nodes",
        "kubectl cordon NODE   # to have it back at the drain deadline",
    ];
    assert_eq!(advice.remedies, do_);
    // Where none may come in their place it is why the pool is not ready.
    let mut seen = silent();
    let conditions = &mut seen.pools.items[0].status.as_mut().unwrap().conditions;
    let ready = conditions
        .iter_mut()
        .find(|it| it.type_ == "Ready")
        .unwrap();
    (ready.status, ready.reason) = ("False".to_owned(), "RoutersSilent".to_owned());
    let wrong = found(&seen, "RoutersSilent");
    assert_eq!(wrong.level, Level::Wrong);
    assert_eq!(wrong.remedies, do_);
    assert!(wrong.why.contains("without r-b"), "{wrong:?}");
    assert_eq!(findings(&seen).len(), 1);
}

#[test]
fn one_that_nobody_looks_after_or_that_is_paused_is_told() {
    let mut seen = healthy();
    seen.zones.items[0].status = None;
    assert_eq!(found(&seen, "NotLookedAt").level, Level::Wrong);
    let mut seen = healthy();
    let annotations = [("plenum.dev/paused".to_owned(), String::new())];
    seen.pools.items[0].metadata.annotations = Some(annotations.into());
    let finding = found(&seen, "Paused");
    assert_eq!(
        finding.remedies,
        ["kubectl -n meetings annotate mmrpool main plenum.dev/paused-"]
    );
}

#[test]
fn a_dead_node_with_a_router_and_a_drain_past_its_deadline_are_wrong() {
    let mut seen = healthy();
    let conditions = seen.nodes.items[0].status.as_mut().unwrap();
    conditions.conditions.as_mut().unwrap()[0].status = "Unknown".to_owned();
    assert_eq!(found(&seen, "NodeNotReady").object.name, "n1");

    let finding = found(&draining("n1", None), "DrainOverdue");
    assert!(finding.what.ends_with("for 3h"), "{finding:?}");
}

/// The node's router drains for three hours, for this reason.
fn draining(node: &str, reason: Option<&str>) -> Snapshot {
    let mut seen = healthy();
    let mut marks = BTreeMap::from([(
        "plenum.dev/draining-since".to_owned(),
        "2026-11-22T09:00:00Z".to_owned(),
    )]);
    marks.extend(reason.map(|it| ("plenum.dev/draining-reason".to_owned(), it.to_owned())));
    let mut nodes = seen.nodes.items.iter_mut();
    let node = nodes.find(|it| it.metadata.name.as_deref() == Some(node));
    node.unwrap().metadata.annotations = Some(marks);
    seen
}

#[test]
fn a_drain_that_waits_for_another_router_says_so() {
    let alone = found(&draining("n1", None), "DrainOverdue");
    assert!(alone.why.contains("minRouters"), "{alone:?}");
    let mut seen = draining("n1", None);
    let labels = seen.nodes.items[0].metadata.labels.clone();
    seen.nodes.items[1].metadata.labels = labels;
    let one_of_two = found(&seen, "DrainOverdue");
    assert!(
        one_of_two
            .why
            .ends_with("should have taken the router away"),
        "{one_of_two:?}"
    );
}

#[test]
fn a_mark_that_waits_for_the_new_router_of_a_rollout_is_not_overdue() {
    let overdue = |seen: &Snapshot| findings(seen).iter().any(|it| it.reason == "DrainOverdue");
    // The router was made at 10:00, after the mark.
    let mut seen = draining("n1", Some("Rollout"));
    assert!(!overdue(&seen));
    // There is none, and something keeps the new one from being made.
    let routers = |pod: &Pod| pod.metadata.name.as_deref() == Some("main-mmr-x7k2p");
    let mut without = seen.clone();
    without.pods.items.retain(|pod| !routers(pod));
    assert!(!overdue(&without));
    // The old one is there yet.
    let mut pods = seen.pods.items.iter_mut();
    let router = pods.find(|pod| routers(pod)).unwrap();
    let before = "2026-11-22T08:00:00Z".parse().unwrap();
    router.metadata.creation_timestamp = Some(Time(before));
    // It may be one that the scheduler never found room for.
    let mut waits = seen.clone();
    let mut pods = waits.pods.items.iter_mut();
    wait_for_room(pods.find(|pod| routers(pod)).unwrap());
    for old_one in [seen, waits] {
        assert!(overdue(&old_one));
    }
    // Of another drain the router's age says nothing.
    assert!(overdue(&draining("n1", Some("ScaleDown"))));
}

#[test]
fn a_pool_that_is_paused_is_told_and_its_drains_are_not() {
    let mut seen = draining("n1", Some("ScaleDown"));
    let paused = [("plenum.dev/paused".to_owned(), String::new())];
    seen.pools.items[0].metadata.annotations = Some(paused.into());
    let reasons: Vec<String> = findings(&seen).into_iter().map(|it| it.reason).collect();
    assert_eq!(reasons, ["Paused"]);
}

#[test]
fn a_rollout_that_halts_is_wrong_and_one_that_goes_on_is_not() {
    let rollout = |reason: &str| {
        with(
            "    - {type: ScalingActive,",
            &format!(
                "    - {{type: RolloutComplete, status: \"False\", reason: {reason}, message: so it is, lastTransitionTime: \"2026-11-22T11:00:00Z\"}}\n    - {{type: ScalingActive,"
            ),
        )
    };
    assert_eq!(findings(&rollout("Rolling")), []);
    assert_eq!(
        found(&rollout("RolloutPaused"), "RolloutPaused").level,
        Level::Advice
    );
    assert_eq!(
        found(&rollout("RolloutHalted"), "RolloutHalted").level,
        Level::Wrong
    );
}
