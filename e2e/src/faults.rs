//! The fault suite: the operator on a real API server through a proxy of ours, which loses,
//! refuses and delays what passes, while people come and go on routers that are played.
//!
//! | file | idea |
//! |---|---|
//! | `story` | what happens in each case: the first to read |
//! | `cases` | T1 to T11, what is done to the story |
//! | `rules` | T10: what must hold after every step, pure |
//! | `observer`, `mirror` | watches of the API server that feed the rules |
//! | `normal`, `settled`, `state` | what a world came to, when it rests, which state it is in; pure |
//! | `proxy` | counts, delays, refuses and drops requests by a script |
//! | `operator` | one run of the operator, to be killed at any step |
//! | `people`, `dice` | who is on which router, pure; a schedule's chance |
//! | `kubelets`, `controllers` | players of nodes, pods and zone controllers |
//! | `schema` | mutations of a resource from its schema, pure |
//! | `world` | all of it together: a small cluster in a slice of the API server |
//! | `report` | the table, and `faults.json` |
//!
//! Guarantees: a schedule is given by its case and seed; nothing is left behind. What a seed does
//! not decide is which of two processes is faster, so that a failure may need more than one try.
//!
//! It knows nothing of containers and media.

mod cases;
mod controllers;
mod dice;
mod kubelets;
mod mirror;
mod normal;
mod observer;
mod operator;
mod people;
mod proxy;
mod report;
mod rules;
mod schema;
mod settled;
mod state;
mod story;
mod world;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::{Api, Client};
use plenum_crds::yaml::definitions;
use tokio::time::timeout;

use crate::cluster::bare::Bare;
use cases::{Case, Reference};
use report::{Failure, Row};
use story::Teller;
use world::{Ground, World};

/// A guard against hanging: a schedule takes some 20 s, one on a machine that is busy far longer.
const SCHEDULE_WITHIN: Duration = Duration::from_mins(15);
/// How long the API server may take to know a new kind.
const KINDS_WITHIN: Duration = Duration::from_mins(2);

/// What is tried.
#[derive(Debug, Args)]
pub struct Options {
    /// Cases by their names, T1 to T11; all if none is named
    #[arg(value_name = "CASE")]
    pub cases: Vec<String>,
    /// Only the schedule of this seed, again
    #[arg(long)]
    pub seed: Option<u64>,
    /// So many schedules of each case
    #[arg(long)]
    pub schedules: Option<u64>,
    /// As many as there are: every write, every answer
    #[arg(long)]
    pub long: bool,
    /// Worlds at the same time; they wait most of the time
    #[arg(long, default_value_t = 8)]
    pub parallel: usize,
    /// Where the report goes
    #[arg(long, default_value = "target/reports")]
    pub reports: PathBuf,
}

/// Tries them; prints a table and writes `faults.json`. Fails when anything did not hold.
pub async fn run(options: &Options) -> Result<()> {
    let cases = chosen(&options.cases)?;
    let bare = Bare::start("faults").await?;
    define(&bare.client()?).await?;
    bare.start_controllers()?;
    let suite = Suite {
        ground: Ground {
            config: bare.config().clone(),
            client: bare.client()?,
            tls: proxy::tls(&bare.layout().pki())?,
            states: Arc::new(Mutex::new(HashSet::new())),
        },
        worlds: AtomicU16::new(1),
        reports: options.reports.clone(),
    };
    let reference = suite
        .reference()
        .await
        .context("the story without faults")?;
    println!("  the story takes {} writes", reference.writes);
    let mut rows = Vec::new();
    for case in cases {
        rows.push(suite.case(case, &reference, options).await);
    }
    let states = suite
        .ground
        .states
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .len();
    report::write(&rows, states, reference.writes, &options.reports)?;
    let failures: usize = rows.iter().map(|row| row.failures.len()).sum();
    ensure!(failures == 0, "{failures} schedules failed");
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Case>> {
    let known = |name: &String| {
        cases::ALL
            .iter()
            .any(|it| it.name.eq_ignore_ascii_case(name))
    };
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = cases::ALL.iter().map(|case| case.name).collect();
        bail!("there is no case {unknown}: choose of {}", all.join(", "));
    }
    let wanted = |case: &&Case| {
        names.is_empty()
            || names
                .iter()
                .any(|name| case.name.eq_ignore_ascii_case(name))
    };
    Ok(cases::ALL.iter().filter(wanted).collect())
}

