//! Zones and pools that are wrong, and what their author reads.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::world::{World, ZONE};
use crate::site::NAMESPACE;

/// Wrong resources, from the chart's directory; the first line of each says what its refusal
/// must contain.
const REFUSED: &str = "../../crds/tests/refused";
const EXPECTED: &str = "# refused: ";

pub async fn wrong_ones_are_refused_with_a_sentence(world: &World) -> Result<()> {
    let mut tried = 0;
    for entry in std::fs::read_dir(world.site.chart.join(REFUSED))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let first = text.lines().next().unwrap_or_default();
        let expected = first
            .strip_prefix(EXPECTED)
            .with_context(|| format!("{} does not say what is expected", path.display()))?;
        let applied = world.site.apply(&text).await;
        // Of several documents all but the last are admitted.
        let deleted = world.site.delete(&text).await;
        let Err(refused) = applied else {
            anyhow::bail!("{} was accepted", path.display());
        };
        if !is_alone(&text) {
            deleted?;
        }
        let refused = format!("{refused:#}");
        ensure!(
            refused.contains(expected),
            "{}: expected {expected:?} in {refused}",
            path.display()
        );
        tried += 1;
    }
    ensure!(tried >= 12, "only {tried} wrong resources were tried");
    Ok(())
}

pub async fn a_pool_that_cannot_work_says_why_and_what_runs_stays(world: &World) -> Result<()> {
    for (name, selector, zone, condition, reason) in [
        (
            "nowhere",
            "plenum.dev/no-such-label",
            ZONE,
            "NodesAvailable",
            "NoMatchingNodes",
        ),
        (
            "orphan",
            "plenum.dev/no-such-label",
            "no-such-zone",
            "ZoneFound",
            "ZoneNotFound",
        ),
        (
            "second",
            "plenum.dev/routers",
            ZONE,
            "NodesAvailable",
            "NodesShared",
        ),
    ] {
        world.site.apply(&pool(name, selector, zone)).await?;
        let said = until_condition(world, name, condition, reason).await;
        world
            .site
            .kubectl(["-n", NAMESPACE, "delete", "mmrpool", name, "--wait"])
            .await?;
        said?;
    }
    let accepting = world
        .pool()
        .await?
        .status
        .map(|status| status.routers.accepting);
    ensure!(
        accepting == Some(1),
        "the pool that worked has {accepting:?} routers accepting"
    );
    Ok(())
}

pub async fn kubectl_explain_teaches(world: &World) -> Result<()> {
    let pool = world.site.kubectl(["explain", "mmrpool.spec"]).await?;
    for field in [
        "nodeSelector",
        "participantsPerRouter",
        "scaleDownDelaySeconds",
        "drainDeadlineSeconds",
    ] {
        ensure!(
            pool.contains(field),
            "kubectl explain mmrpool.spec does not tell of {field}: {pool}"
        );
    }
    let table = world
        .site
        .kubectl(["-n", NAMESPACE, "get", "meetingzones,mmrpools"])
        .await?;
    for column in ["READY", "CAPACITY", "URL"] {
        ensure!(
            table.contains(column),
            "kubectl get has no column {column}: {table}"
        );
    }
    Ok(())
}

/// Whether there is one document, which then was never there to be deleted.
fn is_alone(manifest: &str) -> bool {
    !manifest.lines().any(|line| line == "---")
}

fn pool(name: &str, selector: &str, zone: &str) -> String {
    format!(
        "apiVersion: plenum.dev/v1alpha1\nkind: MMRPool\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\nspec: {{zone: {zone}, nodeSelector: {{{selector}: \"true\"}}}}\n"
    )
}

async fn until_condition(world: &World, pool: &str, condition: &str, reason: &str) -> Result<()> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(15);
    loop {
        let text = world
            .site
            .kubectl(["-n", NAMESPACE, "get", "mmrpool", pool, "-o", "json"])
            .await?;
        let pool: Value = serde_json::from_str(&text)?;
        let conditions = pool["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found = conditions.iter().any(|c| {
            c["type"] == condition
                && c["reason"] == reason
                && c["status"] == "False"
                && c["message"].as_str().is_some_and(|m| m.len() > 20)
        });
        if found {
            return Ok(());
        }
        ensure!(
            tokio::time::Instant::now() < deadline,
            "no condition {condition} with reason {reason}: {}",
            pool["status"]
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
