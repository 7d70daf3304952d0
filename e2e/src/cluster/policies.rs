//! Network policies, enforced on the nodes. The cluster's network plugin does not know them.
//!
//! `kube-network-policies` of Kubernetes decides about the first packet of each connection, which
//! the kernel hands to it (NFQUEUE). The rules that hand it over are ours, by iptables: its own are
//! for nftables' `queue`, which not every kernel has. Where that is missing it says so in its log
//! and goes on.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::cluster::addresses::NodeNumber;
use crate::cluster::network::NAMESPACES;
use crate::cluster::process::{Process, run};
use crate::cluster::wait::Wait;
use crate::{Cluster, Tools};

/// Of the kernel's queues, in each node's network namespace.
const QUEUE: &str = "98";
/// It reads all pods and policies first.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// What goes to the queue: new connections on their way out of the node's stack, to its pods and
/// from them, after addresses of Services were translated and before those of callers are. What
/// the node's own root sends are probes of the kubelet, which pass every policy.
const RULES: [&str; 3] = [
    "-o lo -j RETURN",
    "-m owner --uid-owner 0 -j RETURN",
    "-m conntrack --ctstate NEW -j NFQUEUE --queue-num 98",
];

/// Policies are enforced while this lives.
pub struct Enforcement {
    nodes: Vec<(NodeNumber, Process)>,
}

impl Cluster {
    /// Enforces network policies on all nodes. Connections that there are go on.
    ///
    /// Builds what decides where it is not in the cache, which takes a minute or two.
    pub async fn enforce_policies(&self) -> Result<Enforcement> {
        let program = Tools::policies(self.layout())?.join("kube-network-policies");
        let program = program.display().to_string();
        let kubeconfig = self.layout().kubeconfig().display().to_string();
        let mut enforcement = Enforcement { nodes: Vec::new() };
        for node in self.nodes() {
            let arguments = [
                format!("--net={NAMESPACES}/{node}"),
                program.clone(),
                format!("--kubeconfig={kubeconfig}"),
                format!("--hostname-override={node}"),
                format!("--nfqueue-id={QUEUE}"),
                // What it does not understand does not pass.
                "--fail-open=false".into(),
                // Its way to learn of pods before they run is one that this containerd has not.
                "--disable-nri".into(),
                "--metrics-bind-address=127.0.0.1:9080".into(),
            ];
            let name = log_name(node);
            let process = self.launcher.start(&name, "nsenter".as_ref(), &arguments)?;
            enforcement.nodes.push((node, process));
        }
        for (node, process) in &enforcement.nodes {
            self.until_listening(*node, process).await?;
            for rule in RULES {
                post_routing(*node, "-A", rule).with_context(|| {
                    format!("{node}: without NFQUEUE in the kernel no policy can be enforced")
                })?;
            }
        }
        Ok(enforcement)
    }

    /// A queue without a listener drops all that it is given.
    async fn until_listening(&self, node: NodeNumber, process: &Process) -> Result<()> {
        let what = format!("policies to be enforced on {node}");
        let wait = Wait {
            what: &what,
            limit: READY_WITHIN,
            log: self.layout().log(&log_name(node)),
            process: Some(process),
        };
        let queues = format!("/proc/{}/net/netfilter/nfnetlink_queue", process.pid());
        wait.until(async || {
            let listeners = fs::read_to_string(&queues)?;
            ensure!(is_heard(&listeners), "nobody listens to queue {QUEUE}");
            Ok(())
        })
        .await
    }
}

impl Drop for Enforcement {
    fn drop(&mut self) {
        for (node, process) in &self.nodes {
            for rule in RULES {
                // One that was not made yet cannot be taken away.
                let _ = post_routing(*node, "-D", rule);
            }
            process.signal(Signal::KILL);
            process.reap();
        }
    }
}

fn post_routing(node: NodeNumber, change: &str, rule: &str) -> Result<()> {
    let namespace = format!("--net={NAMESPACES}/{node}");
    let table = ["iptables", "-w", "-t", "mangle", change, "POSTROUTING"];
    let rule = rule.split(' ');
    let words = [namespace.as_str()].into_iter().chain(table).chain(rule);
    run("nsenter", &words.collect::<Vec<_>>())
}

fn log_name(node: NodeNumber) -> String {
    format!("{node}-policies")
}

/// Whether our queue is in the kernel's list, whose lines begin with a number of a queue.
fn is_heard(queues: &str) -> bool {
    queues
        .lines()
        .any(|line| line.split_whitespace().next() == Some(QUEUE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_name_the_queue_that_is_listened_to() {
        assert!(
            RULES
                .iter()
                .any(|rule| rule.ends_with(&format!(" {QUEUE}")))
        );
    }

    #[test]
    fn a_queue_is_heard_when_the_kernel_lists_it() {
        let line = "   98  14372     0 2   128     0     0        7  1\n";
        assert!(is_heard(line));
        assert!(!is_heard(&line.replace("98", "980")));
        assert!(!is_heard(""));
    }
}
