//! T3: after a restart the operator's caches are filled with lists of long ago, and catch up some
//! time later. What is asked of the API server without a cache is answered as it is.

use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::api::ListParams;

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::mirror::Kind;
use crate::faults::proxy::{Asked, Fate, Verb};
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, World};

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    world.operate(ALONE)?;
    let mut versions = vec![version(world).await?];
    story.made().await?;
    versions.push(version(world).await?);
    story.grown().await?;
    versions.push(version(world).await?);
    if dice.chance(500) {
        story.shrunk().await?;
        restart_with(world, &mut dice, &versions).await?;
        story.rests("shrunk", 1, 4).await?;
    } else {
        restart_with(world, &mut dice, &versions).await?;
        story.rests("grown", 3, 24).await?;
        story.shrunk().await?;
    }
    restart_with(world, &mut dice, &versions).await?;
    story.rolled().await?;
    restart_with(world, &mut dice, &versions).await?;
    story.deleted().await
}

/// Kills the operator; the next sees some kinds, or all, as they were at one of the versions.
async fn restart_with(world: &World, dice: &mut Dice, versions: &[String]) -> Result<()> {
    let version = dice.one_of(versions).clone();
    let behind = Duration::from_millis(200 + dice.below(3_000));
    let every_kind = dice.chance(500);
    let mut chance = dice.clone();
    let began = std::time::Instant::now();
    world.proxy.play(Box::new(move |asked: &Asked| {
        let still = began.elapsed() < behind;
        if asked.fills_a_cache() && still && (every_kind || chance.chance(500)) {
            return Fate::Old(version.clone());
        }
        if asked.verb == Verb::Watch && still {
            return Fate::Late(behind.saturating_sub(began.elapsed()));
        }
        Fate::Pass
    }));
    world.operate(ALONE)?;
    // Whatever it would do by what it sees, it does meanwhile.
    let until = behind + Duration::from_secs(1);
    let nothing = |_: &_, _: &_| Ok(());
    world.observer.holds(until, "stale", nothing).await
}

/// The store's version now.
async fn version(world: &World) -> Result<String> {
    let one = ListParams::default().limit(1);
    let list = world.api(Kind::Node).list(&one).await?;
    list.metadata
        .resource_version
        .context("a list has a version")
}
