//! T9: where nothing changes nothing is written: after resyncs, after watches that began anew
//! with full lists, after heartbeats of nodes, and after restarts of the operator.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::mirror::Kind;
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, POOL, World, ZONE};

/// Resyncs of one schedule.
const ROUNDS: usize = 12;
/// With no request for so long an operator has come to rest.
const QUIET: Duration = Duration::from_millis(1_500);

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    world.operate(ALONE)?;
    story.made().await?;
    story.grown().await?;
    quiet(world).await;
    let (_, before) = world.proxy.counted();
    for round in 0..ROUNDS {
        poke(world, &mut dice, round).await?;
        quiet(world).await;
        let (_, after) = world.proxy.counted();
        ensure!(
            after == before,
            "{} writes in round {round}, where nothing changed",
            after - before
        );
        world.observer.check()?;
    }
    Ok(())
}

async fn poke(world: &World, dice: &mut Dice, round: usize) -> Result<()> {
    let note = json!({"metadata": {"annotations": {"example.com/round": round.to_string()}}});
    match dice.below(5) {
        0 => world.merge(Kind::Zone, ZONE, &note).await,
        1 => world.merge(Kind::Pool, POOL, &note).await,
        2 => world.set_node_ready(&world.node(1), true).await,
        3 => {
            world.proxy.be_blind();
            world.proxy.see(dice.chance(500));
            Ok(())
        }
        _ => world.operate(ALONE),
    }
}

/// Returns when the operator has asked nothing for a while, but for its Lease.
async fn quiet(world: &World) {
    let mut last = (world.proxy.asked(), Instant::now());
    while last.1.elapsed() < QUIET {
        sleep(Duration::from_millis(100)).await;
        let asked = world.proxy.asked();
        if asked != last.0 {
            last = (asked, Instant::now());
        }
    }
}
