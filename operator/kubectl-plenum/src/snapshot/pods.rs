//! What is asked of a pod.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// A container that does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// The container's image.
    pub image: &'a str,
    /// Kubernetes' word: `ImagePullBackOff`, `CrashLoopBackOff`, ...
    pub reason: &'a str,
    /// What the kubelet adds to it.
    pub message: &'a str,
}

/// The status of a condition of the pod, if it has it.
#[must_use]
pub fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a str> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|c| c.type_ == type_)?;
    Some(&found.status)
}

/// The kubelet's word: its probes succeed.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready") == Some("True")
}

/// How often its containers were started again.
#[must_use]
pub fn restarts(pod: &Pod) -> i32 {
    statuses(pod).map(|status| status.restart_count).sum()
}

/// Its containers that wait for something.
pub fn waiting(pod: &Pod) -> impl Iterator<Item = Waiting<'_>> {
    statuses(pod).filter_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        Some(Waiting {
            image: &status.image,
            reason: waiting.reason.as_deref().unwrap_or_default(),
            message: waiting.message.as_deref().unwrap_or_default(),
        })
    })
}

/// The port called `health`.
#[must_use]
pub fn health_port(pod: &Pod) -> Option<u16> {
    let containers = &pod.spec.as_ref()?.containers;
    let mut ports = containers.iter().flat_map(|c| c.ports.iter().flatten());
    let port = ports.find(|port| port.name.as_deref() == Some("health"))?;
    u16::try_from(port.container_port).ok()
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|status| {
        let init = status.init_container_statuses.iter().flatten();
        init.chain(status.container_statuses.iter().flatten())
    })
}
