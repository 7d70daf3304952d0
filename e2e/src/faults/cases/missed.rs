//! T4: watches are cut, things happen, and the operator sees only how they ended: 3, 5 and 3
//! again; objects that came back under their names with other UIDs.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::sleep;

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::mirror::{Kind, label};
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, POOL, World, ZONE};

/// How long the operator is blind at most, beside what happens meanwhile, in milliseconds.
const BLIND_MS: u64 = 3_000;

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    world.operate(ALONE)?;
    story.made().await?;
    story.grown().await?;
    for _ in 0..3 {
        let expired = dice.chance(700);
        world.proxy.be_blind();
        happens(world, &mut dice).await?;
        sleep(Duration::from_millis(dice.below(BLIND_MS))).await;
        world.proxy.see(expired);
        story.recovered().await?;
    }
    story.shrunk().await?;
    story.rolled().await?;
    story.deleted().await
}

async fn happens(world: &World, dice: &mut Dice) -> Result<()> {
    match dice.below(5) {
        0 => up_and_down(world).await,
        1 => a_node_comes_back(world).await,
        2 => a_pod_comes_back(world, dice).await,
        3 => a_child_comes_back(world, dice).await,
        _ => the_zone_comes_back(world).await,
    }
}

/// 3, 5, and 3 again.
async fn up_and_down(world: &World) -> Result<()> {
    for replicas in [json!(3), json!(5), json!(3), json!(null)] {
        let change = json!({"spec": {"replicas": replicas}});
        world.merge(Kind::Pool, POOL, &change).await?;
        sleep(Duration::from_millis(150)).await;
    }
    Ok(())
}

/// An active node is replaced by a new machine of its name.
async fn a_node_comes_back(world: &World) -> Result<()> {
    let Some(node) = world.observer.look(|mirror| {
        let active =
            |(_, node): &(&str, &_)| label(node, plenum_crds::labels::ACTIVE_POOL).is_some();
        let found = mirror.all(Kind::Node).find(active);
        found.map(|(name, _)| name.to_owned())
    }) else {
        return Ok(());
    };
    world.excuse_routers();
    world.observer.excuse(|rules| rules.excuse(&node));
    world.delete(Kind::Node, &node).await?;
    world.is_gone(Kind::Node, &node).await?;
    world.make_node(&node, true).await
}

/// A router's pod is deleted, and the `DaemonSet` makes another.
async fn a_pod_comes_back(world: &World, dice: &mut Dice) -> Result<()> {
    let routers = world.excuse_routers();
    if routers.is_empty() {
        return Ok(());
    }
    let router = dice.one_of(&routers);
    world.delete(Kind::Pod, router).await
}

/// Somebody deletes a child and makes one of its name by hand, with nothing of ours in it.
async fn a_child_comes_back(world: &World, dice: &mut Dice) -> Result<()> {
    let name = format!("{ZONE}-zc-link");
    world.delete(Kind::Service, &name).await?;
    if dice.chance(500) {
        // Gone is gone: the operator has to make it.
        return Ok(());
    }
    let port = json!([{"name": "link", "port": 9443, "protocol": "TCP"}]);
    let other = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {
            "plenum.dev/zone": ZONE, "app.kubernetes.io/managed-by": "plenum-operator",
        }},
        "spec": {"clusterIP": "None", "ipFamilyPolicy": "SingleStack", "ports": port}});
    world.create(Kind::Service, &other).await
}

/// The zone is torn out, its finalizer with it, and one of its name is made at once.
async fn the_zone_comes_back(world: &World) -> Result<()> {
    world.observer.excuse(|rules| rules.excuse_everything(true));
    let free = json!({"metadata": {"finalizers": null}});
    world.delete(Kind::Zone, ZONE).await?;
    // The operator, which hears nothing, may have taken it off already.
    let _ = world.try_merge(Kind::Zone, ZONE, &free).await;
    world.is_gone(Kind::Zone, ZONE).await?;
    world.make_zone().await
}
