//! What is written for a node before it starts: its first process, and the settings of containerd, CNI, kubelet and
//! kube-proxy.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cluster::addresses::{DNS_SERVICE, NodeNumber, POD_NETWORK};
use crate::cluster::host_packages::CNI_PLUGINS;
use crate::cluster::images::PAUSE_REFERENCE;
use crate::{Layout, Tools};

/// Writes them all. Writing them again, before a node starts again, changes nothing.
pub(crate) fn write(
    layout: &Layout,
    tools: &Tools,
    node: NodeNumber,
    label: Option<&str>,
) -> Result<()> {
    let home = layout.node(node);
    fs::create_dir_all(home.join("cni")).with_context(|| format!("creating {}", home.display()))?;
    fs::write(
        home.join("containerd.toml"),
        containerd(layout, tools, node),
    )?;
    fs::write(
        home.join("cni/10-pods.conflist"),
        serde_json::to_string_pretty(&cni(layout, node))?,
    )?;
    fs::write(
        home.join("kubelet.json"),
        serde_json::to_string_pretty(&kubelet(layout, node))?,
    )?;
    fs::write(
        home.join("kube-proxy.json"),
        serde_json::to_string_pretty(&kube_proxy(layout))?,
    )?;
    // Pods that take the node's names get none: there is no DNS server outside the cluster.
    fs::write(home.join("resolv.conf"), "# no name server\n")?;
    fs::write(layout.node_script(node), script(layout, tools, node, label))?;
    Ok(())
}

/// The first process of the node, in namespaces of its own.
///
/// It stays, for it must collect processes whose parents have died.
fn script(layout: &Layout, tools: &Tools, node: NodeNumber, label: Option<&str>) -> String {
    let home = layout.node(node);
    let home = home.display();
    let log = |component: &str| {
        layout
            .log(&format!("{node}-{component}"))
            .display()
            .to_string()
    };
    let labels = label
        .map(|label| format!(" --node-labels='{label}'"))
        .unwrap_or_default();
    format!(
        "#!/bin/sh
# The first process of {node}; written by plenum-e2e.
set -e
hostname {node}
# What programs keep at fixed places goes away with the node. (-n: no record of the mounts below the host's /run.)
for directory in /run /var/lib /var/log /opt; do mount -n -t tmpfs -o mode=755 tmpfs $directory; done
# Mounts of volumes must reach the containers.
mount -n --make-rshared /
echo 1 > /proc/sys/net/ipv4/ip_forward
rm -f '{home}/containerd.sock' '{home}/containerd.sock.ttrpc'
'{containerd}' --config '{home}/containerd.toml' >> '{containerd_log}' 2>&1 &
until [ -S '{home}/containerd.sock' ] && [ -e '{api_ready}' ]; do sleep 0.1; done
'{kube_proxy}' --config '{home}/kube-proxy.json' --hostname-override {node} >> '{proxy_log}' 2>&1 &
'{kubelet}' --config '{home}/kubelet.json' --kubeconfig '{kubeconfig}' --hostname-override {node} --node-ip {ip} --root-dir '{home}/kubelet' --cert-dir '{home}/kubelet/pki'{labels} >> '{kubelet_log}' 2>&1 &
wait
",
        containerd = tools.containerd("containerd").display(),
        containerd_log = log("containerd"),
        api_ready = layout.api_ready().display(),
        kube_proxy = tools.kubernetes("kube-proxy").display(),
        proxy_log = log("kube-proxy"),
        kubelet = tools.kubernetes("kubelet").display(),
        kubeconfig = layout.pki().join(format!("{node}.kubeconfig")).display(),
        ip = node.ip(),
        kubelet_log = log("kubelet"),
    )
}

