//! etcd, the API server, the controller manager and the scheduler: processes of the host, in its network.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use kube::Client;

use crate::cluster::addresses::{API_PORT, HOST, POD_NETWORK, SERVICE_NETWORK};
use crate::cluster::process::{Launcher, Process};
use crate::cluster::wait::Wait;
use crate::{Layout, Tools};

pub(crate) const API_SERVER: &str = "kube-apiserver";
/// The process that finds nodes for pods.
pub(crate) const SCHEDULER: &str = "kube-scheduler";

/// Where a control plane listens. etcd has only the loopback interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The API server's address.
    pub host: Ipv4Addr,
    /// The API server's port.
    pub api: u16,
    /// Port of etcd for the API server.
    pub etcd: u16,
    /// Port of etcd for other members, of which there are none.
    pub etcd_peer: u16,
}

impl Place {
    /// That of the cluster with nodes. Not etcd's usual ports, which another cluster on the machine may have.
    pub(crate) const CLUSTER: Self = Self {
        host: HOST,
        api: API_PORT,
        etcd: 23_790,
        etcd_peer: 23_791,
    };

    /// The URL of the API server.
    pub(crate) fn url(self) -> String {
        format!("https://{}:{}", self.host, self.api)
    }
}

/// It takes 5 s on an idle machine with two cores; builds run beside tests.
const API_LIMIT: Duration = Duration::from_mins(1);

/// Starts etcd and the API server, which retries until etcd answers.
pub(crate) fn start_storage_and_api(launcher: &Launcher, tools: &Tools) -> Result<()> {
    launcher.start(
        "etcd",
        &tools.kubernetes("etcd"),
        &etcd_arguments(launcher.layout(), Place::CLUSTER),
    )?;
    start_api_server(launcher, tools)?;
    Ok(())
}

pub(crate) fn start_api_server(launcher: &Launcher, tools: &Tools) -> Result<Process> {
    launcher.start(
        API_SERVER,
        &tools.kubernetes(API_SERVER),
        &api_server_arguments(launcher.layout(), Place::CLUSTER),
    )
}

/// Starts what needs an API server from the first moment.
pub(crate) fn start_controllers(launcher: &Launcher, tools: &Tools) -> Result<()> {
    let layout = launcher.layout();
    launcher.start(
        "kube-controller-manager",
        &tools.kubernetes("kube-controller-manager"),
        &controller_manager_arguments(layout),
    )?;
    launcher.start(
        SCHEDULER,
        &tools.kubernetes(SCHEDULER),
        &scheduler_arguments(layout),
    )?;
    Ok(())
}

pub(crate) async fn wait_for_api(layout: &Layout, client: &Client) -> Result<()> {
    let process = Process::recorded(layout, API_SERVER);
    let wait = Wait {
        what: "the API server to be ready",
        limit: API_LIMIT,
        log: layout.log(API_SERVER),
        process: process.as_ref(),
    };
    wait.until(async || is_ready(client).await).await
}

/// One question; an API server that is up but not ready is an error too.
pub(crate) async fn is_ready(client: &Client) -> Result<()> {
    client
        .request_text(http::Request::get("/readyz").body(Vec::new())?)
        .await?;
    Ok(())
}

pub(super) fn etcd_arguments(layout: &Layout, place: Place) -> Vec<String> {
    let pki = layout.pki();
    let client = format!("https://127.0.0.1:{}", place.etcd);
    let peer = format!("https://127.0.0.1:{}", place.etcd_peer);
    let file = |name: &str| pki.join(name).display().to_string();
    let mut arguments = vec![
        format!("--data-dir={}", layout.etcd().display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // A power cut may lose the cluster; it is thrown away anyway.
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ];
    for prefix in ["", "peer-"] {
        arguments.extend([
            format!("--{prefix}cert-file={}", file("etcd.crt")),
            format!("--{prefix}key-file={}", file("etcd.key")),
            format!("--{prefix}trusted-ca-file={}", file("ca.crt")),
            format!("--{prefix}client-cert-auth"),
        ]);
    }
    arguments
}

pub(super) fn api_server_arguments(layout: &Layout, place: Place) -> Vec<String> {
    let pki = layout.pki();
    let file = |name: &str| pki.join(name).display().to_string();
    vec![
        format!("--advertise-address={}", place.host),
        // Only the bridge: nothing outside the machine reaches it.
        format!("--bind-address={}", place.host),
        format!("--secure-port={}", place.api),
        format!("--etcd-servers=https://127.0.0.1:{}", place.etcd),
        format!("--etcd-cafile={}", file("ca.crt")),
        format!("--etcd-certfile={}", file("apiserver.crt")),
        format!("--etcd-keyfile={}", file("apiserver.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--tls-cert-file={}", file("apiserver.crt")),
        format!("--tls-private-key-file={}", file("apiserver.key")),
        format!("--kubelet-client-certificate={}", file("apiserver.crt")),
        format!("--kubelet-client-key={}", file("apiserver.key")),
        // Nodes' names resolve nowhere.
        "--kubelet-preferred-address-types=InternalIP".into(),
        "--authorization-mode=Node,RBAC".into(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        format!(
            "--service-account-key-file={}",
            file("service-accounts.pub")
        ),
        format!(
            "--service-account-signing-key-file={}",
            file("service-accounts.key")
        ),
        format!("--service-cluster-ip-range={SERVICE_NETWORK}"),
        // Pods on hostNetwork with raw sockets are what clusters for Plenum allow.
        "--allow-privileged=true".into(),
        "--profiling=false".into(),
    ]
}

pub(super) fn controller_manager_arguments(layout: &Layout) -> Vec<String> {
    let pki = layout.pki();
    vec![
        format!("--kubeconfig={}", pki.join("kube-controller-manager.kubeconfig").display()),
        "--use-service-account-credentials".into(),
        format!("--service-account-private-key-file={}", pki.join("service-accounts.key").display()),
        format!("--root-ca-file={}", pki.join("ca.crt").display()),
        format!("--cluster-cidr={POD_NETWORK}"),
        // A node's pod network follows from its number.
        "--allocate-node-cidrs=false".into(),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
        // It makes this directory, by default below /usr.
        format!("--flex-volume-plugin-dir={}", layout.state().join("volume-plugins").display()),
        // There is no cloud.
        "--controllers=*,-cloud-node-lifecycle-controller,-node-route-controller,-service-lb-controller".into(),
    ]
}

fn scheduler_arguments(layout: &Layout) -> Vec<String> {
    vec![
        format!(
            "--kubeconfig={}",
            layout.pki().join("kube-scheduler.kubeconfig").display()
        ),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn nothing_of_the_control_plane_listens_to_the_world() {
        let layout = Layout::new(Path::new("/cache")).unwrap();
        let api = api_server_arguments(&layout, Place::CLUSTER);
        assert!(api.contains(&"--bind-address=10.90.0.1".to_owned()));
        let etcd = etcd_arguments(&layout, Place::CLUSTER);
        let listening: Vec<_> = etcd
            .iter()
            .filter(|argument| argument.contains("-urls="))
            .collect();
        assert!(
            listening.len() == 4
                && listening
                    .iter()
                    .all(|argument| argument.contains("=https://127.0.0.1:")),
            "{listening:?}"
        );
        assert!(etcd.contains(&"--client-cert-auth".to_owned()));
        for others in [
            controller_manager_arguments(&layout),
            scheduler_arguments(&layout),
        ] {
            assert!(others.contains(&"--secure-port=0".to_owned()));
        }
    }
}
