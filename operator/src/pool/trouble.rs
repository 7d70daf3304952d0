//! Why a router's pod does not run, in the words of its kubelet, without what changes by itself:
//! back-off times, and the two words between which a kubelet goes to and fro.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};

use super::observe::router_status;

/// Longest that is kept of a kubelet's message, in characters.
const MESSAGE: usize = 200;

/// What keeps the router from running, if its kubelet says so.
pub(super) fn trouble(pod: &Pod) -> Option<String> {
    of_container(router_status(pod)?)
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