fn containerd(layout: &Layout, tools: &Tools, node: NodeNumber) -> String {
    let home = layout.node(node);
    let home = home.display();
    let socket = layout.containerd_socket(node);
    let socket = socket.display();
    format!(
        r#"version = 3
root = "{home}/containerd"
state = "{home}/containerd-state"

[grpc]
  address = "{socket}"
[ttrpc]
  address = "{socket}.ttrpc"

# Its socket is at one place for all containerds of a machine.
[plugins.'io.containerd.nri.v1.nri']
  disable = true

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{PAUSE_REFERENCE}"

[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  # runc fails where it may not lower the score of a container below that of its parent.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{CNI_PLUGINS}"]
    conf_dir = "{home}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "{shim}"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
"#,
        shim = tools.containerd("containerd-shim-runc-v2").display()
    )
}

/// Each pod has its own link to the node. On a shared bridge, an answer between two pods of the node would not pass
/// the node's address translation, and Services would break without the module `br_netfilter`.
fn cni(layout: &Layout, node: NodeNumber) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": false,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": node.pod_network() }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                    "dataDir": layout.node(node).join("addresses"),
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    })
}

fn kubelet(layout: &Layout, node: NodeNumber) -> Value {
    let home = layout.node(node);
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": format!("unix://{}", layout.containerd_socket(node).display()),
        "address": "0.0.0.0",
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": layout.pki().join("ca.crt") },
        },
        "authorization": { "mode": "Webhook" },
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "resolvConf": home.join("resolv.conf"),
        "podLogsDir": home.join("pod-logs"),
        "volumePluginDir": home.join("volume-plugins"),
        // Several kubelets share the machine's control groups, so none may own the root of them.
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": false,
        "enforceNodeAllocatable": [],
        "failCgroupV1": false,
        "failSwapOn": false,
        // A full disk of the machine is no reason to evict the pods of all nodes at once.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": false,
        "serializeImagePulls": false,
        // Tests wait for pods to come and go; by default a kubelet looks every minute.
        "syncFrequency": "5s",
        "nodeStatusUpdateFrequency": "2s",
    })
}

fn kube_proxy(layout: &Layout) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": POD_NETWORK,
        "clientConnection": { "kubeconfig": layout.pki().join("kube-proxy.kubeconfig") },
        // The table's size belongs to the machine.
        "conntrack": { "maxPerCore": 0, "min": 0 },
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn node() -> NodeNumber {
        NodeNumber::new(3).unwrap()
    }

    fn layout() -> Layout {
        Layout::new(Path::new("/some where")).unwrap()
    }

    #[test]
    fn the_first_process_is_valid_shell_even_with_a_space_in_the_path() {
        let script = script(
            &layout(),
            &Tools::at(Path::new("/some where/tools")),
            node(),
            Some("plenum.dev/routers=true"),
        );
        let checked = Command::new("sh")
            .args(["-n", "-c", &script])
            .output()
            .unwrap();
        assert!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&checked.stderr)
        );
        assert!(script.contains("--node-ip 10.90.0.103 "));
        assert!(script.contains("--node-labels='plenum.dev/routers=true'"));
        assert!(script.contains("'/some where/cluster/pki/plenum-n3.kubeconfig'"));
    }

    #[test]
    fn a_node_without_the_label_says_nothing_of_labels() {
        assert!(!script(&layout(), &Tools::at(Path::new("/t")), node(), None).contains("label"));
    }

    #[test]
    fn nodes_share_no_path() {
        let other = NodeNumber::new(4).unwrap();
        let text = |node| {
            let tools = Tools::at(Path::new("/t"));
            format!(
                "{}{}{}",
                containerd(&layout(), &tools, node),
                cni(&layout(), node),
                kubelet(&layout(), node)
            )
        };
        let paths = |node: NodeNumber| text(node).matches(&format!("/nodes/{node}/")).count();
        assert!(paths(node()) > 5);
        assert_eq!(
            text(node())
                .replace("plenum-n3", "plenum-n4")
                .replace("10.91.3.", "10.91.4."),
            text(other)
        );
    }
}
