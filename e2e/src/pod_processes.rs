//! The processes of a pod, as the kernel of this machine sees them.

use std::fs;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use rustix::process::{Pid, Signal, kill_process};

/// The programs of a pod, on any node of the cluster on this machine.
///
/// They are known by their control group, which is named after the container. Fails when there
/// are none: the pod is on another machine, or not started.
pub fn of(pod: &Pod) -> Result<Vec<u32>> {
    let containers: Vec<&str> = container_ids(pod).collect();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(pid) = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok())
        else {
            continue;
        };
        // One that ended meanwhile belongs to no container.
        let groups = fs::read_to_string(path.join("cgroup")).unwrap_or_default();
        if groups
            .split(['/', '\n'])
            .any(|part| containers.contains(&part))
        {
            found.push(pid);
        }
    }
    ensure!(
        !found.is_empty(),
        "no process of pod {} runs here",
        pod.name_any()
    );
    Ok(found)
}

/// Kills the pod's programs as a crash would: no goodbye to anybody, and the kubelet starts
/// them again in the same pod.
pub fn kill(pod: &Pod) -> Result<()> {
    signal(pod, Signal::KILL)
}

/// Stops the pod's programs where they are: their connections stay, and nothing comes over them,
/// until a probe of the kubelet's gives them up.
pub fn freeze(pod: &Pod) -> Result<()> {
    signal(pod, Signal::STOP)
}

fn signal(pod: &Pod, signal: Signal) -> Result<()> {
    for pid in of(pod)?
        .into_iter()
        .filter_map(|pid| Pid::from_raw(pid.cast_signed()))
    {
        kill_process(pid, signal)?;
    }
    Ok(())
}

/// Without the runtime's name: `containerd://abc` is `abc`.
fn container_ids(pod: &Pod) -> impl Iterator<Item = &str> {
    let status = pod.status.iter();
    status
        .flat_map(|status| status.container_statuses.iter().flatten())
        .filter_map(|container| container.container_id.as_deref()?.split("://").nth(1))
}
