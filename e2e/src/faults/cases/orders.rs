//! T8: operator, zone, pools and nodes come in every order. What is missing is said, and when all
//! are there the world is as if they had come in any other.

use std::time::Duration;

use anyhow::Result;
use plenum_crds::conditions::PoolReason;
use plenum_crds::labels;
use serde_json::json;
use tokio::time::sleep;

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::mirror::{Kind, Mirror, reason};
use crate::faults::people::People;
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, NODES, POOL, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Operator,
    Zone,
    Pool,
    Nodes,
}

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut parts = [Part::Operator, Part::Zone, Part::Pool, Part::Nodes];
    dice.shuffle(&mut parts);
    label_nodes(world, false).await?;
    let mut there = Vec::new();
    for part in parts {
        make(world, part).await?;
        there.push(part);
        // Now and then all come as one manifest would bring them.
        if dice.chance(600) {
            world
                .observer
                .until("what is missing is said", says_what(&there))
                .await?;
        } else {
            sleep(Duration::from_millis(dice.below(300))).await;
        }
    }
    let mut story = Teller::new(world, Some(&reference.ends));
    story.rests("made", 1, 0).await?;
    if dice.chance(500) {
        rival(world).await?;
    }
    story.grown().await?;
    story.deleted().await
}

async fn make(world: &World, part: Part) -> Result<()> {
    match part {
        Part::Operator => world.operate(ALONE),
        Part::Zone => world.make_zone().await,
        Part::Pool => world.make_pool(POOL).await,
        Part::Nodes => label_nodes(world, true).await,
    }
}

async fn label_nodes(world: &World, yes: bool) -> Result<()> {
    let value = yes.then_some(&world.name);
    for index in 1..=NODES {
        let change = json!({"metadata": {"labels": {labels::ROUTERS: value}}});
        world.merge(Kind::Node, &world.node(index), &change).await?;
    }
    Ok(())
}

/// What the pool should say for want of.
fn says_what(there: &[Part]) -> impl Fn(&Mirror, &People) -> Result<(), String> + use<> {
    let has = |part| there.contains(&part);
    let speaks = has(Part::Operator) && has(Part::Pool);
    let zone = (speaks && !has(Part::Zone)).then_some(PoolReason::ZoneNotFound);
    let nodes = (speaks && !has(Part::Nodes)).then_some(PoolReason::NoMatchingNodes);
    move |mirror, _| {
        let wanted = [("ZoneFound", zone), ("NodesAvailable", nodes)];
        for (type_, wanted) in wanted {
            let Some(wanted) = wanted else { continue };
            let pool = mirror.get(Kind::Pool, POOL).ok_or("no pool")?;
            let said = reason(pool, type_).unwrap_or_default();
            if said != wanted.as_str() {
                return Err(format!("{type_} says {said:?} and should say {wanted}"));
            }
        }
        Ok(())
    }
}

/// A younger pool that selects the same nodes says so, gets none of them, and goes.
async fn rival(world: &World) -> Result<()> {
    // Ages are told apart by the second.
    sleep(Duration::from_millis(1_100)).await;
    world.make_pool("q").await?;
    let shared = |mirror: &Mirror, _: &People| {
        let said = mirror
            .get(Kind::Pool, "q")
            .and_then(|pool| reason(pool, "NodesAvailable"));
        if said == Some(PoolReason::NodesShared.as_str()) {
            Ok(())
        } else {
            Err(format!("it says {said:?}"))
        }
    };
    world
        .observer
        .until("the younger pool says that it shares", shared)
        .await?;
    world.delete(Kind::Pool, "q").await?;
    world.is_gone(Kind::Pool, "q").await?;
    world.is_gone(Kind::DaemonSet, "q-mmr").await
}
