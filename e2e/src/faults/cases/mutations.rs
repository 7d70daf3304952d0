//! T7: each field of zone and pool gets other values, derived from its schema, and its own again.
//! What is refused is refused with a sentence that names the field, and changes nothing; what is
//! taken comes to rest, and the status says so of the spec as it is then; with the old value the
//! world is as it was.
//!
//! The seeds share the mutations out: at length each is tried once.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kube::api::PostParams;
use plenum_crds::yaml::definitions;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::mirror::{Kind, Mirror};
use crate::faults::observer::PATIENCE;
use crate::faults::people::People;
use crate::faults::schema::{Mutation, mutations};
use crate::faults::settled::zone_rests;
use crate::faults::story::{Teller, still};
use crate::faults::world::{ALONE, POOL, World, ZONE};

/// Mutations of one schedule, at most.
const ROUNDS: usize = 8;

/// How many schedules try each mutation once.
pub fn schedules() -> u64 {
    all().len().div_ceil(ROUNDS) as u64
}

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    world.operate(ALONE)?;
    story.made().await?;
    world.people().target = 4;
    story.rests("shrunk", 1, 4).await?;
    for (kind, mutation) in of_seed(all(), seed) {
        mutate(world, &mut story, kind, &mutation, &mut dice)
            .await
            .with_context(|| shown(kind, &mutation))?;
    }
    story.deleted().await
}

/// Of zone and pool.
fn all() -> Vec<(Kind, Mutation)> {
    let kinds = [Kind::Zone, Kind::Pool].into_iter();
    let of = |(kind, definition): (Kind, Value)| {
        let all = mutations(&definition).into_iter();
        all.map(move |mutation| (kind, mutation))
    };
    kinds.zip(definitions()).flat_map(of).collect()
}

/// Those of one schedule lie far apart, so that a few schedules try many fields.
fn of_seed<T>(all: Vec<T>, seed: u64) -> impl Iterator<Item = T> {
    let schedules = all.len().div_ceil(ROUNDS).max(1);
    let first = usize::try_from(seed % schedules as u64).unwrap_or_default();
    all.into_iter().skip(first).step_by(schedules)
}

fn shown(kind: Kind, mutation: &Mutation) -> String {
    let change: String = mutation.change.to_string().chars().take(90).collect();
    format!("{kind:?} {}: {change}", mutation.path)
}

async fn mutate(
    world: &World,
    story: &mut Teller<'_>,
    kind: Kind,
    mutation: &Mutation,
    dice: &mut Dice,
) -> Result<()> {
    let name = if kind == Kind::Zone { ZONE } else { POOL };
    let spec = world.api(kind).get(name).await?.data["spec"].clone();
    match world.try_merge(kind, name, &mutation.patch()).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 422) => {
            let says = status.message.as_str();
            ensure!(
                is_sentence(says) && mutation.names().any(|name| says.contains(name)),
                "refused with {says:?} alone"
            );
        }
        Err(error) => return Err(error.into()),
        Ok(()) => {
            converges(world, kind, name).await?;
            revert(world, kind, name, &spec).await?;
            if dice.chance(300) {
                // Again, and back in the middle of what follows from it.
                story.rests("shrunk", 1, 4).await?;
                world.merge(kind, name, &mutation.patch()).await?;
                sleep(Duration::from_millis(dice.below(2_500))).await;
                revert(world, kind, name, &spec).await?;
            }
        }
    }
    story.rests("shrunk", 1, 4).await?;
    world
        .observer
        .until("the zone is ready", |mirror, _| zone_rests(mirror))
        .await
}

/// The world comes to rest, with a status that speaks of the spec as it is now.
async fn converges(world: &World, kind: Kind, name: &str) -> Result<()> {
    answered(world, kind, name).await?;
    timeout(PATIENCE, still(world))
        .await
        .context("it does not come to rest with it")?;
    answered(world, kind, name).await
}

/// The status speaks of the spec as it is now, and has a sentence for each condition.
async fn answered(world: &World, kind: Kind, name: &str) -> Result<()> {
    let speaks = |mirror: &Mirror, _: &People| {
        let object = mirror.get(kind, name).ok_or("it is gone")?;
        if object["status"]["observedGeneration"] != object["metadata"]["generation"] {
            return Err("its status does not speak of it".to_owned());
        }
        let conditions = object["status"]["conditions"].as_array();
        let says = |it: &Value| it["message"].as_str().unwrap_or_default().to_owned();
        let mute = |it: &&Value| !is_sentence(&says(it));
        match conditions.into_iter().flatten().find(mute) {
            Some(mute) => Err(format!("{} says {:?}", mute["type"], says(mute))),
            None => Ok(()),
        }
    };
    world.observer.until("the status answers", speaks).await
}

/// Some words for people, and none that were printed for a programmer.
fn is_sentence(text: &str) -> bool {
    let printed = ["Some(", "Ok(", "Err(", "Error {"];
    text.split_whitespace().count() >= 3 && !printed.iter().any(|word| text.contains(word))
}

/// Exactly the old spec.
async fn revert(world: &World, kind: Kind, name: &str, spec: &Value) -> Result<()> {
    let api = world.api(kind);
    loop {
        let mut object = api.get(name).await?;
        object.data["spec"] = spec.clone();
        match api.replace(name, &PostParams::default(), &object).await {
            // The operator writes its status all the while.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            other => {
                other.context("giving the old spec back")?;
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedules_try_each_mutation_once() {
        let mut tried: Vec<usize> = Vec::new();
        let all: Vec<usize> = (0..all().len()).collect();
        for seed in 0..schedules() {
            let of_this: Vec<usize> = of_seed(all.clone(), seed).collect();
            assert!(!of_this.is_empty() && of_this.len() <= ROUNDS);
            tried.extend(of_this);
        }
        tried.sort_unstable();
        assert_eq!(tried, all);
    }

    #[test]
    fn a_sentence_has_words_and_is_not_printed_from_the_program() {
        assert!(is_sentence("the zone z is there"));
        assert!(!is_sentence("") && !is_sentence("Invalid value"));
        assert!(!is_sentence("the pool has Some(3) routers"));
    }
}
