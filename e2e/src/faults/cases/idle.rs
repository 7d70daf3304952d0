//! T9: where nothing changes nothing is written: after resyncs, after watches that began anew
//! with full lists, after heartbeats of nodes, and after restarts of the operator.

use std::time::Duration;

use anyhow::{Result, ensure};
use plenum_operator::pool::turns::OF_ONE;
use serde_json::json;
use tokio::time::Instant;

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::even::Pace;
use crate::faults::mirror::Kind;
use crate::faults::settled::{Rest, at_rest};
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, POOL, World, ZONE};

/// How it is all the while.
const REST: Rest = Rest {
    pool: POOL,
    routers: 3,
    people: 24,
};
/// Resyncs of one schedule.
const ROUNDS: usize = 8;
/// With no request for so long an operator has come to rest: the last that it may owe is the load.
const QUIET: Duration = OF_ONE.saturating_add(Duration::from_millis(500));

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    world.operate(ALONE)?;
    story.made().await?;
    story.grown().await?;
    // Events follow what they are about.
    quiet(world).await;
    for round in 0..ROUNDS {
        let (_, before) = world.proxy.counted();
        poke(world, &mut dice, round).await?;
        let evenly = quiet(world).await;
        let (_, after) = world.proxy.counted();
        ensure!(
            after == before || !evenly,
            "{} writes in round {round}, where nothing changed",
            after - before
        );
        at_rest(world, "nothing has changed", &[REST]).await?;
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

/// Returns when the operator has asked nothing for a while, but for its Lease; whether time passed
/// evenly until then.
async fn quiet(world: &World) -> bool {
    let mut pace = Pace::default();
    let mut last = (world.proxy.asked(), Instant::now());
    while last.1.elapsed() < QUIET {
        pace.step().await;
        let asked = world.proxy.asked();
        if asked != last.0 {
            last = (asked, Instant::now());
        }
    }
    !pace.stopped()
}
