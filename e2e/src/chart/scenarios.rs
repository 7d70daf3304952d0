//! What must hold for the chart on a real cluster.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::scenarios::World;
use crate::site::{RELEASE, SYSTEM_NAMESPACE};

/// Values that make every template of the Kubernetes API's own kinds appear. What the Prometheus
/// operator and cert-manager define is not on this cluster.
const EVERYTHING: &str = include_str!("../../tests/chart/values/everything.yaml");
const SMALL: &str = include_str!("../../tests/chart/values/small.yaml");
/// Kinds that others define.
const FOREIGN: [&str; 2] = ["monitoring.coreos.com/", "cert-manager.io/"];

/// The operator's Deployment.
const OPERATOR: &str = "deployment/plenum-operator";
const LEVEL: &str = "pod-security.kubernetes.io/enforce";

/// The API server's own schemas and admission take what the chart renders: `--dry-run=server`
/// with unknown and doubled fields refused.
pub async fn the_api_server_takes_all_that_is_rendered(world: &World) -> Result<()> {
    for (name, values) in [("everything", EVERYTHING), ("small", SMALL)] {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), values)?;
        let (chart, values) = (&world.site.chart, file.path());
        let chart = chart.to_str().context("a path in UTF-8")?;
        let values = values.to_str().context("a path in UTF-8")?;
        let rendered = world
            .site
            .commands
            .helm([
                "template",
                "rendered",
                chart,
                "--namespace",
                SYSTEM_NAMESPACE,
                "--values",
                values,
            ])
            .await?;
        let manifest = own_kinds(&rendered);
        let dry = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
        let said = world
            .site
            .commands
            .kubectl_with_input(dry, &manifest)
            .await
            .with_context(|| format!("values {name:?}"))?;
        let taken = said.lines().filter(|line| line.contains("server dry run"));
        let taken = taken.count();
        ensure!(
            taken >= 8,
            "values {name:?}: only {taken} objects were looked at: {said}"
        );
    }
    Ok(())
}

/// The documents of kinds that this cluster knows.
fn own_kinds(rendered: &str) -> String {
    let foreign = |document: &str| {
        let mut groups = FOREIGN.iter();
        groups.any(|group| document.contains(&format!("apiVersion: {group}")))
    };
    let documents = rendered
        .split("\n---\n")
        .map(|document| document.trim_start_matches("---\n"));
    let own: Vec<&str> = documents.filter(|document| !foreign(document)).collect();
    own.join("\n---\n")
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

#[cfg(test)]
mod tests {
    use super::own_kinds;

    #[test]
    fn what_others_define_is_left_out() {
        let rendered = "---\napiVersion: v1\nkind: A\n---\napiVersion: monitoring.coreos.com/v1\n\
                        kind: B\n---\napiVersion: apps/v1\nkind: C\n";
        let own = own_kinds(rendered);
        assert!(own.contains("kind: A") && own.contains("kind: C"), "{own}");
        assert!(!own.contains("kind: B"), "{own}");
    }
}
