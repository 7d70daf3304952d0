//! T1: the operator is killed after a write, before it hears that it was done, and starts anew.
//!
//! The first seeds kill it once, after each write of the story in turn; the others now and then.

use anyhow::Result;

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::proxy::{Asked, Fate};
use crate::faults::story::Teller;
use crate::faults::world::World;

/// One write in so many kills, where the seed is not that of one write.
const ONE_IN: u64 = 12;

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let once = (seed < reference.writes).then_some(seed + 1);
    world.proxy.play(Box::new(move |asked: &Asked| {
        let kills = match once {
            Some(write) => asked.write == write,
            None => asked.write > 0 && dice.below(ONE_IN) == 0,
        };
        if kills { Fate::DoneCrash } else { Fate::Pass }
    }));
    Teller::new(world, Some(&reference.ends)).all().await?;
    Ok(())
}
