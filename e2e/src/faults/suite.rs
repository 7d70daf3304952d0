//! All schedules of all cases, so many at a time: one that waits long keeps no other from
//! beginning, whatever case it is of.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::Options;
use super::cases::{Case, Reference};
use super::normal;
use super::report::{Failure, Row};
use super::story::Teller;
use super::world::{Ground, World};

/// A guard against hanging: a schedule takes some 20 s, one on a machine that is busy far longer.
const SCHEDULE_WITHIN: Duration = Duration::from_mins(15);

/// What schedules are tried on.
pub struct Suite {
    ground: Ground,
    worlds: AtomicU16,
    reports: PathBuf,
}

/// What one schedule came to.
struct Tried {
    seed: u64,
    result: Result<()>,
    faults: u64,
    requests: u64,
    judged: u64,
    took: Duration,
}

impl Suite {
    /// What is found out about failures goes to `reports`.
    pub fn new(ground: Ground, reports: &Path) -> Self {
        Self {
            ground,
            worlds: AtomicU16::new(1),
            reports: reports.to_owned(),
        }
    }

    /// Tells the story without any fault.
    pub async fn reference(&self) -> Result<Reference> {
        let world = self.world(0).await?;
        let told = Teller::new(&world, None).all().await;
        if let Err(error) = &told {
            self.keep(&world, "reference", error);
        }
        let (_, writes) = world.proxy.counted();
        world.end().await;
        Ok(Reference {
            ends: told?,
            writes,
        })
    }

    /// A row for each case. Failures are printed as they come.
    pub async fn try_all(
        &self,
        cases: &[&Case],
        reference: &Reference,
        options: &Options,
    ) -> Vec<Row> {
        let planned = |case: &Case| seeds(case, reference.writes, options);
        let mut rows: Vec<Row> = cases.iter().map(|case| Row::of(case)).collect();
        let mut left: Vec<usize> = cases.iter().map(|case| planned(case).len()).collect();
        let all = cases.iter().enumerate().flat_map(|(place, case)| {
            let seeds = planned(case).into_iter();
            seeds.map(move |seed| (place, *case, seed))
        });
        let tries = all.map(async |(place, case, seed)| {
            let tried = self.schedule(case, reference, seed).await;
            (place, tried)
        });
        let mut tries = stream::iter(tries).buffer_unordered(options.parallel.max(1));
        while let Some((place, tried)) = tries.next().await {
            rows[place].add(tried);
            left[place] -= 1;
            if left[place] == 0 {
                println!("  {}", rows[place].in_short());
            }
        }
        rows
    }

    async fn world(&self, seed: u64) -> Result<World> {
        let number = self.worlds.fetch_add(1, Ordering::Relaxed);
        World::new(&self.ground, number, seed).await
    }

    async fn schedule(&self, case: &Case, reference: &Reference, seed: u64) -> Tried {
        let began = Instant::now();
        let mut tried = Tried {
            seed,
            result: Ok(()),
            faults: 0,
            requests: 0,
            judged: 0,
            took: Duration::ZERO,
        };
        let world = match self.world(seed).await {
            Ok(world) => world,
            Err(error) => {
                tried.result = Err(error.context("making a world"));
                return tried;
            }
        };
        let trial = timeout(SCHEDULE_WITHIN, (case.trial)(&world, reference, seed)).await;
        tried.result = trial
            .unwrap_or_else(|_| bail!("it did not end within {SCHEDULE_WITHIN:?}"))
            // A rule may have been broken in the last step.
            .and_then(|()| world.observer.check());
        if let Err(error) = &tried.result {
            self.keep(&world, &format!("{}-{seed}", case.name), error);
        }
        tried.faults = world.proxy.faults();
        (tried.requests, _) = world.proxy.counted();
        tried.judged = world.observer.judged();
        world.end().await;
        tried.took = began.elapsed();
        tried
    }

    /// What a person needs to find the cause.
    fn keep(&self, world: &World, name: &str, error: &anyhow::Error) {
        let directory = self.reports.join("failed/faults");
        let mut lines = [world.proxy.journal(), world.observer.journal()].concat();
        lines.sort_unstable();
        let mut text = format!("{error:#}\n\nrequests and changes of {}:\n", world.name);
        text += &lines.join("\n");
        text += "\n\nobjects:\n";
        let objects = normal::of(world);
        for (name, object) in objects {
            text.extend([name.as_str(), ": ", &object.to_string(), "\n"]);
        }
        if let Err(error) = write(&directory, name, &text) {
            eprintln!("  no file about {name}: {error}");
        }
    }
}

impl Row {
    fn of(case: &Case) -> Self {
        Self {
            case: case.name.to_owned(),
            what: case.what.to_owned(),
            ..Self::default()
        }
    }

    fn add(&mut self, tried: Tried) {
        self.schedules += 1;
        self.faults += tried.faults;
        self.requests += tried.requests;
        self.judged += tried.judged;
        self.seconds += tried.took.as_secs_f64();
        if let Err(error) = tried.result {
            let why = format!("{error:#}");
            let (case, seed) = (&self.case, tried.seed);
            println!("  {case} failed: {why}\n    again: plenum-e2e faults {case} --seed {seed}");
            self.failures.push(Failure { seed, why });
        }
    }

    fn in_short(&self) -> String {
        let Self {
            case, schedules, ..
        } = self;
        format!(
            "{case:<4} {schedules} schedules, {} failed",
            self.failures.len()
        )
    }
}

fn write(directory: &Path, name: &str, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join(format!("{name}.txt")), text)
}

/// Those of a shorter form are spread over those of the longest, so that all parts of the story
/// have some.
fn seeds(case: &Case, writes: u64, options: &Options) -> Vec<u64> {
    if let Some(seed) = options.seed {
        let times = options.schedules.unwrap_or(1);
        return (0..times).map(|_| seed).collect();
    }
    let (bounded, all) = (case.schedules)(writes);
    let wanted = if options.long { all } else { bounded };
    spread(options.schedules.unwrap_or(wanted), all)
}

pub(super) fn spread(wanted: u64, all: u64) -> Vec<u64> {
    if wanted >= all {
        return (0..wanted).collect();
    }
    (0..wanted).map(|index| index * all / wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_schedules_are_spread_over_all_and_more_go_on() {
        assert_eq!(spread(4, 100), [0, 25, 50, 75]);
        assert_eq!(spread(3, 3), [0, 1, 2]);
        assert_eq!(spread(5, 3), [0, 1, 2, 3, 4]);
    }
}
