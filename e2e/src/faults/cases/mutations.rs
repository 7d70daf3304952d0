//! T7: each field of zone and pool gets other values, derived from its schema, and its own again.
//! What is refused is refused with a sentence and changes nothing; what is taken is answered in
//! the status; with the old value the world is as it was.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kube::api::PostParams;
use plenum_crds::yaml::definitions;
use serde_json::Value;
use tokio::time::sleep;

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::mirror::{Kind, Mirror};
use crate::faults::people::People;
use crate::faults::schema::{Mutation, mutations};
use crate::faults::settled::zone_rests;
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, POOL, World, ZONE};

/// Mutations of one schedule.
const ROUNDS: usize = 8;

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    world.operate(ALONE)?;
    story.made().await?;
    world.people().target = 4;
    story.rests("shrunk", 1, 4).await?;
    let of = |kind, definition: &Value| {
        let all = mutations(definition);
        all.into_iter()
            .map(move |it| (kind, it))
            .collect::<Vec<_>>()
    };
    let definitions = definitions();
    let all = [
        of(Kind::Zone, &definitions[0]),
        of(Kind::Pool, &definitions[1]),
    ]
    .concat();
    for _ in 0..ROUNDS {
        let (kind, mutation) = dice.one_of(&all);
        mutate(world, &mut story, *kind, mutation, &mut dice)
            .await
            .with_context(|| shown(*kind, mutation))?;
    }
    story.deleted().await
}

fn shown(kind: Kind, mutation: &Mutation) -> String {
    let mut value = mutation.value.to_string();
    value.truncate(
        value
            .char_indices()
            .nth(60)
            .map_or(value.len(), |(end, _)| end),
    );
    format!("{kind:?} {}: {value}", mutation.path.join("."))
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
                says.contains(' ') && says.len() > 20,
                "refused with {says:?} alone"
            );
        }
        Err(error) => return Err(error.into()),
        Ok(()) => {
            answered(world, kind, name).await?;
            sleep(Duration::from_millis(dice.below(2_500))).await;
            revert(world, kind, name, spec).await?;
        }
    }
    story.rests("shrunk", 1, 4).await?;
    world
        .observer
        .until("the zone is ready", |mirror, _| zone_rests(mirror))
        .await
}

/// The status speaks of the spec as it is now, and has a sentence for each condition.
async fn answered(world: &World, kind: Kind, name: &str) -> Result<()> {
    let speaks = |mirror: &Mirror, _: &People| {
        let object = mirror.get(kind, name).ok_or("it is gone")?;
        if object["status"]["observedGeneration"] != object["metadata"]["generation"] {
            return Err("its status does not speak of it".to_owned());
        }
        let conditions = object["status"]["conditions"].as_array();
        let mute = |it: &&Value| it["message"].as_str().is_none_or(str::is_empty);
        match conditions.into_iter().flatten().find(mute) {
            Some(mute) => Err(format!("{} says nothing", mute["type"])),
            None => Ok(()),
        }
    };
    world.observer.until("the status answers", speaks).await
}

/// Exactly the old spec.
async fn revert(world: &World, kind: Kind, name: &str, spec: Value) -> Result<()> {
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
