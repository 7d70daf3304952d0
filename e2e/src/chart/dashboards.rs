//! The chart's dashboards and alerts on a real Prometheus, beside people who talk.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use plenum_crds::labels;
use serde_json::Value;

use super::prometheus::{Prometheus, Target};
use crate::scenarios::{World, unharmed};
use crate::site::SYSTEM_NAMESPACE;

/// Until everything that people cause is in what Prometheus has read.
const SEEN: Duration = Duration::from_secs(60);
/// Panels that have nothing to show where all is well, or where there is no directory.
const EMPTY_IS_GOOD: [&str; 5] = [
    "Answers of the directory",
    "Refused for want of room",
    "Through tunnels",
    "Routers being emptied",
    "Reconciles that fail",
];

/// With people in meetings every panel of the dashboards for zones, pools and the operator shows
/// something, and no alert fires.
pub async fn dashboards_show_a_living_zone(world: &World) -> Result<()> {
    let rules = world.site.chart.join("files/alerts");
    let log = world.site.reports.join("prometheus.log");
    let prometheus = Prometheus::start(&targets(world).await?, &rules, &log).await?;
    let load = world.load("dashboards", 3, 2, 40)?;
    world.until_people(12).await?;
    prometheus
        .until("sum(rate(plenum_packets_out_total[5m])) > 0", SEEN)
        .await?;
    let looked = look(world, &prometheus).await;
    let firing = prometheus.ask(r#"ALERTS{alertstate="firing"}"#).await;
    unharmed(&load.report().await?)?;
    let (page, empty) = looked?;
    std::fs::write(world.site.reports.join("dashboards.md"), page)?;
    ensure!(empty.is_empty(), "panels with nothing to show: {empty:?}");
    let firing = firing?;
    ensure!(firing.is_empty(), "alerts though all is well: {firing:?}");
    Ok(())
}

/// Evaluates every panel: a table for people, and those that should have shown something.
async fn look(world: &World, prometheus: &Prometheus) -> Result<(String, Vec<String>)> {
    let mut page = String::from("| dashboard | panel | series |\n|---|---|---|\n");
    let mut empty = Vec::new();
    for file in boards(&world.site.chart)? {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let board: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        for panel in board["panels"].as_array().context("panels")? {
            let title = panel["title"].as_str().context("a title")?;
            let mut series = 0;
            for target in panel["targets"].as_array().context("targets")? {
                let expression = target["expr"].as_str().context("an expression")?;
                series += prometheus.ask(&everything(expression)).await?.len();
            }
            writeln!(page, "| {name} | {title} | {series} |")?;
            // There is no directory here; its expressions are answered all the same.
            let excused = name == "directory" || EMPTY_IS_GOOD.contains(&title);
            if series == 0 && !excused {
                empty.push(format!("{name}: {title}"));
            }
        }
    }
    Ok((page, empty))
}

fn boards(chart: &Path) -> Result<Vec<PathBuf>> {
    let folder = chart.join("files/dashboards");
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    ensure!(files.len() >= 5, "only {} dashboards", files.len());
    Ok(files)
}

/// As Grafana fills in its variables when all is selected.
fn everything(expression: &str) -> String {
    ["$namespace", "$zone", "$pool"]
        .iter()
        .fold(expression.to_owned(), |expression, variable| {
            expression.replace(variable, ".*")
        })
}

async fn targets(world: &World) -> Result<Vec<Target>> {
    let operators: Api<Pod> = Api::namespaced(world.client.clone(), SYSTEM_NAMESPACE);
    let mut pods = operators.list(&ListParams::default()).await?.items;
    for component in [
        labels::COMPONENT_CONTROLLER,
        labels::COMPONENT_ROUTER,
        labels::COMPONENT_TUNNEL,
    ] {
        pods.extend(world.pods(component).await?);
    }
    pods.iter()
        .filter_map(|pod| target(pod).transpose())
        .collect()
}

/// Where the pod's metrics are; `None` while it has no address.
fn target(pod: &Pod) -> Result<Option<Target>> {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone());
    let Some(address) = address else {
        return Ok(None);
    };
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let port = containers
        .flat_map(|container| container.ports.iter().flatten())
        .find(|port| port.name.as_deref() == Some("health"))
        .with_context(|| format!("{} has no port for health", pod.name_any()))?;
    let label = |name: &str| pod.labels().get(name).cloned();
    let mut labels = vec![("pod", pod.name_any())];
    labels.extend(pod.namespace().map(|namespace| ("namespace", namespace)));
    labels.extend(label(labels::ZONE).map(|zone| ("zone", zone)));
    labels.extend(label(labels::POOL).map(|pool| ("pool", pool)));
    Ok(Some(Target {
        address: format!("{address}:{}", port.container_port),
        labels,
    }))
}

#[cfg(test)]
mod tests {
    use super::everything;

    #[test]
    fn variables_stand_for_everything() {
        let expression = r#"sum(a{namespace=~"$namespace",zone=~"$zone"})"#;
        assert_eq!(
            everything(expression),
            r#"sum(a{namespace=~".*",zone=~".*"})"#
        );
    }
}
