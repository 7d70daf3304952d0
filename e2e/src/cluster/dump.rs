//! What to look at after a failure, in one directory.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;

use crate::{Cluster, Commands};

/// Printed for a person first, then complete. On a cluster without our definitions, the files of zones say so.
const VIEWS: [(&str, &[&str]); 6] = [
    (
        "pods.txt",
        &[
            "nodes,pods,daemonsets,statefulsets,deployments,services",
            "-o",
            "wide",
        ],
    ),
    ("zones.txt", &["meetingzones,mmrpools", "-o", "wide"]),
    (
        "events.txt",
        &["events", "--sort-by=.metadata.creationTimestamp"],
    ),
    (
        "objects.yaml",
        &[
            "nodes,pods,daemonsets,statefulsets,deployments,services,endpointslices,configmaps,leases",
            "-o",
            "yaml",
        ],
    ),
    ("zones.yaml", &["meetingzones,mmrpools", "-o", "yaml"]),
    ("definitions.txt", &["customresourcedefinitions"]),
];

impl Cluster {
    /// Writes the state of all pods, the events, all pods' logs and all components' logs below `directory`.
    ///
    /// What cannot be had, says so in its file: this runs when something is broken.
    pub async fn dump(&self, directory: &Path) -> Result<()> {
        self.dump_components(directory)?;
        self.commands().dump(directory, &[]).await
    }

    /// Writes the components' logs only; they remember what is gone from the API.
    pub fn dump_components(&self, directory: &Path) -> Result<()> {
        let logs = directory.join("components");
        create(&logs)?;
        for entry in fs::read_dir(self.layout().logs())?.flatten() {
            fs::copy(entry.path(), logs.join(entry.file_name()))?;
        }
        Ok(())
    }
}

impl Commands {
    /// Writes nodes, pods, zones, events and pods' logs of these namespaces, or of all if none is given.
    ///
    /// What cannot be had, says so in its file.
    pub async fn dump(&self, directory: &Path, namespaces: &[&str]) -> Result<()> {
        create(directory)?;
        if namespaces.is_empty() {
            return self.dump_extent(directory, &["-A"]).await;
        }
        for namespace in namespaces {
            self.dump_extent(&directory.join(namespace), &["-n", namespace])
                .await?;
        }
        Ok(())
    }

    async fn dump_extent(&self, directory: &Path, extent: &[&str]) -> Result<()> {
        let logs = directory.join("pods");
        create(&logs)?;
        for (file, view) in VIEWS {
            let arguments = [&["get"], view, extent].concat();
            self.write_output(&directory.join(file), &arguments).await?;
        }
        let pods = ["get", "pods", "-o", "json", "--request-timeout=5s"];
        let Ok(pods) = self.kubectl([&pods, extent].concat()).await else {
            return Ok(());
        };
        let pods: kube::core::ObjectList<Pod> = serde_json::from_str(&pods)?;
        for pod in &pods.items {
            self.dump_logs(pod, &logs).await?;
        }
        Ok(())
    }

    async fn dump_logs(&self, pod: &Pod, directory: &Path) -> Result<()> {
        let (namespace, name) = (
            pod.metadata.namespace.as_deref().unwrap_or_default(),
            pod.metadata.name.as_deref().unwrap_or_default(),
        );
        for (container, restarted) in containers(pod) {
            let file = format!("{namespace}_{name}_{container}");
            let arguments = [
                "logs",
                "-n",
                namespace,
                name,
                "-c",
                &container,
                "--timestamps",
            ];
            self.write_output(&directory.join(format!("{file}.log")), &arguments)
                .await?;
            if restarted {
                let arguments = [&arguments[..], &["--previous"]].concat();
                self.write_output(&directory.join(format!("{file}.previous.log")), &arguments)
                    .await?;
            }
        }
        Ok(())
    }

    async fn write_output(&self, file: &Path, arguments: &[&str]) -> Result<()> {
        let arguments = arguments.iter().chain(&["--request-timeout=5s"]);
        let text = self
            .kubectl(arguments)
            .await
            .unwrap_or_else(|error| format!("{error:#}\n"));
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))
}

/// The pod's containers, and whether each has run before.
fn containers(pod: &Pod) -> Vec<(String, bool)> {
    let Some(spec) = &pod.spec else {
        return Vec::new();
    };
    let statuses: Vec<_> = pod
        .status
        .iter()
        .flat_map(|status| {
            status
                .container_statuses
                .iter()
                .chain(&status.init_container_statuses)
                .flatten()
        })
        .collect();
    let restarted = |name: &str| {
        statuses
            .iter()
            .any(|status| status.name == name && status.restart_count > 0)
    };
    spec.init_containers
        .iter()
        .flatten()
        .chain(&spec.containers)
        .map(|container| (container.name.clone(), restarted(&container.name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_that_restarted_has_an_earlier_log() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {},
            "spec": { "initContainers": [{ "name": "first" }], "containers": [{ "name": "main" }] },
            "status": { "containerStatuses": [{ "name": "main", "restartCount": 2, "ready": true, "image": "", "imageID": "" }] },
        }))
        .unwrap();
        assert_eq!(
            containers(&pod),
            [("first".to_owned(), false), ("main".to_owned(), true)]
        );
    }
}
