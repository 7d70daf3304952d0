//! The network between the nodes: a bridge on the host, and for each node a namespace with a link to it.
//!
//! Nodes know the way to each other's pods, and the host knows it too, so the host forwards no packet and its
//! `ip_forward` and iptables rules stay as they are.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cluster::addresses::{BRIDGE, HOST, NodeNumber};
use crate::cluster::process::run;

/// Where named network namespaces are mounted (ip-netns(8)).
pub(crate) const NAMESPACES: &str = "/run/netns";

/// Makes the bridge, and the namespaces, links and routes of all nodes.
pub(crate) fn create(nodes: &[NodeNumber]) -> Result<()> {
    ip(&format!("link add {BRIDGE} type bridge"))
        .with_context(|| format!("is there a bridge {BRIDGE} that plenum-e2e has not made?"))?;
    ip(&format!("addr add {HOST}/24 dev {BRIDGE}"))?;
    ip(&format!("link set {BRIDGE} up"))?;
    for node in nodes {
        create_node(*node).with_context(|| format!("making the network of {node}"))?;
    }
    for node in nodes {
        ip(&format!(
            "route add {} via {} dev {BRIDGE}",
            node.pod_network(),
            node.ip()
        ))?;
        for other in nodes.iter().filter(|other| *other != node) {
            ip(&format!(
                "-n {node} route add {} via {} dev eth0",
                other.pod_network(),
                other.ip()
            ))?;
        }
    }
    Ok(())
}

fn create_node(node: NodeNumber) -> Result<()> {
    let (link, address) = (node.link(), node.ip());
    ip(&format!("netns add {node}"))?;
    ip(&format!(
        "link add {link} type veth peer name eth0 netns {node}"
    ))?;
    ip(&format!("link set {link} master {BRIDGE} up"))?;
    ip(&format!("-n {node} link set lo up"))?;
    ip(&format!("-n {node} addr add {address}/24 dev eth0"))?;
    ip(&format!("-n {node} link set eth0 up"))?;
    ip(&format!("-n {node} route add default via {HOST}"))
}

/// Plugs or unplugs a node's cable.
pub(crate) fn set_link(node: NodeNumber, up: bool) -> Result<()> {
    ip(&format!(
        "link set {} {}",
        node.link(),
        if up { "up" } else { "down" }
    ))
}

/// Fails where somebody else's network overlaps ours, before anything is made.
pub(crate) fn check_free() -> Result<()> {
    if Path::new("/sys/class/net").join(BRIDGE).exists() {
        bail!("the bridge {BRIDGE} exists already: run `plenum-e2e down`");
    }
    Ok(())
}

fn ip(arguments: &str) -> Result<()> {
    run("ip", &arguments.split(' ').collect::<Vec<_>>())
}
