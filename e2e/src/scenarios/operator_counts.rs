//! What the operator counted, by its metrics.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use super::world::World;
use crate::site::SYSTEM_NAMESPACE;

/// Where the operator serves its metrics.
const PORT: u16 = 8081;

/// The samples of a counter by their labels, added up over all replicas.
pub async fn operator_counts(world: &World, counter: &str) -> Result<BTreeMap<String, u64>> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), SYSTEM_NAMESPACE);
    let mut sums = BTreeMap::new();
    for pod in pods.list(&ListParams::default()).await? {
        let name = pod.name_any();
        let path =
            format!("/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods/{name}:{PORT}/proxy/metrics");
        let text = world.site.kubectl(["get", "--raw", &path]).await?;
        for (labels, count) in text.lines().filter_map(|line| sample(line, counter)) {
            *sums.entry(labels.to_owned()).or_default() += count;
        }
    }
    Ok(sums)
}

/// Labels and value of a line, if it is a sample of this counter.
fn sample<'a>(line: &'a str, counter: &str) -> Option<(&'a str, u64)> {
    let (labels, count) = line
        .strip_prefix(counter)?
        .strip_prefix('{')?
        .split_once("} ")?;
    Some((labels, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_read_with_its_labels() {
        let counter = "plenum_operator_writes_total";
        let line = r#"plenum_operator_writes_total{kind="Service",verb="apply"} 17"#;
        let labels = r#"kind="Service",verb="apply""#;
        assert_eq!(sample(line, counter), Some((labels, 17)));
        assert_eq!(
            sample("# TYPE plenum_operator_writes counter", counter),
            None
        );
    }
}
