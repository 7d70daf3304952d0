//! Which processes of the machine belong to the cluster.

use std::path::Path;

use crate::Layout;
use crate::cluster::addresses::NodeNumber;
use crate::cluster::process::{Process, Running, find};

/// Whether this is a process of the cluster: one of our tools at work on our state, or a node's first process.
///
/// A shell or an editor that merely mentions our paths is not, for it may be the one that called us.
pub(super) fn is_ours(layout: &Layout, running: &Running) -> bool {
    let arguments = &running.arguments;
    let (tools, nodes, state) = (layout.tools(), layout.nodes(), layout.state());
    let is_tool = |argument: &String| {
        below(&tools, argument).is_some_and(|rest| !rest.contains(char::is_whitespace))
    };
    let is_script = |argument: &String| {
        below(&nodes, argument)
            .is_some_and(|rest| rest.ends_with("/node.sh") && !rest.contains(char::is_whitespace))
    };
    // `--flag=/path` and `unix:///path` name a path too.
    let in_state = |argument: &String| {
        argument
            .match_indices('/')
            .any(|(start, _)| below(&state, &argument[start..]).is_some())
    };
    let after_tool = arguments
        .iter()
        .skip_while(|argument| !is_tool(argument))
        .skip(1);
    arguments.iter().any(is_script)
        || after_tool.into_iter().any(in_state)
        || is_client(layout, running)
}

/// `kubectl` or `helm` that a scenario started and did not live to end. They find the cluster by their environment.
fn is_client(layout: &Layout, running: &Running) -> bool {
    let is_tool = running
        .arguments
        .first()
        .is_some_and(|program| below(&layout.tools(), program).is_some());
    let kubeconfig = format!("KUBECONFIG={}", layout.kubeconfig().display());
    is_tool && running.environment.contains(&kubeconfig)
}

fn below<'a>(directory: &Path, argument: &'a str) -> Option<&'a str> {
    argument
        .strip_prefix(directory.to_str()?)?
        .strip_prefix('/')
}

/// What still runs of a node that was killed.
pub(crate) fn processes_of_node(layout: &Layout, node: NodeNumber) -> Vec<Process> {
    let home = layout.node(node);
    find(|running| {
        let names_node = |argument: &String| {
            argument
                .match_indices('/')
                .any(|(start, _)| below(&home, &argument[start..]).is_some())
        };
        is_ours(layout, running) && running.arguments.iter().any(names_node)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(arguments: &[&str]) -> bool {
        ours_with(arguments, &[])
    }

    fn ours_with(arguments: &[&str], environment: &[&str]) -> bool {
        let layout = Layout::new(Path::new("/c")).unwrap();
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        is_ours(
            &layout,
            &Running {
                arguments: owned(arguments),
                environment: owned(environment),
            },
        )
    }

    #[test]
    fn the_clusters_processes_are_recognised() {
        assert!(ours(&[
            "/c/tools/kubernetes-1/etcd",
            "--data-dir=/c/cluster/etcd"
        ]));
        assert!(ours(&[
            "setsid",
            "/c/tools/kubernetes-1/kubelet",
            "--config",
            "/c/cluster/nodes/plenum-n1/kubelet.json"
        ]));
        assert!(ours(&[
            "/c/tools/containerd-1/containerd-shim-runc-v2",
            "-address",
            "/c/cluster/nodes/plenum-n1/containerd.sock"
        ]));
        assert!(ours(&[
            "unshare",
            "--pid",
            "sh",
            "/c/cluster/nodes/plenum-n1/node.sh"
        ]));
    }

    #[test]
    fn those_who_only_mention_it_are_left_alone() {
        assert!(!ours(&[
            "bash",
            "-c",
            "/c/tools/kubernetes-1/kubectl --kubeconfig /c/cluster/kubeconfig get pods; plenum-e2e down"
        ]));
        assert!(!ours(&[
            "bash",
            "-c",
            "cat /c/cluster/nodes/plenum-n1/node.sh"
        ]));
        assert!(!ours(&["tail", "-f", "/c/cluster/log/etcd.log"]));
        assert!(!ours(&["vim", "/c/tools/kubernetes-1/notes"]));
        assert!(!ours(&[
            "/c/tools/kubernetes-1/etcd",
            "--data-dir=/c/cluster-of-somebody-else/etcd"
        ]));
        assert!(!ours(&["/other/tools/etcd", "--data-dir=/c/cluster/etcd"]));
        assert!(!ours(&[""]));
    }

    #[test]
    fn clients_that_a_scenario_left_are_recognised_and_a_persons_are_not() {
        let ours_is = "KUBECONFIG=/c/cluster/kubeconfig";
        assert!(ours_with(
            &["/c/tools/kubernetes-1/kubectl", "wait", "pod"],
            &["A=b", ours_is]
        ));
        assert!(!ours_with(
            &["/c/tools/kubernetes-1/kubectl", "get", "pods"],
            &["KUBECONFIG=/home/me/.kube/config"]
        ));
        assert!(!ours_with(&["kubectl", "get", "pods", "-w"], &[ours_is]));
        assert!(!ours_with(&["bash"], &[ours_is]));
    }
}
