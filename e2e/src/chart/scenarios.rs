//! What must hold for the chart on a real cluster.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::foreign;
use crate::scenarios::World;
use crate::site::{RELEASE, SYSTEM_NAMESPACE};

/// Values that make every template appear.
const EVERYTHING: &str = include_str!("../../tests/chart/values/everything.yaml");
const SMALL: &str = include_str!("../../tests/chart/values/small.yaml");

/// The operator's Deployment.
const OPERATOR: &str = "deployment/plenum-operator";
const LEVEL: &str = "pod-security.kubernetes.io/enforce";

/// The API server's own schemas and admission take what the chart renders, and so do the
/// definitions of cert-manager and the Prometheus operator: `--dry-run=server` with unknown and
/// doubled fields refused.
pub async fn the_api_server_takes_all_that_is_rendered(world: &World) -> Result<()> {
    let definitions = foreign::definitions()?;
    let files = definitions.iter().flat_map(|file| [Path::new("-f"), file]);
    let files: Vec<&Path> = files.collect();
    let kubectl = async |arguments: &[&str]| {
        let arguments = arguments.iter().map(Path::new);
        let all: Vec<&Path> = arguments.chain(files.iter().copied()).collect();
        world.site.commands.kubectl(all).await
    };
    let taken = async {
        kubectl(&["apply", "--server-side"]).await?;
        kubectl(&["wait", "--for=condition=Established", "--timeout=60s"]).await?;
        all_is_taken(world).await
    }
    .await;
    // Others find the cluster without them.
    kubectl(&["delete", "--ignore-not-found"]).await?;
    taken
}

async fn all_is_taken(world: &World) -> Result<()> {
    let all = dry_run(world, EVERYTHING).await.context("everything")?;
    let missing = foreign::KINDS.iter().find(|kind| !all.contains(**kind));
    ensure!(missing.is_none(), "no {missing:?} was looked at: {all}");
    dry_run(world, SMALL).await.context("small").map(drop)
}

/// What kubectl says of each object that these values render.
async fn dry_run(world: &World, values: &str) -> Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), values)?;
    let (chart, values) = (&world.site.chart, file.path());
    let chart = chart.to_str().context("a path in UTF-8")?;
    let values = values.to_str().context("a path in UTF-8")?;
    let template = [
        "template",
        "rendered",
        chart,
        "--namespace",
        SYSTEM_NAMESPACE,
    ];
    let template = [&template[..], &["--values", values]].concat();
    let rendered = world.site.commands.helm(template).await?;
    let dry = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
    let commands = &world.site.commands;
    let said = commands.kubectl_with_input(dry, &rendered).await?;
    let taken = said.lines().filter(|line| line.contains("server dry run"));
    let taken = taken.count();
    ensure!(taken >= 8, "only {taken} objects were looked at: {said}");
    Ok(said)
}

/// New pods of the operator start in a namespace that enforces the level `restricted`.
pub async fn the_operator_runs_where_pods_are_restricted(world: &World) -> Result<()> {
    let restricted = format!("{LEVEL}=restricted");
    world
        .site
        .kubectl([
            "label",
            "--overwrite",
            "namespace",
            SYSTEM_NAMESPACE,
            &restricted,
        ])
        .await?;
    let started = restart(world).await;
    let nobodys = format!("{LEVEL}-");
    world
        .site
        .kubectl(["label", "namespace", SYSTEM_NAMESPACE, &nobodys])
        .await?;
    started?;
    // The zone is looked after by the new ones.
    let zone = format!("meetingzone/{}", crate::scenarios::ZONE);
    world
        .site
        .wait_for(&zone, "Ready", Duration::from_secs(60))
        .await
}

async fn restart(world: &World) -> Result<()> {
    let namespace = ["-n", SYSTEM_NAMESPACE];
    let kubectl = async |arguments: &[&str]| {
        let all = [&namespace[..], arguments].concat();
        world.site.kubectl(all).await
    };
    kubectl(&["rollout", "restart", OPERATOR]).await?;
    kubectl(&["rollout", "status", OPERATOR, "--timeout=120s"])
        .await
        .context("the operator's pods are not admitted, or do not become ready")?;
    let refused = kubectl(&["get", "events", "--field-selector=reason=FailedCreate"]).await?;
    ensure!(!refused.contains("violates PodSecurity"), "{refused}");
    Ok(())
}

/// `helm upgrade` to other values and `helm rollback` leave one working operator, and zones are
/// not touched by either.
pub async fn an_upgrade_of_values_is_rolled_back(world: &World) -> Result<()> {
    let before = workloads(world).await?;
    let chart = world.site.chart.display().to_string();
    let upgrade = ["upgrade", RELEASE, &chart, "--namespace", SYSTEM_NAMESPACE];
    let values = [
        "--reset-then-reuse-values",
        "--set",
        "networkPolicy.enabled=true",
        "--set",
        "zoneNamespaces={meetings}",
        "--set",
        "dashboards.enabled=true",
        "--set",
        "commonLabels.team=meetings",
        "--wait",
        "--timeout",
        "120s",
    ];
    world
        .site
        .commands
        .helm([&upgrade[..], &values].concat())
        .await?;
    let policies = world.site.kubectl(["get", "networkpolicies", "-A"]).await?;
    let found = policies.contains("plenum-zone-controllers");
    let rollback = ["rollback", RELEASE, "--namespace", SYSTEM_NAMESPACE];
    let wait = ["--wait", "--timeout", "120s"];
    world
        .site
        .commands
        .helm([&rollback[..], &wait].concat())
        .await?;
    ensure!(found, "the upgrade made no network policies: {policies}");
    let left = world
        .site
        .kubectl([
            "get",
            "networkpolicies,configmaps",
            "-A",
            "-l",
            "team=meetings",
        ])
        .await?;
    ensure!(left.is_empty(), "the rollback left {left}");
    let after = workloads(world).await?;
    ensure!(
        before == after,
        "the zone's workloads changed from {before} to {after}"
    );
    Ok(())
}

/// The generations of what the operator made for zones and pools: any write to a spec counts.
async fn workloads(world: &World) -> Result<String> {
    world
        .site
        .kubectl([
            "-n",
            crate::site::NAMESPACE,
            "get",
            "statefulsets,daemonsets,deployments",
            "-o",
            "jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.generation} {end}",
        ])
        .await
}
