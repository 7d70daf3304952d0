//! Why a router's pod does not run, in the words of its scheduler or its kubelet, without what
//! changes by itself: numbers of nodes, back-off times, and the two words between which a kubelet
//! goes to and fro.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};

use super::observe::{condition, router_status};

/// Longest that is kept of a message, in characters.
const MESSAGE: usize = 200;

/// The scheduler's words for nodes that are not meant at all.
const OTHER_NODES: [&str; 2] = [
    "node(s) didn't match Pod's node affinity",
    "node(s) didn't satisfy plugin(s)",
];

/// What keeps the router from running, if its scheduler or its kubelet says so.
pub(super) fn trouble(pod: &Pod) -> Option<String> {
    match router_status(pod) {
        Some(container) => of_container(container),
        None => unscheduled(pod),
    }
}

/// There is no room for it on its node, or something else keeps it off.
fn unscheduled(pod: &Pod) -> Option<String> {
    let refused = condition(pod, "PodScheduled").filter(|it| it.status == "False")?;
    let reason = refused.reason.as_deref().unwrap_or("Unschedulable");
    let lacks = lacks(refused.message.as_deref().unwrap_or_default());
    Some(if lacks.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}: {lacks}")
    })
}

/// What its node lacks, of `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match
/// Pod's node affinity/selector. preemption: ...`. Other words than these may hold anything.
fn lacks(message: &str) -> String {
    let (_, reasons) = message
        .split_once(" nodes are available: ")
        .unwrap_or_default();
    let (reasons, _) = reasons.split_once(". ").unwrap_or((reasons, ""));
    let reasons = reasons.trim_end_matches('.').split(", ");
    // In the order of the words: the scheduler's follows the numbers.
    let lacks: BTreeSet<&str> = reasons
        .map(|it| {
            it.trim_start_matches(|c: char| c.is_ascii_digit())
                .trim_start()
        })
        .filter(|it| !OTHER_NODES.iter().any(|other| it.starts_with(other)))
        .collect();
    let lacks: Vec<&str> = lacks.into_iter().collect();
    lacks.join(", ").chars().take(MESSAGE).collect()
}

fn of_container(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref().and_then(|s| s.waiting.as_ref());
    let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
    match reason {
        // A pull that failed, and the pause until the next.
        Some("ErrImagePull" | "ImagePullBackOff") => {
            Some(format!("ImagePullBackOff: {}", container.image))
        }
        Some("ContainerCreating" | "PodInitializing" | "CrashLoopBackOff") | None => {
            ended(container)
        }
        // These two messages say what is wrong with what the pod asks for, and stay.
        Some(reason @ ("CreateContainerConfigError" | "InvalidImageName")) => {
            let message = waiting.and_then(|waiting| waiting.message.as_deref());
            let message: String = message.unwrap_or_default().chars().take(MESSAGE).collect();
            Some(format!("{reason}: {message}"))
        }
        Some(reason) => Some(reason.to_owned()),
    }
}

/// It runs, ends, waits, and runs again: all the time the same trouble.
fn ended(container: &ContainerStatus) -> Option<String> {
    let of = |state: &Option<ContainerState>| state.as_ref().and_then(|s| s.terminated.clone());
    let ended = of(&container.state).or_else(|| of(&container.last_state))?;
    let why = ended.reason.unwrap_or_default();
    Some(format!(
        "CrashLoopBackOff: it ended with exit code {} ({why})",
        ended.exit_code
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(state: &Value, last: &Value) -> Option<String> {
        let status = json!({
            "name": "router", "image": "r.example/plenum:9", "imageID": "", "ready": false,
            "restartCount": 0, "state": state, "lastState": last,
        });
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "r"},
            "status": {"containerStatuses": [status]},
        });
        trouble(&serde_json::from_value(pod).unwrap())
    }

    fn waiting(reason: &str, message: &str) -> Value {
        json!({"waiting": {"reason": reason, "message": message}})
    }

    fn unscheduled(reason: &str, message: &str) -> Option<String> {
        let condition = json!({
            "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
        });
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "r"},
            "status": {"phase": "Pending", "conditions": [condition]},
        });
        trouble(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn what_the_node_of_a_pod_lacks_is_told_and_stays_while_other_nodes_come_and_go() {
        let messages = [
            "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't have free ports for the \
             requested pod ports, 2 node(s) didn't match Pod's node affinity/selector. preemption: \
             0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption \
             is not helpful for scheduling.",
            "0/12 nodes are available: 1 node(s) didn't have free ports for the requested pod \
             ports, 1 Insufficient cpu, 11 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new \
             claims to deallocate, preemption: not eligible.",
            "0/1 nodes are available: 1 Insufficient cpu, 1 node(s) didn't have free ports for the \
             requested pod ports.",
        ];
        for message in messages {
            let said = unscheduled("Unschedulable", message);
            let expected = "Unschedulable: Insufficient cpu, node(s) didn't have free ports for the \
                            requested pod ports";
            assert_eq!(said.as_deref(), Some(expected), "{message}");
        }
    }

    #[test]
    fn words_of_a_scheduler_that_may_change_by_themselves_are_not_kept() {
        let gone = "0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [NodeAffinity].";
        let error = "running \"x\" plugin: retry in 7s";
        for (reason, message) in [("Unschedulable", gone), ("SchedulerError", error)] {
            assert_eq!(unscheduled(reason, message).as_deref(), Some(reason));
        }
    }

    #[test]
    fn an_image_that_is_not_there_is_named_and_stays_the_same_word() {
        let first = of(&waiting("ErrImagePull", "not found"), &json!({}));
        assert_eq!(
            first.as_deref(),
            Some("ImagePullBackOff: r.example/plenum:9")
        );
        let later = of(&waiting("ImagePullBackOff", "back-off 20s"), &json!({}));
        assert_eq!(first, later);
    }

    #[test]
    fn a_program_that_ends_again_and_again_is_in_the_same_trouble_all_the_time() {
        let end = json!({"terminated": {"exitCode": 2, "reason": "Error"}});
        let states = [
            (waiting("CrashLoopBackOff", "back-off 40s restarting"), &end),
            (json!({"running": {}}), &end),
            (end.clone(), &json!({})),
        ];
        for (now, last) in states {
            let said = of(&now, last);
            let expected = "CrashLoopBackOff: it ended with exit code 2 (Error)";
            assert_eq!(said.as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_wrong_with_the_pod_itself_is_told_and_a_start_is_no_trouble() {
        let said = of(
            &waiting("CreateContainerConfigError", "no secret x"),
            &json!({}),
        );
        assert_eq!(
            said.as_deref(),
            Some("CreateContainerConfigError: no secret x")
        );
        assert_eq!(of(&waiting("ContainerCreating", ""), &json!({})), None);
        assert_eq!(of(&json!({"running": {}}), &json!({})), None);
    }
}
