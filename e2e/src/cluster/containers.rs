//! Images into the nodes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use tokio::process::Command;

use crate::cluster::addresses::NodeNumber;
use crate::cluster::process::Process;
use crate::cluster::wait::Wait;
use crate::{Cluster, Layout, Tools};

const CONTAINERD_LIMIT: Duration = Duration::from_mins(1);

/// Imports docker-archive files into all these nodes, as soon as their containerd answers.
pub(crate) async fn import(
    layout: &Layout,
    tools: &Tools,
    nodes: &[NodeNumber],
    archives: &[&Path],
) -> Result<()> {
    try_join_all(nodes.iter().map(async |node| {
        wait_for_containerd(layout, tools, *node).await?;
        for archive in archives {
            let archive = archive
                .to_str()
                .context("the path of an image must be UTF-8")?;
            ctr(layout, tools, *node, &["images", "import", archive])
                .await
                .with_context(|| format!("importing {archive} into {node}"))?;
        }
        Ok(())
    }))
    .await
    .map(drop)
}

impl Cluster {
    /// Gives an image that every node has a second name on all of them.
    pub async fn tag_image(&self, image: &str, name: &str) -> Result<()> {
        let (layout, tools) = (self.layout(), &self.tools);
        let tag = ["images", "tag", "--force", image, name];
        try_join_all(self.nodes().into_iter().map(async |node| {
            let tagged = ctr(layout, tools, node, &tag).await;
            tagged.with_context(|| format!("naming {image} on {node} {name}"))
        }))
        .await
        .map(drop)
    }
}

async fn wait_for_containerd(layout: &Layout, tools: &Tools, node: NodeNumber) -> Result<()> {
    let process = Process::recorded(layout, &node.name());
    let what = format!("containerd of {node}");
    let wait = Wait {
        what: &what,
        limit: CONTAINERD_LIMIT,
        log: layout.log(&format!("{node}-containerd")),
        process: process.as_ref(),
    };
    wait.until(async || ctr(layout, tools, node, &["version"]).await)
        .await
}

async fn ctr(layout: &Layout, tools: &Tools, node: NodeNumber, arguments: &[&str]) -> Result<()> {
    let output = Command::new(tools.containerd("ctr"))
        .arg("--address")
        .arg(layout.containerd_socket(node))
        // The one that kubelets use.
        .args(["--namespace", "k8s.io"])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("starting ctr")?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{}", String::from_utf8_lossy(&output.stderr).trim())
}
