//! Pods that do not run.

use k8s_openapi::api::core::v1::Pod;
use kubectl_plenum::finding::Level;
use kubectl_plenum::snapshot::Snapshot;

use crate::world::{found, pod, with};

const RUNNING: &str = "state: {running: {}}";

fn waiting(reason: &str, message: &str) -> Snapshot {
    let state = format!("state: {{waiting: {{reason: {reason}, message: \"{message}\"}}}}");
    with(RUNNING, &state)
}

#[test]
fn an_image_that_does_not_exist_is_told_with_where_it_is_written() {
    let seen = waiting(
        "ImagePullBackOff",
        "manifest unknown: plenum:0.1.0 not found",
    );
    let finding = found(&seen, "ImageNotPulled");
    assert_eq!(finding.level, Level::Wrong);
    assert!(
        finding.what.contains("registry.example/plenum:0.1.0"),
        "{finding:?}"
    );
    assert!(finding.why.contains("manifest unknown"));
    assert!(
        finding.remedies[0].contains("patch mmrpool main"),
        "{finding:?}"
    );
}

#[test]
fn an_image_that_may_not_be_pulled_needs_a_secret() {
    let seen = waiting("ErrImagePull", "401 Unauthorized");
    let finding = found(&seen, "ImageNotPulled");
    assert!(
        finding.remedies[0].contains("create secret docker-registry"),
        "{finding:?}"
    );
}

#[test]
fn a_port_that_another_process_has_is_told_with_its_number() {
    let mut seen = waiting("CrashLoopBackOff", "back-off 40s");
    let words = "{\"level\":\"ERROR\"}\nError: cannot listen on the HTTPS port 0.0.0.0:443\n\nCaused by: Address already in use (os error 98)\n";
    seen.last_words
        .insert(pod("meetings", "main-mmr-x7k2p"), words.to_owned());
    let finding = found(&seen, "PortInUse");
    assert!(finding.what.contains("n1"), "{finding:?}");
    assert!(finding.why.contains("0.0.0.0:443"), "{finding:?}");
    assert!(finding.remedies[0].contains("httpsPort"), "{finding:?}");
}

#[test]
fn a_port_that_it_may_not_open_is_not_blamed_on_another_process() {
    let mut seen = waiting("CrashLoopBackOff", "back-off 40s");
    let words = "Error: cannot listen on the HTTPS port 0.0.0.0:443\n\nCaused by:\n    Permission denied (os error 13)\n";
    seen.last_words
        .insert(pod("meetings", "main-mmr-x7k2p"), words.to_owned());
    let finding = found(&seen, "PortForbidden");
    assert!(finding.why.contains("0.0.0.0:443"), "{finding:?}");
    assert!(finding.remedies[0].contains("httpsPort"), "{finding:?}");
}

#[test]
fn controllers_that_no_node_takes_are_told_with_what_lets_them_in() {
    let unscheduled = |message: &str| {
        let condition = format!(
            "type: PodScheduled, status: \"False\", reason: Unschedulable, message: \"0/3 nodes are available: {message}.\""
        );
        let mut seen = with(
            "conditions: [{type: Ready, status: \"True\"}]",
            &format!("conditions: [{{{condition}}}]"),
        );
        let controller = |it: &Pod| it.metadata.name.as_deref() == Some("main-zc-0");
        seen.pods.items.retain(controller);
        found(&seen, "NotScheduled")
    };
    let tainted =
        unscheduled("3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }");
    assert_eq!(
        tainted.remedies,
        [
            "kubectl -n meetings patch meetingzone main --type merge -p '{\"spec\":{\"controllers\":{\"tolerations\":[{\"operator\":\"Exists\"}]}}}'   # or the taint's key alone",
            "kubectl taint node NODE KEY:EFFECT-   # or take the taint off",
            "kubectl -n meetings describe pod main-zc-0",
        ]
    );
    let cordoned = unscheduled("3 node(s) were unschedulable");
    assert!(
        cordoned.remedies[0].starts_with("kubectl uncordon NODE"),
        "{cordoned:?}"
    );
}

#[test]
fn a_port_that_another_pod_has_is_told_too() {
    let unscheduled = "conditions: [{type: PodScheduled, status: \"False\", reason: Unschedulable, message: \"0/1 nodes: 1 node(s) didn't have free ports for the requested pod ports\"}]\n  ignored:";
    let seen = with(
        "conditions:\n    - {type: Ready, status: \"True\"}\n    - {type: plenum.dev/Accepting",
        &format!("{unscheduled}\n    - {{type: plenum.dev/Accepting"),
    );
    assert!(found(&seen, "PortInUse").why.contains("free ports"));
}

#[test]
fn a_program_that_ends_again_and_again_is_told_with_its_last_line() {
    let mut seen = waiting("CrashLoopBackOff", "back-off 40s");
    let words = "first\nthe last line\n\n".to_owned();
    seen.last_words
        .insert(pod("meetings", "main-mmr-x7k2p"), words);
    let finding = found(&seen, "Crashing");
    assert_eq!(finding.why, "the last line");
    assert_eq!(
        finding.remedies,
        ["kubectl -n meetings logs main-mmr-x7k2p --previous --tail=50"]
    );
}

#[test]
fn many_pods_with_the_same_trouble_are_one_finding() {
    let mut seen = waiting("ImagePullBackOff", "not found");
    let router = seen.pods.items.last().unwrap().clone();
    for number in 0..3 {
        let mut more = router.clone();
        more.metadata.name = Some(format!("main-mmr-{number}"));
        seen.pods.items.push(more);
    }
    assert!(
        found(&seen, "ImageNotPulled")
            .what
            .ends_with("(and 3 more pods)")
    );
}
