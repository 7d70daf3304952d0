//! `kubectl plenum` on a real cluster: it sees what is well, finds what is planted, and drains.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use plenum_crds::labels;
use serde_json::Value;
use tokio::time::Instant;

use super::world::{World, ZONE, node_of, unharmed};
use crate::children;
use crate::site::NAMESPACE;

/// A label that no pool of the others asks for.
const LAME: &str = "plenum.dev/lame";

pub async fn status_and_doctor_find_a_zone_in_good_health(world: &World) -> Result<()> {
    let (well, status) = plugin(world, &["status", ZONE, "-n", NAMESPACE]).await?;
    let zone = &status["zones"][0];
    ensure!(well && zone["ready"] == true, "not ready: {status:#}");
    let routers = zone["pools"][0]["routers"].as_array();
    let accepts = |router: &Value| router["state"] == "accepting" && router["room"].is_u64();
    ensure!(
        routers.is_some_and(|routers| routers.iter().any(accepts)),
        "no router that accepts, with room: {zone:#}"
    );
    let certificates = zone["certificates"].as_array().map_or(0, Vec::len);
    ensure!(certificates >= 4, "{certificates} certificates: {zone:#}");
    let (well, doctor) = plugin(world, &["doctor"]).await?;
    ensure!(well, "something is wrong: {doctor:#}");
    Ok(())
}

pub async fn doctor_finds_wrong_labels_with_the_command_that_mends_them(
    world: &World,
) -> Result<()> {
    let pool = "mislabelled";
    let manifest = manifest(pool, "plenum.dev/router", "");
    world.site.apply(&manifest).await?;
    let found = until_found(world, "NoMatchingNodes").await;
    remove(world, pool).await?;
    let found = found?;
    ensure!(found["object"]["name"] == pool, "another: {found:#}");
    let remedy = found["do"][0].as_str().unwrap_or_default();
    ensure!(
        remedy.starts_with("kubectl label node ") && remedy.contains("plenum.dev/router=true"),
        "it says to type {remedy:?}"
    );
    Ok(())
}

pub async fn doctor_finds_an_image_that_does_not_exist(world: &World) -> Result<()> {
    let pool = "imageless";
    let node = free_node(world).await?;
    let lame = format!("{LAME}=true");
    let (no_lame, routers) = (format!("{LAME}-"), format!("{}=true", labels::ROUTERS));
    let no_routers = format!("{}-", labels::ROUTERS);
    // A node of its own: of two pools that select one node the older keeps it.
    let label = ["label", "node", &node];
    let kubectl = |more: [&str; 2]| {
        world
            .site
            .kubectl([label[0], label[1], label[2], more[0], more[1]].map(str::to_owned))
    };
    kubectl([&no_routers, &lame]).await?;
    let found = async {
        let image = "\n  image: localhost/no-such-image:none\n  resources: {requests: {cpu: 10m, memory: 16Mi}}";
        world.site.apply(&manifest(pool, LAME, image)).await?;
        until_found(world, "ImageNotPulled").await
    }
    .await;
    let removed = remove(world, pool).await;
    kubectl([&no_lame, &routers]).await?;
    removed?;
    let found = found?;
    let what = found["what"].as_str().unwrap_or_default();
    ensure!(what.contains("no-such-image"), "another: {found:#}");
    let remedy = found["do"][0].as_str().unwrap_or_default();
    ensure!(
        remedy.contains("patch mmrpool imageless"),
        "it says to type {remedy:?}"
    );
    Ok(())
}