/// The kinds of Plenum, before anything asks for them.
async fn define(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in definitions() {
        let definition: CustomResourceDefinition = serde_json::from_value(definition)?;
        api.create(&PostParams::default(), &definition).await?;
    }
    let served = async {
        for kind in ["meetingzones", "mmrpools"] {
            let path = format!("/apis/plenum.dev/v1alpha1/{kind}");
            loop {
                let request = http::Request::get(&path).body(Vec::new())?;
                if client.request_text(request).await.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        anyhow::Ok(())
    };
    timeout(KINDS_WITHIN, served)
        .await
        .context("the API server does not serve our kinds")?
}

struct Suite {
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
}

impl Suite {
    async fn world(&self, seed: u64) -> Result<World> {
        let number = self.worlds.fetch_add(1, Ordering::Relaxed);
        World::new(&self.ground, number, seed).await
    }

    async fn reference(&self) -> Result<Reference> {
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

    async fn case(&self, case: &Case, reference: &Reference, options: &Options) -> Row {
        let began = Instant::now();
        let seeds = seeds(case, reference.writes, options);
        let mut row = Row {
            case: case.name.to_owned(),
            what: case.what.to_owned(),
            ..Row::default()
        };
        let tries = seeds
            .into_iter()
            .map(|seed| self.schedule(case, reference, seed));
        let mut tries = stream::iter(tries).buffer_unordered(options.parallel.max(1));
        while let Some(tried) = tries.next().await {
            row.schedules += 1;
            row.faults += tried.faults;
            row.requests += tried.requests;
            row.judged += tried.judged;
            if let Err(error) = tried.result {
                let why = format!("{error:#}");
                let (case, seed) = (case.name, tried.seed);
                println!(
                    "  {case} failed: {why}\n    again: plenum-e2e faults {case} --seed {seed}"
                );
                row.failures.push(Failure { seed, why });
            }
        }
        row.seconds = began.elapsed().as_secs_f64();
        println!(
            "  {:<4} {} schedules, {} failed, {:.0} s",
            row.case,
            row.schedules,
            row.failures.len(),
            row.seconds
        );
        row
    }

    async fn schedule(&self, case: &Case, reference: &Reference, seed: u64) -> Tried {
        let mut tried = Tried {
            seed,
            result: Ok(()),
            faults: 0,
            requests: 0,
            judged: 0,
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
        tried
    }

    /// What a person needs to find the cause.
    fn keep(&self, world: &World, name: &str, error: &anyhow::Error) {
        let directory = self.reports.join("failed/faults");
        let mut text = format!("{error:#}\n\nrequests of {}:\n", world.name);
        text += &world.proxy.journal().join("\n");
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

fn write(directory: &Path, name: &str, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join(format!("{name}.txt")), text)
}

/// Those of a shorter form are spread over those of the longest, so that all parts of the story
/// have some.
fn seeds(case: &Case, writes: u64, options: &Options) -> Vec<u64> {
    if let Some(seed) = options.seed {
        return vec![seed];
    }
    let (bounded, all) = (case.schedules)(writes);
    let wanted = if options.long { all } else { bounded };
    spread(options.schedules.unwrap_or(wanted), all)
}

fn spread(wanted: u64, all: u64) -> Vec<u64> {
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

    #[test]
    fn a_case_is_named_as_in_the_table() {
        assert_eq!(chosen(&[]).unwrap().len(), cases::ALL.len());
        assert_eq!(chosen(&["t11".to_owned()]).unwrap()[0].name, "T11");
        let unknown = chosen(&["T99".to_owned()]).err().unwrap();
        assert!(unknown.to_string().contains("T1, T2"), "{unknown}");
    }
}
