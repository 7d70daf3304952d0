//! The story that is told again and again: a zone and a pool are made, grow, shrink, change their
//! image, and are deleted. After each part the world must be as it was without any fault.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::mirror::Kind;
use super::normal::{self, Normal, difference};
use super::settled::{Rest, at_rest, nothing_is_left};
use super::world::{ALONE, POOL, World, ZONE};

/// What the world came to after each part, by name.
pub type Ends = Vec<(&'static str, Normal)>;

/// For so long nothing must change before it counts as the end of a part.
const STILL: Duration = Duration::from_secs(2);

/// A telling of it.
pub struct Teller<'a> {
    /// Where.
    pub world: &'a World,
    /// How it came out without faults; `None`: this is that telling.
    pub wanted: Option<&'a Ends>,
    /// How it came out here.
    pub ends: Ends,
}

impl<'a> Teller<'a> {
    /// Nothing is told yet.
    pub fn new(world: &'a World, wanted: Option<&'a Ends>) -> Self {
        Self {
            world,
            wanted,
            ends: Ends::new(),
        }
    }

    /// All of it, with an operator that starts at the beginning.
    pub async fn all(mut self) -> Result<Ends> {
        self.world.operate(ALONE)?;
        self.made().await?;
        self.grown().await?;
        self.shrunk().await?;
        self.rolled().await?;
        self.deleted().await?;
        Ok(self.ends)
    }

    /// A zone and a pool are made.
    pub async fn made(&mut self) -> Result<()> {
        self.world.make_zone().await?;
        self.world.make_pool(POOL).await?;
        self.rests("made", 1, 0).await
    }

    /// People come.
    pub async fn grown(&mut self) -> Result<()> {
        self.world.people().target = 24;
        self.rests("grown", 3, 24).await
    }

    /// Whatever was done to it is mended while all stay; from now on nothing is excused any more.
    pub async fn recovered(&mut self) -> Result<()> {
        self.rests("grown", 3, 24).await?;
        let observer = &self.world.observer;
        observer.excuse(|rules| rules.excuse_everything(false));
        Ok(())
    }

    /// Most of them go.
    pub async fn shrunk(&mut self) -> Result<()> {
        self.world.people().target = 4;
        self.rests("shrunk", 1, 4).await
    }

    /// The routers get another image.
    pub async fn rolled(&mut self) -> Result<()> {
        let image = json!({"spec": {"image": "plenum:2"}});
        self.world.merge(Kind::Pool, POOL, &image).await?;
        self.rests("rolled", 1, 4).await
    }

    /// Everybody goes, and all is deleted.
    pub async fn deleted(&mut self) -> Result<()> {
        self.world.people().target = 0;
        self.world.delete(Kind::Zone, ZONE).await?;
        self.world.delete(Kind::Pool, POOL).await?;
        let observer = &self.world.observer;
        observer.until("all is deleted", nothing_is_left).await?;
        self.ends("deleted").await
    }

    /// The pool is at rest with so many routers and people, and all is as it should be.
    pub async fn rests(&mut self, part: &'static str, routers: usize, people: u32) -> Result<()> {
        let pool = POOL;
        let rest = Rest {
            pool,
            routers,
            people,
        };
        at_rest(self.world, part, &[rest]).await?;
        self.ends(part).await
    }

    async fn ends(&mut self, part: &'static str) -> Result<()> {
        let end = match self.wanted {
            None => still(self.world).await,
            Some(wanted) => {
                let wanted = wanted.iter().find(|(name, _)| *name == part);
                if let Some((_, wanted)) = wanted {
                    becomes(self.world, part, wanted).await?;
                }
                normal::of(self.world)
            }
        };
        self.ends.push((part, end));
        Ok(())
    }
}

/// Waits until the world is as it was without faults.
pub async fn becomes(world: &World, part: &str, wanted: &Normal) -> Result<()> {
    let what = format!("it is as without faults, `{part}`");
    let as_wanted = |mirror: &_, _: &_| match difference(wanted, &normal::from(mirror, &world.name))
    {
        None => Ok(()),
        Some(difference) => Err(difference),
    };
    world.observer.until(&what, as_wanted).await
}

/// The world once nothing has changed in it for a while.
pub async fn still(world: &World) -> Normal {
    loop {
        let before = normal::of(world);
        tokio::time::sleep(STILL).await;
        if normal::of(world) == before {
            return before;
        }
    }
}