pub async fn drain_wait_empties_a_router_and_nobody_is_dropped(world: &World) -> Result<()> {
    let load = world.load("kubectl-drain", 6, 3, 40)?;
    world.until_people(24).await?;
    let (told, meetings) = plugin(world, &["meetings", ZONE, "-n", NAMESPACE]).await?;
    let meetings = meetings["zones"][0]["meetings"]
        .as_array()
        .map_or(0, Vec::len);
    ensure!(told && meetings >= 6, "{meetings} meetings are told");
    let routers = world.pods(labels::COMPONENT_ROUTER).await?;
    let node = node_of(routers.first().context("no router runs")?)?.to_owned();
    let drained = plugin(world, &["drain", &node, "--wait", "--timeout", "60"]).await;
    let cancelled = plugin(world, &["drain", &node, "--cancel"]).await;
    let (done, outcome) = drained?;
    ensure!(done && outcome["drained"] == true, "not drained: {outcome}");
    let (done, outcome) = cancelled?;
    ensure!(
        done && outcome["requested"] == false,
        "not cancelled: {outcome}"
    );
    let report = load.report().await?;
    ensure!(report.migrations.count > 0, "nobody was moved: {report}");
    unharmed(&report)
}

pub async fn a_support_bundle_holds_no_key(world: &World) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("bundle.tar.gz");
    let path = file.display().to_string();
    let output = run(world, &["support-bundle", "-o", &path]).await?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut tar = children::command("tar");
    tar.args(["-xzOf", &path]).stdout(Stdio::piped());
    let text = children::start(tar)?.wait_with_output().await?.stdout;
    let text = String::from_utf8_lossy(&text);
    ensure!(text.contains("kubectl-plenum.status/1"), "it has no status");
    ensure!(!text.contains("PRIVATE KEY"), "it has a private key");
    Ok(())
}

/// Whether it ended well, and what it printed.
pub(super) async fn plugin(world: &World, arguments: &[&str]) -> Result<(bool, Value)> {
    let mut all = arguments.to_vec();
    all.extend(["-o", "json"]);
    let output = run(world, &all).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("kubectl plenum {}: {said}", arguments.join(" ")))?;
    Ok((output.status.success(), value))
}

/// It is built beside `plenum`.
async fn run(world: &World, arguments: &[&str]) -> Result<std::process::Output> {
    let program = world.site.plenum.with_file_name("kubectl-plenum");
    let mut command = children::command(&program);
    command
        .arg("--kubeconfig")
        .arg(world.site.commands.kubeconfig())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = children::start(command);
    let child = child.with_context(|| format!("{} does not start", program.display()))?;
    Ok(child.wait_with_output().await?)
}

async fn until_found(world: &World, reason: &str) -> Result<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (well, doctor) = plugin(world, &["doctor"]).await?;
        let checks = doctor["checks"].as_array().cloned().unwrap_or_default();
        let mut findings = checks
            .iter()
            .flat_map(|check| check["findings"].as_array().into_iter().flatten());
        if let Some(found) = findings.find(|it| it["reason"] == reason) {
            ensure!(!well, "it finds {reason} and ends with 0");
            return Ok(found.clone());
        }
        ensure!(Instant::now() < deadline, "no {reason}: {doctor:#}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A node for routers that carries none.
async fn free_node(world: &World) -> Result<String> {
    let nodes: Api<Node> = Api::all(world.client.clone());
    let ours = ListParams::default().labels(labels::ROUTERS);
    let nodes = nodes.list(&ours).await?;
    let free = |node: &&Node| !node.labels().contains_key(labels::ACTIVE_POOL);
    let node = nodes.iter().find(free).context("every node has a router")?;
    Ok(node.name_any())
}

fn manifest(name: &str, label: &str, more: &str) -> String {
    format!(
        "apiVersion: plenum.dev/v1alpha1\nkind: MMRPool\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\nspec:\n  zone: {ZONE}\n  nodeSelector: {{{label}: \"true\"}}\n  drainDeadlineSeconds: 0{more}\n"
    )
}

async fn remove(world: &World, pool: &str) -> Result<()> {
    let delete = [
        "-n",
        NAMESPACE,
        "delete",
        "mmrpool",
        pool,
        "--wait",
        "--ignore-not-found",
    ];
    world.site.kubectl(delete).await.map(drop)
}
