//! The cluster's DNS server.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::Api;

use crate::Cluster;
use crate::cluster::wait::Wait;

const OBJECTS: &str = include_str!("dns.yaml");
const READY_LIMIT: Duration = Duration::from_mins(1);

/// Asks Kubernetes for the server; it starts when there is a node.
pub(crate) async fn apply(cluster: &Cluster) -> Result<()> {
    let file = cluster.layout().state().join("dns.yaml");
    fs::write(&file, OBJECTS).with_context(|| format!("writing {}", file.display()))?;
    // Validation would fetch the API's whole schema first.
    cluster
        .kubectl([
            "create",
            "--validate=false",
            "-f",
            &file.display().to_string(),
        ])
        .await?;
    Ok(())
}

pub(crate) async fn wait_for_ready(cluster: &Cluster) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(cluster.client().clone(), "kube-system");
    let log = cluster.layout().log("kube-controller-manager");
    let wait = Wait {
        what: "the DNS server to be ready",
        limit: READY_LIMIT,
        log,
        process: None,
    };
    wait.until(async || {
        let status = api.get("coredns").await?.status.unwrap_or_default();
        ensure!(
            status.ready_replicas.unwrap_or(0) > 0,
            "no replica of coredns is ready; see `kubectl -n kube-system describe pods`"
        );
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_yaml::Value;

    use super::*;
    use crate::cluster::addresses::DNS_SERVICE;
    use crate::cluster::images::COREDNS_REFERENCE;

    #[test]
    fn the_objects_name_our_image_and_the_address_that_kubelets_hand_out() {
        let objects: Vec<Value> = serde_yaml::Deserializer::from_str(OBJECTS)
            .map(|object| Value::deserialize(object).unwrap())
            .collect();
        let find = |kind: &str| {
            objects
                .iter()
                .find(|object| object["kind"] == kind)
                .unwrap()
        };
        assert_eq!(
            find("Service")["spec"]["clusterIP"],
            DNS_SERVICE.to_string()
        );
        assert_eq!(
            find("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"],
            COREDNS_REFERENCE
        );
    }
}
