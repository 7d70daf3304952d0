//! What the chart asks of a cluster before it is installed, on an API server without nodes.

use std::path::Path;

use anyhow::{Context as _, Result};
use plenum_e2e::{Bare, Commands};

use crate::render::chart;

/// `helm VERB RELEASE CHART` in a namespace of the release's name.
async fn helm(commands: &Commands, verb: &str, release: &str, settings: &str) -> Result<String> {
    let chart = chart();
    let chart = Path::to_str(&chart).context("a path in UTF-8")?;
    let place = ["--namespace", release, "--create-namespace"];
    let typed = [&[verb, release, chart][..], &place, &["--set", settings]].concat();
    commands.helm(typed).await
}

async fn uninstall(commands: &Commands, release: &str) -> Result<String> {
    let typed = ["uninstall", release, "--namespace", release];
    commands.helm(typed).await
}

#[tokio::test]
#[ignore = "needs the pinned tools: make test-chart"]
async fn a_cluster_has_one_operator() -> Result<()> {
    let bare = Bare::start("chart").await?;
    let commands = bare.commands();
    let usual = "operator.replicas=2";
    helm(&commands, "install", "plenum", usual).await?;
    helm(&commands, "upgrade", "plenum", usual).await?;
    let refused = helm(&commands, "install", "video", usual).await;
    let refused = refused.expect_err("a second operator").to_string();
    let said = "the operator of release plenum in namespace plenum keeps the zones";
    assert!(refused.contains(said), "{refused}");
    // The ids of a directory alone do not collide with what is there.
    let alone = "operator.replicas=0,directory.enabled=true,directory.hostnames={a.example.org}";
    helm(&commands, "install", "video", alone).await?;
    helm(&commands, "upgrade", "plenum", usual).await?;
    assert!(helm(&commands, "upgrade", "video", usual).await.is_err());
    uninstall(&commands, "plenum").await?;
    helm(&commands, "upgrade", "video", usual).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the pinned tools: make test-chart"]
async fn a_class_keeps_its_value() -> Result<()> {
    let bare = Bare::start("chart").await?;
    let commands = bare.commands();
    let on = "priorityClasses.enabled=true";
    helm(&commands, "install", "video", on).await?;
    helm(&commands, "upgrade", "video", on).await?;
    let other = format!("{on},priorityClasses.placeholder=-20");
    let refused = helm(&commands, "upgrade", "video", &other).await;
    let refused = refused.expect_err("another value").to_string();
    let said = "write -10, or kubectl delete priorityclass plenum-placeholder first";
    assert!(refused.contains(said), "{refused}");
    Ok(())
}
