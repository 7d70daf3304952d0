//! Routers whose nodes say at which address clients reach them. The nodes of this cluster have no
//! public one, so a person writes their internal ones on them: a router that is told no address
//! takes nobody, and so whoever joins came by what was written.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use plenum_crds::conditions::{PoolCondition, PoolReason};
use plenum_crds::{MMRPool, labels};
use serde_json::json;
use tokio::time::Instant;

use super::world::{World, node_of, unharmed};
use crate::site::NAMESPACE;

/// A rollout of one router with nobody on it, and what the kubelet takes to rewrite a file.
const WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

pub async fn people_join_by_the_address_that_is_written_on_the_node(world: &World) -> Result<()> {
    let nodes: Api<Node> = Api::all(world.client.clone());
    let ours = ListParams::default().labels(labels::ROUTERS);
    let nodes = nodes.list(&ours).await?.items;
    let story = story(world, &nodes).await;
    let put_back = put_back(world, &nodes).await;
    story.and(put_back)
}

async fn story(world: &World, nodes: &[Node]) -> Result<()> {
    let source = json!({ "publicAddress": { "source": "Annotation" } });
    world.change_pool(source).await?;
    let pool = until_nodes(world, PoolReason::AddressUnknown).await?;
    let first = nodes.iter().map(Node::name_any).min().unwrap_or_default();
    let typed = format!("kubectl annotate node {first} {}=", labels::PUBLIC_ADDRESS);
    let said = condition(&pool, PoolCondition::NodesAvailable).map(|it| &it.message);
    ensure!(said.is_some_and(|it| it.contains(&typed)), "{said:?}");
    ensure!(
        pool.status.is_some_and(|it| it.routers.accepting == 1),
        "the router that ran was taken away"
    );

    for node in nodes {
        annotate(world, node, Some(internal_address(node)?)).await?;
    }
    until_nodes(world, PoolReason::EnoughNodes).await?;
    until_rolled(world).await?;
    let load = world.load("addresses", 2, 1, 8)?;
    unharmed(&load.report().await?)?;

    let router = until_announced(world, nodes).await?;
    let removed = format!("{}-", labels::PUBLIC_ADDRESS);
    let name = router.name_any();
    let remove = ["-n", NAMESPACE, "annotate", "pod", &name, &removed];
    world.site.kubectl(remove).await?;
    until_announced(world, nodes).await.map(drop)
}

/// All of it, whatever has gone wrong before.
async fn put_back(world: &World, nodes: &[Node]) -> Result<()> {
    let mut done = world.change_pool(json!({ "publicAddress": null })).await;
    for node in nodes {
        done = done.and(annotate(world, node, None).await);
    }
    done.and(until_rolled(world).await)
}

async fn annotate(world: &World, node: &Node, address: Option<&str>) -> Result<()> {
    let key = labels::PUBLIC_ADDRESS;
    let change = address.map_or(format!("{key}-"), |address| format!("{key}={address}"));
    let annotate =
        ["annotate", "--overwrite", "node", &node.name_any(), &change].map(str::to_owned);
    world.site.kubectl(annotate).await.map(drop)
}

fn internal_address(node: &Node) -> Result<&str> {
    let status = node.status.iter();
    let mut addresses = status.flat_map(|status| status.addresses.iter().flatten());
    let internal = addresses.find(|address| address.type_ == "InternalIP");
    let internal = internal.context("a node without an internal address")?;
    Ok(&internal.address)
}

/// Waits until the router's pod says the address of its node.
async fn until_announced(world: &World, nodes: &[Node]) -> Result<Pod> {
    let deadline = Instant::now() + WITHIN;
    loop {
        let routers = world.pods(labels::COMPONENT_ROUTER).await?;
        let router = routers.first().context("no router runs")?;
        let on = node_of(router)?;
        let node = nodes.iter().find(|node| node.name_any() == on);
        let address = internal_address(node.context("it is on another node")?)?;
        let said = router.annotations().get(labels::PUBLIC_ADDRESS);
        if said.is_some_and(|said| said == address) {
            return Ok(router.clone());
        }
        ensure!(Instant::now() < deadline, "it says {said:?}, not {address}");
        tokio::time::sleep(POLL).await;
    }
}

async fn until_nodes(world: &World, reason: PoolReason) -> Result<MMRPool> {
    let says = |pool: &MMRPool| {
        let said = condition(pool, PoolCondition::NodesAvailable);
        said.is_some_and(|it| it.reason == reason.as_str())
    };
    world.until(reason.as_str(), WITHIN, says).await
}

/// Waits until every router is as the spec has it, and one takes people.
async fn until_rolled(world: &World) -> Result<()> {
    let rolled = |pool: &MMRPool| {
        let generation = pool.metadata.generation;
        let said = condition(pool, PoolCondition::RolloutComplete);
        let done =
            said.is_some_and(|it| it.status == "True" && it.observed_generation == generation);
        let status = pool.status.as_ref();
        done && status.is_some_and(|it| it.routers.accepting == 1 && it.routers.draining == 0)
    };
    let what = "the router is made anew";
    world.until(what, WITHIN, rolled).await.map(drop)
}

fn condition(pool: &MMRPool, type_: PoolCondition) -> Option<&Condition> {
    let mut conditions = pool.status.iter().flat_map(|status| &status.conditions);
    conditions.find(|condition| condition.type_ == type_.as_str())
}
