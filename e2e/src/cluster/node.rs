//! A node: one process tree in namespaces of its own. SIGKILL to its root ends every container and every mount.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, ListParams};
use rustix::process::Signal;

use crate::cluster::addresses::NodeNumber;
use crate::cluster::network::NAMESPACES;
use crate::cluster::node_files;
use crate::cluster::process::{Launcher, Process};
use crate::cluster::wait::Wait;
use crate::{Layout, Tools};

/// 8 s after the API server on an idle machine.
const READY_LIMIT: Duration = Duration::from_secs(90);
/// The kernel ends the tree within two seconds, and waits for disks.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Starts the node's process tree; its kubelet follows when the API server is ready.
pub(crate) fn start(
    launcher: &Launcher,
    tools: &Tools,
    node: NodeNumber,
    label: Option<&str>,
) -> Result<Process> {
    let layout = launcher.layout();
    node_files::write(layout, tools, node, label)
        .with_context(|| format!("writing the files of {node}"))?;
    let script = layout.node_script(node).display().to_string();
    // Not `ip netns exec`: it mounts a new /sys, which hides the control groups.
    let arguments = [
        format!("--net={NAMESPACES}/{node}"),
        "unshare".into(),
        "--pid".into(),
        "--uts".into(),
        "--mount".into(),
        "--propagation=private".into(),
        "--fork".into(),
        "--kill-child".into(),
        "--mount-proc".into(),
        "sh".into(),
        script,
    ];
    launcher.start(&node.name(), Path::new("nsenter"), &arguments)
}

/// Ends all of the node's processes at once, as a power cut would.
pub(crate) async fn kill(layout: &Layout, node: NodeNumber) -> Result<()> {
    let process = Process::recorded(layout, &node.name())
        .with_context(|| format!("{node} was never started"))?;
    process.signal(Signal::KILL);
    let wait = Wait {
        what: "the node to end",
        limit: KILL_LIMIT,
        log: layout.log(&node.name()),
        process: None,
    };
    wait.until(async || {
        process.reap();
        let left = crate::cluster::teardown::processes_of_node(layout, node);
        ensure!(
            !process.is_alive() && left.is_empty(),
            "{} processes of {node} are left",
            left.len()
        );
        Ok(())
    })
    .await
}

/// Waits until Kubernetes calls all these nodes ready.
pub(crate) async fn wait_for_ready(
    layout: &Layout,
    client: &Client,
    nodes: &[NodeNumber],
) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let log = layout.log(&format!(
        "{}-kubelet",
        nodes.first().map(|node| node.name()).unwrap_or_default()
    ));
    let wait = Wait {
        what: "all nodes to be ready",
        limit: READY_LIMIT,
        log,
        process: None,
    };
    wait.until(async || {
        let ready: Vec<_> = api
            .list(&ListParams::default())
            .await?
            .items
            .iter()
            .filter(|node| is_ready(node))
            .filter_map(|node| node.metadata.name.clone())
            .collect();
        let waiting: Vec<_> = nodes
            .iter()
            .map(|node| node.name())
            .filter(|name| !ready.contains(name))
            .collect();
        ensure!(waiting.is_empty(), "not ready: {}", waiting.join(", "));
        Ok(())
    })
    .await
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    conditions
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_ready_condition_counts() {
        let node = |kind: &str, status: &str| -> Node {
            serde_json::from_value(json!({ "metadata": {}, "status": { "conditions": [{ "type": kind, "status": status }] } })).unwrap()
        };
        assert!(is_ready(&node("Ready", "True")));
        assert!(!is_ready(&node("Ready", "Unknown")));
        assert!(!is_ready(&node("MemoryPressure", "True")));
        assert!(!is_ready(&Node::default()));
    }
}
