//! T6: two operators. The Lease is stolen from the one that leads, it sleeps for longer than its
//! term, or what it wrote arrives long after another took over.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::even::Pace;
use crate::faults::operator::LEASE;
use crate::faults::proxy::{Asked, Fate, Verb, calm};
use crate::faults::story::Teller;
use crate::faults::world::World;

const BOTH: [&str; 2] = ["operator-a", "operator-b"];
/// Longer than a Lease lasts.
const SLEEP: Duration = Duration::from_secs(16);
/// With two who fight, something would be written meanwhile.
const PEACE: Duration = Duration::from_secs(4);
/// How often that is looked for on a machine that stands still again and again.
const LOOKS: usize = 10;

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    for identity in BOTH {
        world.operate(identity)?;
    }
    story.made().await?;
    disturb(world, &mut dice, seed).await?;
    story.grown().await?;
    disturb(world, &mut dice, seed + 1).await?;
    story.shrunk().await?;
    world.proxy.play(calm());
    peace(world).await?;
    story.rolled().await?;
    story.deleted().await
}

/// Begins a disturbance, which goes on while the story does.
async fn disturb(world: &World, dice: &mut Dice, which: u64) -> Result<()> {
    let Some(leader) = leader(world).await? else {
        return Ok(());
    };
    match which % 4 {
        0 => steal(world, &leader).await,
        1 => {
            sleeps(world, &leader);
            Ok(())
        }
        2 => {
            ghosts(world, &leader, dice);
            Ok(())
        }
        _ => {
            // Both start anew at once, and which comes first is chance.
            for identity in BOTH {
                world.operate(identity)?;
            }
            Ok(())
        }
    }
}

fn leases(world: &World) -> Api<Lease> {
    Api::namespaced(world.client.clone(), &world.name)
}

async fn leader(world: &World) -> Result<Option<String>> {
    let lease = leases(world).get_opt(LEASE).await?;
    let holder = lease.and_then(|it| it.spec?.holder_identity);
    Ok(holder.filter(|it| !it.is_empty()))
}

/// Somebody writes the other's name into the Lease.
async fn steal(world: &World, leader: &str) -> Result<()> {
    let other = if leader == BOTH[0] { BOTH[1] } else { BOTH[0] };
    let patch = Patch::Merge(json!({"spec": {"holderIdentity": other}}));
    leases(world)
        .patch(LEASE, &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

/// Nothing of the leader's gets through for a while, and all of it after that.
fn sleeps(world: &World, leader: &str) {
    let sleeper = world.run_of(leader);
    let began = std::time::Instant::now();
    world.proxy.play(Box::new(move |asked: &Asked| {
        let sleeps = Some(asked.operator) == sleeper && asked.verb != Verb::Watch;
        match SLEEP.checked_sub(began.elapsed()) {
            Some(rest) if sleeps => Fate::Late(rest),
            _ => Fate::Pass,
        }
    }));
}

/// The leader loses its connection with each write, and they arrive when another leads.
fn ghosts(world: &World, leader: &str, dice: &mut Dice) {
    let ghost = world.run_of(leader);
    let late = Duration::from_millis(500 + dice.below(SLEEP.as_secs() * 1_000));
    let began = std::time::Instant::now();
    world.proxy.play(Box::new(move |asked: &Asked| {
        let haunts = Some(asked.operator) == ghost && asked.verb == Verb::Write;
        if haunts && began.elapsed() < SLEEP {
            Fate::Ghost(late)
        } else {
            Fate::Pass
        }
    }));
}

async fn peace(world: &World) -> Result<()> {
    // What was under way arrives.
    sleep(SLEEP).await;
    for _ in 0..LOOKS {
        let mut pace = Pace::default();
        let ((_, before), began) = (world.proxy.counted(), Instant::now());
        while began.elapsed() < PEACE {
            pace.step().await;
        }
        let (_, after) = world.proxy.counted();
        if after == before {
            return world.observer.check();
        }
        let writes = after - before;
        ensure!(pace.stopped(), "{writes} writes in a world at rest");
    }
    bail!("the machine stood still {LOOKS} times within {PEACE:?}")
}
