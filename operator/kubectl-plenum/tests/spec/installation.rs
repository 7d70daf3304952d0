//! Definitions, the operator, its rights, versions, budgets.

use kubectl_plenum::doctor::diagnose;
use kubectl_plenum::finding::Level;
use kubectl_plenum::snapshot::{Seen, Snapshot, Trouble};

use crate::world::{and, findings, found, healthy, now, with, without};

#[test]
fn a_healthy_installation_is_left_alone() {
    let report = diagnose(&healthy());
    assert!(report.healthy, "{report}");
    assert_eq!(findings(&healthy()), []);
}

#[test]
fn on_an_empty_cluster_the_first_finding_is_that_nothing_is_installed() {
    let report = diagnose(&Snapshot::at(now()));
    let first = &report.checks[0].findings[0];
    assert_eq!(first.reason, "DefinitionMissing");
    assert!(first.remedies[0].starts_with("helm install plenum"));
    assert!(!report.healthy);
}

#[test]
fn definitions_of_an_older_chart_are_told_with_a_field_that_they_lose() {
    let mut seen = healthy();
    let text = serde_json::to_string(&seen.definitions.items).unwrap();
    let older = text.replace("\"maxDraining\"", "\"maxDrainingOnce\"");
    seen.definitions.items = serde_json::from_str(&older).unwrap();
    let finding = found(&seen, "DefinitionTooOld");
    assert!(finding.what.contains("spec.maxDraining"), "{finding:?}");
    assert_eq!(
        finding.remedies,
        ["kubectl apply --server-side --force-conflicts -f charts/plenum/crds/"]
    );
}

#[test]
fn an_operator_that_is_not_there_or_does_not_run_is_wrong() {
    let seen = without("name: plenum-operator");
    assert_eq!(found(&seen, "OperatorMissing").level, Level::Wrong);
    let seen = with("readyReplicas: 2", "readyReplicas: 0");
    assert_eq!(found(&seen, "OperatorNotRunning").level, Level::Wrong);
    let seen = with("readyReplicas: 2", "readyReplicas: 1");
    assert_eq!(found(&seen, "OperatorReplicaMissing").level, Level::Advice);
}

#[test]
fn a_lease_that_nobody_renews_has_no_leader() {
    let seen = with("11:59:58.000000Z", "11:30:00.000000Z");
    let finding = found(&seen, "NobodyLeads");
    assert!(finding.what.contains("for 30m"), "{finding:?}");
    let seen = with(
        "holderIdentity: plenum-operator-5c9-abcde",
        "holderIdentity: ''",
    );
    found(&seen, "NobodyLeads");
}

#[test]
fn two_operators_would_fight() {
    let second = include_str!("../fixtures/healthy.yaml")
        .split("\n---\n")
        .next()
        .unwrap()
        .replace("namespace: plenum-system", "namespace: other");
    let finding = found(&and(&second), "SeveralOperators");
    assert!(
        finding.what.contains("other/plenum-operator"),
        "{finding:?}"
    );
}

#[test]
fn a_right_that_is_missing_is_named() {
    let mut seen = healthy();
    for right in &mut seen.rights.items {
        right.allowed = !(right.resource == "nodes" && right.verb == "patch");
    }
    let finding = found(&seen, "RightMissing");
    assert_eq!(finding.what, "the operator may not patch nodes");
    assert_eq!(finding.object.namespace, "plenum-system");
}

#[test]
fn what_may_not_be_seen_is_not_taken_for_health() {
    let mut seen = healthy();
    seen.nodes = Seen::refused(Trouble {
        what: "could not list nodes: you may not".to_owned(),
        remedy: "ask".to_owned(),
    });
    let report = diagnose(&seen);
    assert!(!report.healthy);
    let finding = found(&seen, "NotSeen");
    assert_eq!(finding.level, Level::Unknown);
    let wrong = findings(&seen)
        .into_iter()
        .any(|it| it.level == Level::Wrong);
    assert!(
        !wrong,
        "that nodes are not seen does not mean that none match"
    );
}

#[test]
fn checks_that_rest_on_what_is_not_seen_are_not_good() {
    let refused = || Trouble {
        what: "could not list: you may not".to_owned(),
        remedy: "ask".to_owned(),
    };
    let mut seen = healthy();
    seen.deployments = Seen::refused(refused());
    seen.rights = Seen::default();
    seen.zones = Seen::refused(refused());
    let report = diagnose(&seen);
    for name in [
        "operator",
        "rights",
        "namespaces",
        "zones",
        "certificates",
        "budgets",
    ] {
        let check = report.checks.iter().find(|it| it.name == name);
        assert_eq!(check.map(|it| it.result), Some(Level::Unknown), "{name}");
    }
}

#[test]
fn a_cluster_too_old_and_an_operator_of_another_version_are_told() {
    let mut seen = healthy();
    seen.server = Some("v1.29.4+k3s1".to_owned());
    assert_eq!(found(&seen, "KubernetesTooOld").level, Level::Wrong);
    let seen = with(
        "app.kubernetes.io/version: 0.1.0",
        "app.kubernetes.io/version: 9.9.9",
    );
    assert_eq!(found(&seen, "AnotherVersion").level, Level::Advice);
}

#[test]
fn a_budget_that_never_allows_an_eviction_is_told_and_one_at_work_is_not() {
    let seen = with("disruptionsAllowed: 1", "disruptionsAllowed: 0");
    assert_eq!(found(&seen, "BudgetBlocksNodes").level, Level::Advice);
    let seen = with(
        "disruptionsAllowed: 1, expectedPods: 2, currentHealthy: 2",
        "disruptionsAllowed: 0, expectedPods: 2, currentHealthy: 1",
    );
    assert_eq!(findings(&seen), []);
    assert_eq!(
        found(&without("PodDisruptionBudget"), "BudgetMissing").level,
        Level::Advice
    );
}

#[test]
fn a_budget_is_for_the_pods_that_its_whole_selector_matches() {
    let selecting = |selector: &str| {
        let ours = "selector: {matchLabels: {app.kubernetes.io/component: zone-controller, app.kubernetes.io/instance: main}}";
        let mut seen = with(ours, selector);
        for budget in &mut seen.budgets.items {
            budget.status.as_mut().unwrap().disruptions_allowed = Some(0);
        }
        seen
    };
    let component = |operator: &str| {
        format!(
            "selector: {{matchExpressions: [{{key: app.kubernetes.io/component, operator: {operator}}}]}}"
        )
    };
    for ours in ["In, values: [zone-controller]", "Exists"] {
        found(&selecting(&component(ours)), "BudgetBlocksNodes");
    }
    found(&selecting("selector: {}"), "BudgetBlocksNodes");
    for others in [
        &component("In, values: [shop]"),
        &component("DoesNotExist"),
        "",
    ] {
        assert_eq!(findings(&selecting(others)), [], "{others}");
    }
}
