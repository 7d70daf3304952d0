//! What the API server refuses: objects of the operator, and pods.

use kubectl_plenum::finding::Finding;
use kubectl_plenum::snapshot::{Seen, Snapshot, Trouble};

use crate::world::{and, findings, found, with};

const CONTROLLERS: &str = "type: ControllersReady, status: \"True\", reason: ControllersServing, message: 2 of 2 zone controllers answer.";

fn zone(message: &str) -> Finding {
    let refused = format!(
        "type: ControllersReady, status: \"False\", reason: ApplyRefused, message: '{message}'"
    );
    found(&with(CONTROLLERS, &refused), "ApplyRefused")
}

#[test]
fn a_port_of_the_nodes_that_another_service_has_is_told_with_how_to_find_it() {
    let said = "Service meetings/main-zc (apply) was refused: spec.ports[0].nodePort: Invalid value: 30443: provided port is already allocated";
    let refused = format!(
        "type: ControllersReady, status: \"False\", reason: ApplyRefused, message: '{said}'"
    );
    let mut seen = with(CONTROLLERS, &refused);
    seen.zones.items[0].spec.exposure.node_port = Some(30443);
    let finding = found(&seen, "ApplyRefused");
    assert!(finding.what.contains("already allocated"), "{finding:?}");
    assert_eq!(
        finding.remedies,
        [
            "kubectl get services --all-namespaces | grep 30443   # who has it",
            "kubectl -n meetings patch meetingzone main --type merge -p '{\"spec\":{\"exposure\":{\"nodePort\":null}}}'   # Kubernetes chooses another; or write one",
        ]
    );
}

#[test]
fn a_right_that_the_operator_lacks_is_told_with_the_release_that_gives_it() {
    let said = "services \"main-zc\" is forbidden: User \"system:serviceaccount:plenum-system:plenum-operator\" cannot patch resource \"services\" in API group \"\" in the namespace \"meetings\"";
    let finding = zone(said);
    assert_eq!(
        finding.remedies[0],
        "helm upgrade plenum charts/plenum --namespace plenum-system --reset-then-reuse-values"
    );
}

#[test]
fn what_is_not_known_is_looked_at() {
    let finding = zone("something else");
    assert_eq!(
        finding.remedies,
        ["kubectl -n meetings describe meetingzone main"]
    );
}

/// Routers of which so many of two are made, and what the API server says of the others.
fn routers(made: u32, message: &str) -> Snapshot {
    let before = ("2026-11-22T11:45:00Z", "an old story");
    refused(made, &[("2026-11-22T11:59:00Z", message), before])
}

fn refused(made: u32, said: &[(&str, &str)]) -> Snapshot {
    let set = format!(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: main-mmr, namespace: meetings}}\nstatus: {{desiredNumberScheduled: 2, currentNumberScheduled: {made}, numberMisscheduled: 0, numberReady: 0}}\n"
    );
    let events = said.iter().map(|(at, message)| {
        format!(
            "apiVersion: v1\nkind: Event\nmetadata: {{name: '{at}', namespace: meetings}}\ntype: Warning\nreason: FailedCreate\nlastTimestamp: \"{at}\"\nmessage: '{message}'\ninvolvedObject: {{kind: DaemonSet, namespace: meetings, name: main-mmr}}\n"
        )
    });
    let all: Vec<String> = [set].into_iter().chain(events).collect();
    and(&all.join("---\n"))
}

#[test]
fn pods_that_a_rule_of_the_cluster_forbids_are_told_in_its_words() {
    let said = "admission webhook \"validate.kyverno.svc\" denied the request: hostNetwork";
    let finding = found(&routers(1, said), "PodsRefused");
    assert_eq!(finding.object.name, "main-mmr");
    assert_eq!(finding.why, said);
    assert!(
        finding.remedies[0].contains("leave the namespace meetings out"),
        "{finding:?}"
    );
}

#[test]
fn a_refusal_that_is_over_is_not_told() {
    assert_eq!(findings(&routers(2, "exceeded quota: small")), []);
}

#[test]
fn a_refusal_of_yesterday_is_not_told_as_of_now() {
    let seen = refused(1, &[("2026-11-21T12:00:00Z", "exceeded quota: small")]);
    let told = findings(&seen).iter().any(|it| it.reason == "PodsRefused");
    assert!(!told);
}

#[test]
fn what_the_namespace_s_label_refuses_is_told_once() {
    let seen = routers(1, "violates PodSecurity \"baseline:latest\"");
    let told = findings(&seen).iter().any(|it| it.reason == "PodsRefused");
    assert!(!told);
}

#[test]
fn controllers_and_operators_that_are_not_made_are_told_as_well() {
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: main-zc, namespace: meetings}\nspec: {replicas: 2, serviceName: x, selector: {}, template: {}}\nstatus: {replicas: 0}\n";
    let event = "apiVersion: v1\nkind: Event\nmetadata: {name: e, namespace: meetings}\ntype: Warning\nreason: FailedCreate\nlastTimestamp: \"2026-11-22T11:50:00Z\"\nmessage: 'exceeded quota: small'\ninvolvedObject: {kind: StatefulSet, namespace: meetings, name: main-zc}\n";
    let finding = found(&and(&format!("{set}---\n{event}")), "PodsRefused");
    assert!(
        finding.remedies[0].contains("describe resourcequota"),
        "{finding:?}"
    );
    let seen = with(
        "status: {replicas: 2, readyReplicas: 2}",
        "status: {replicas: 0, conditions: [{type: ReplicaFailure, status: \"True\", message: no such account}]}",
    );
    let finding = found(&seen, "PodsRefused");
    assert_eq!(finding.why, "no such account");
    assert_eq!(
        finding.remedies,
        ["kubectl -n plenum-system describe deployment plenum-operator"]
    );
}

#[test]
fn where_events_are_not_seen_pods_are_not_called_good() {
    let mut seen = routers(1, "exceeded quota: small");
    seen.events = Seen::refused(Trouble {
        what: "could not list events".to_owned(),
        remedy: "ask".to_owned(),
    });
    found(&seen, "NotSeen");
}
