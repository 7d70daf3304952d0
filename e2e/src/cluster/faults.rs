//! What scenarios do to a cluster.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use crate::Cluster;
use crate::cluster::addresses::NodeNumber;
use crate::cluster::control_plane::{self, API_SERVER, SCHEDULER};
use crate::cluster::process::Process;
use crate::cluster::wait::Wait;
use crate::cluster::{network, node};

const STOP_LIMIT: Duration = Duration::from_secs(10);

impl Cluster {
    /// The API server accepts connections and answers nothing, as one that is overloaded or behind a broken network.
    pub fn pause_api_server(&self) -> Result<()> {
        self.api_server()?.signal(Signal::STOP);
        Ok(())
    }

    /// Ends [`Cluster::pause_api_server`].
    pub fn resume_api_server(&self) -> Result<()> {
        self.api_server()?.signal(Signal::CONT);
        Ok(())
    }

    /// Kills the API server; connections to it are refused.
    pub async fn stop_api_server(&self) -> Result<()> {
        let process = self.api_server()?;
        process.signal(Signal::KILL);
        let wait = Wait {
            what: "the API server to end",
            limit: STOP_LIMIT,
            log: self.layout().log(API_SERVER),
            process: None,
        };
        wait.until(async || {
            process.reap();
            ensure!(!process.is_alive(), "it still runs");
            Ok(())
        })
        .await
    }

    /// Ends [`Cluster::stop_api_server`]; returns when it is ready.
    pub async fn start_api_server(&self) -> Result<()> {
        control_plane::start_api_server(&self.launcher, &self.tools)?;
        control_plane::wait_for_api(self.layout(), self.client()).await
    }

    /// Pods that are made from now on wait for a node.
    pub fn pause_scheduler(&self) -> Result<()> {
        self.scheduler()?.signal(Signal::STOP);
        Ok(())
    }

    /// Ends [`Cluster::pause_scheduler`].
    pub fn resume_scheduler(&self) -> Result<()> {
        self.scheduler()?.signal(Signal::CONT);
        Ok(())
    }

    /// A power cut: all processes of the node end at once, and its address answers nothing.
    pub async fn kill_node(&self, number: usize) -> Result<()> {
        let node = self.node(number)?;
        // First the cable, so that no socket says goodbye.
        network::set_link(node, false)?;
        node::kill(self.layout(), node).await
    }

    /// Ends [`Cluster::kill_node`]: the node boots with the disks it had. Returns before it is ready.
    pub fn start_node(&self, number: usize) -> Result<()> {
        let node = self.node(number)?;
        network::set_link(node, true)?;
        node::start(&self.launcher, &self.tools, node, self.label_of(node))?;
        Ok(())
    }

    /// Unplugs the node's cable; its pods run on.
    pub fn isolate_node(&self, number: usize) -> Result<()> {
        network::set_link(self.node(number)?, false)
    }

    /// Ends [`Cluster::isolate_node`].
    pub fn reconnect_node(&self, number: usize) -> Result<()> {
        network::set_link(self.node(number)?, true)
    }

    /// Waits until every node is ready.
    pub async fn wait_for_nodes(&self) -> Result<()> {
        node::wait_for_ready(self.layout(), self.client(), &self.nodes()).await
    }

    /// The node's address, which the host reaches.
    pub fn node_ip(&self, number: usize) -> Result<Ipv4Addr> {
        Ok(self.node(number)?.ip())
    }

    /// The node's name in Kubernetes.
    pub fn node_name(&self, number: usize) -> Result<String> {
        Ok(self.node(number)?.name())
    }

    fn node(&self, number: usize) -> Result<NodeNumber> {
        ensure!(
            number <= self.nodes().len(),
            "the cluster has {} nodes, not {number}",
            self.nodes().len()
        );
        Ok(NodeNumber::new(number)?)
    }

    fn scheduler(&self) -> Result<Process> {
        Process::recorded(self.layout(), SCHEDULER).context("the scheduler was never started")
    }

    fn api_server(&self) -> Result<Process> {
        Process::recorded(self.layout(), API_SERVER).context("the API server was never started")
    }
}
