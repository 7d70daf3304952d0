//! T11: one zone controller or both report nothing, some routers only, long-known words, or that
//! nobody is there. The pool holds its size, says so, and follows the load again afterwards.
//!
//! One that says that nobody is there is outvoted by the other, without a word. Both are believed,
//! as there is no third who knows: then a router itself, told to stop, stays for those who are on it.

use std::time::Duration;

use anyhow::{Result, ensure};
use plenum_crds::conditions::PoolReason;
use plenum_crds::labels;

use super::Reference;
use crate::faults::mirror::{Kind, Mirror, annotation, is_going, is_router, label, reason};
use crate::faults::people::{Manner, People};
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, POOL, World};

/// Longer than reports stay fresh (3 s) and than the load must be lower (1 s).
const LASTS: Duration = Duration::from_secs(7);
/// The zone's controllers.
const CONTROLLERS: [&str; 2] = ["z-zc-0", "z-zc-1"];

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let (manner, both) = manner(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    world.operate(ALONE)?;
    story.made().await?;
    story.grown().await?;
    let liars = if both {
        &CONTROLLERS[..]
    } else {
        &CONTROLLERS[..1]
    };
    for name in liars {
        world.people().set_manner(name, manner);
    }
    match (manner, both) {
        (Manner::Empty, true) => nobody_is_cut_off(world, &mut story).await?,
        (Manner::Empty, false) => {
            // The other says how it is: the careful word counts.
            let observer = &world.observer;
            observer.holds(LASTS, "one lies", holds_its_size).await?;
        }
        _ => says_so_and_holds(world, (seed / 8) % 2 == 1).await?,
    }
    world.people().all_honest();
    story.shrunk().await?;
    story.deleted().await
}

/// How controllers speak, and whether both do.
fn manner(seed: u64) -> (Manner, bool) {
    const MANNERS: [Manner; 4] = [Manner::Silent, Manner::Partial, Manner::Deaf, Manner::Empty];
    let manner = usize::try_from(seed % 4).unwrap_or_default();
    (MANNERS[manner], (seed / 4) % 2 == 1)
}

async fn says_so_and_holds(world: &World, restarts: bool) -> Result<()> {
    // Until then what was last said is still fresh.
    world.observer.until("the pool says why", says_why).await?;
    // Everybody but a few goes home, as nobody can tell.
    world.people().target = 4;
    world
        .observer
        .holds(LASTS, "reports are missing", holds_its_size)
        .await?;
    if restarts {
        // One that starts anew in the middle knows even less.
        world.operate(ALONE)?;
        world
            .observer
            .holds(LASTS, "after a restart", holds_its_size)
            .await?;
    }
    Ok(())
}

/// The pool shrinks to its minimum, one router after another; whoever is on a router that was told
/// to stop is there when the truth is told, and moves.
async fn nobody_is_cut_off(world: &World, story: &mut Teller<'_>) -> Result<()> {
    world
        .observer
        .until("the lie is believed", one_router_is_left)
        .await?;
    world.people().all_honest();
    story.rests("grown", 3, 24).await?;
    let cut_off = world.people().cut_off();
    ensure!(cut_off == 0, "{cut_off} were on routers that ended");
    Ok(())
}

fn one_router_is_left(mirror: &Mirror, people: &People) -> Result<(), String> {
    let nodes = mirror.all(Kind::Node);
    let active = nodes.filter(|(_, node)| label(node, labels::ACTIVE_POOL).is_some());
    let pods = mirror.all(Kind::Pod);
    let stay = pods.filter(|(_, pod)| is_router(pod) && !is_going(pod));
    let counts = [active.count(), stay.count()];
    if counts == [1, 1] {
        Ok(())
    } else {
        let seated = people.seated();
        Err(format!(
            "{counts:?} nodes and routers stay, with {seated} people"
        ))
    }
}

/// Three routers, and none is to go.
fn holds_its_size(mirror: &Mirror, _people: &People) -> Result<(), String> {
    let active = mirror
        .all(Kind::Node)
        .filter(|(_, node)| label(node, labels::ACTIVE_POOL).is_some());
    let (mut count, mut drains) = (0, Vec::new());
    for (name, node) in active {
        count += 1;
        drains.extend(annotation(node, labels::DRAINING_REASON).map(|why| format!("{name} {why}")));
    }
    if count == 3 && drains.is_empty() {
        Ok(())
    } else {
        Err(format!("{count} routers are active, {drains:?} drain"))
    }
}

fn says_why(mirror: &Mirror, _people: &People) -> Result<(), String> {
    let pool = mirror.get(Kind::Pool, POOL).ok_or("no pool")?;
    let said = reason(pool, "ScalingActive").unwrap_or_default();
    let missing = [
        PoolReason::ReportsMissing,
        PoolReason::ReportsStale,
        PoolReason::ReportsPartial,
    ];
    if missing.iter().any(|it| it.as_str() == said) {
        Ok(())
    } else {
        Err(format!("ScalingActive says {said}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::cases::ALL;
    use crate::faults::suite::spread;

    #[test]
    fn the_bounded_form_tries_each_manner_of_one_and_of_both() {
        let case = ALL.iter().find(|case| case.name == "T11").unwrap();
        let (bounded, all) = (case.schedules)(0);
        let mut tried = Vec::new();
        for (manner, both) in spread(bounded, all).into_iter().map(manner) {
            let name = format!("{manner:?} {both}");
            if !tried.contains(&name) {
                tried.push(name);
            }
        }
        assert_eq!(tried.len(), 8, "{tried:?}");
    }
}
