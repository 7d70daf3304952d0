//! T11: one zone controller or both report nothing, some routers only, long-known words, or that
//! nobody is there. The pool holds its size, says so, and follows the load again afterwards.

use std::time::Duration;

use anyhow::Result;
use plenum_crds::conditions::PoolReason;
use plenum_crds::labels;

use super::Reference;
use crate::faults::mirror::{Kind, Mirror, annotation, label, reason};
use crate::faults::people::{Manner, People};
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, POOL, World};

/// Longer than reports stay fresh (3 s) and than the load must be lower (1 s).
const LASTS: Duration = Duration::from_secs(7);
/// The zone's controllers.
const CONTROLLERS: [&str; 2] = ["z-zc-0", "z-zc-1"];

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    const MANNERS: [Manner; 4] = [Manner::Silent, Manner::Partial, Manner::Deaf, Manner::Empty];
    let manner = MANNERS[usize::try_from(seed % 4)?];
    let both = (seed / 4) % 2 == 1 && manner != Manner::Empty;
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
    if manner == Manner::Empty {
        // The other says how it is: the careful word counts.
        world
            .observer
            .holds(LASTS, "one lies", holds_its_size)
            .await?;
    } else {
        // Until then what was last said is still fresh.
        world.observer.until("the pool says why", says_why).await?;
        // Everybody but a few goes home, as nobody can tell.
        world.people().target = 4;
        world
            .observer
            .holds(LASTS, "reports are missing", holds_its_size)
            .await?;
        if (seed / 8) % 2 == 1 {
            // One that starts anew in the middle knows even less.
            world.operate(ALONE)?;
            world
                .observer
                .holds(LASTS, "after a restart", holds_its_size)
                .await?;
        }
    }
    world.people().all_honest();
    story.shrunk().await?;
    story.deleted().await
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
