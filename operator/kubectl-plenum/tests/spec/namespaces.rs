//! Namespaces that do not allow routers.

use kubectl_plenum::finding::Level;

use crate::world::{and, findings, found, from, with};

const LABEL: &str = "labels: {pod-security.kubernetes.io/enforce: privileged}";

#[test]
fn a_level_that_forbids_host_network_is_told_with_the_label_to_set() {
    let seen = with(
        LABEL,
        "labels: {pod-security.kubernetes.io/enforce: baseline}",
    );
    let finding = found(&seen, "PodSecurityForbidsRouters");
    assert_eq!(finding.level, Level::Wrong);
    assert_eq!(
        finding.remedies,
        [
            "kubectl label namespace meetings pod-security.kubernetes.io/enforce=privileged --overwrite"
        ]
    );
}

#[test]
fn without_a_label_the_refusals_of_the_cluster_tell() {
    assert_eq!(findings(&with(LABEL, "labels: {}")), []);
    let refusal = "apiVersion: v1\nkind: Event\nmetadata: {name: e, namespace: meetings}\ntype: Warning\nreason: FailedCreate\nlastTimestamp: \"2026-11-22T11:50:00Z\"\nmessage: 'pods \"main-mmr-\" is forbidden: violates PodSecurity \"baseline:latest\"'\ninvolvedObject: {kind: DaemonSet, namespace: meetings, name: main-mmr}\n";
    // With the label it is an old story.
    assert_eq!(findings(&and(refusal)), []);
    let yaml = include_str!("../fixtures/healthy.yaml").replace(LABEL, "labels: {}");
    let seen = from(&format!("{yaml}---\n{refusal}"));
    assert!(
        found(&seen, "PodSecurityForbidsRouters")
            .why
            .contains("baseline:latest")
    );
}
