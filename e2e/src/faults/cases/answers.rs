//! T2: a request is refused, is done without an answer in time, or its answer is lost.
//!
//! The first seeds do one of these to one write of the story in turn; the others do anything to
//! any request, reads, watches and the Lease included.

use std::time::Duration;

use anyhow::Result;

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::proxy::{Asked, Fate, Script, Verb};
use crate::faults::story::Teller;
use crate::faults::world::World;

/// What may be done to a write.
const TO_WRITES: [Fate; 5] = [
    Fate::Refuse(409),
    Fate::Refuse(429),
    Fate::Refuse(500),
    Fate::DoneHang,
    Fate::DoneLost,
];

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let kinds = TO_WRITES.len() as u64;
    let script = if seed < kinds * reference.writes {
        one_write(seed / kinds + 1, usize::try_from(seed % kinds)?)
    } else {
        now_and_then(seed)
    };
    world.proxy.play(script);
    Teller::new(world, Some(&reference.ends)).all().await?;
    Ok(())
}

fn one_write(write: u64, fate: usize) -> Script {
    Box::new(move |asked: &Asked| {
        if asked.write == write {
            TO_WRITES[fate].clone()
        } else {
            Fate::Pass
        }
    })
}

fn now_and_then(seed: u64) -> Script {
    let mut dice = Dice::new(seed);
    // One request in 20, or in 60.
    let often = *dice.one_of(&[50, 17]);
    Box::new(move |asked: &Asked| {
        if !dice.chance(often) {
            return Fate::Pass;
        }
        let refusals = [429, 500, 503, 504].map(Fate::Refuse);
        let late = Fate::Late(Duration::from_millis(dice.below(800)));
        let any = match asked.verb {
            Verb::Write => [TO_WRITES.as_slice(), &[Fate::Hang, Fate::Lost, late]].concat(),
            // One that hangs ends after 10 s or 30 s, which would be all that a story does.
            Verb::Get | Verb::List => [refusals.as_slice(), &[Fate::Lost, late]].concat(),
            Verb::Watch => [refusals.as_slice(), &[Fate::Refuse(410), Fate::Lost]].concat(),
        };
        dice.one_of(&any).clone()
    })
}
