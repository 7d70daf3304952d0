//! The directory of the chart: zones that admit by it are shut without it.

use kubectl_plenum::doctor::diagnose;
use kubectl_plenum::finding::{Finding, Level};
use kubectl_plenum::snapshot::Snapshot;

use crate::world::{and, findings, pod};

const DIRECTORY: &str = include_str!("../fixtures/directory.yaml");

fn with(old: &str, new: &str) -> Snapshot {
    assert!(DIRECTORY.contains(old), "the fixture has no {old:?}");
    and(&DIRECTORY.replace(old, new))
}

fn waiting(reason: &str, message: &str) -> Snapshot {
    let state = format!("state: {{waiting: {{reason: {reason}, message: '{message}'}}}}");
    with("state: {running: {}}", &state)
}

/// The only finding, which is of the check of the directory.
fn only(seen: &Snapshot) -> Finding {
    assert_eq!(findings(seen).len(), 1, "{:#?}", findings(seen));
    let report = diagnose(seen);
    let check = report.checks.iter().find(|it| it.name == "directory");
    check.unwrap().findings[0].clone()
}

#[test]
fn one_that_is_well_is_left_alone() {
    assert_eq!(findings(&and(DIRECTORY)), []);
}

#[test]
fn one_that_nobody_can_ask_is_wrong_though_its_pods_run() {
    let finding = only(&with("readyReplicas: 2", "readyReplicas: 0"));
    assert_eq!(
        (finding.reason.as_str(), finding.level),
        ("DirectoryNotRunning", Level::Wrong)
    );
    assert_eq!(finding.what, "none of 2 replicas of the directory is ready");
    assert_eq!(
        finding.remedies,
        [
            "kubectl -n plenum-system describe pods -l app.kubernetes.io/component=directory",
            "kubectl -n plenum-system logs deployment/plenum-directory --tail=50   # what one that runs waits for",
        ]
    );
    let finding = only(&with("replicas: 2\n  selector", "replicas: 0\n  selector"));
    assert_eq!(
        finding.remedies,
        ["kubectl -n plenum-system scale deployment plenum-directory --replicas=1"]
    );
}

#[test]
fn one_with_fewer_pods_than_wanted_is_to_be_known() {
    let finding = only(&with("readyReplicas: 2", "readyReplicas: 1"));
    assert_eq!(
        (finding.reason.as_str(), finding.level),
        ("DirectoryReplicaMissing", Level::Advice)
    );
}

#[test]
fn a_secret_of_its_database_that_is_not_there_is_told() {
    let finding = only(&waiting(
        "CreateContainerConfigError",
        "secret \"plenum-database\" not found",
    ));
    assert_eq!(finding.level, Level::Wrong);
    assert_eq!(finding.why, "secret \"plenum-database\" not found");
}

#[test]
fn a_database_url_that_is_wrong_is_told_with_its_last_words() {
    let mut seen = waiting("CrashLoopBackOff", "back-off 40s");
    let words = "Error: PLENUM_DATABASE is no PostgreSQL URL\n".to_owned();
    seen.last_words
        .insert(pod("plenum-system", "plenum-directory-7d4-fghij"), words);
    let finding = only(&seen);
    assert_eq!(finding.reason, "Crashing");
    assert_eq!(finding.why, "Error: PLENUM_DATABASE is no PostgreSQL URL");
}

#[test]
fn a_volume_that_is_not_there_is_told_with_where_to_look() {
    for words in [
        "pod has unbound immediate PersistentVolumeClaims",
        "persistentvolumeclaim \"plenum-directory\" not found",
        "1 node(s) had volume node affinity conflict",
    ] {
        let scheduled = "{type: PodScheduled, status: \"True\", message: \"\"}";
        let not = format!("{{type: PodScheduled, status: \"False\", message: '{words}'}}");
        let finding = only(&with(scheduled, &not));
        assert_eq!(finding.reason, "NotScheduled");
        assert_eq!(
            finding.remedies,
            [
                "kubectl -n plenum-system describe pvc   # why its volume is not there",
                "kubectl get storageclasses   # one has to be the default, or named",
                "kubectl -n plenum-system describe pod plenum-directory-7d4-fghij",
            ],
            "{words}"
        );
    }
}

#[test]
fn pods_that_may_not_be_made_are_told_once() {
    let refused = with(
        "{type: ReplicaFailure, status: \"False\", message: \"\"}",
        "{type: ReplicaFailure, status: \"True\", message: 'exceeded quota: small'}",
    );
    assert_eq!(only(&refused).reason, "PodsRefused");
}
