//! Everybody gets in: clients behind firewalls, proxies and bad names, in networks of their
//! own with real rules, and what each could do.
//!
//! | module | what it is |
//! |---|---|
//! | `scenarios` | the rows of the matrix; the first to read |
//! | `scenario` | what a row says |
//! | `judge` | pure: whether what came of it is what should |
//! | `report` | the table and `matrix.json` |
//! | `sandbox` | namespaces that the kernel removes, however we end |
//! | `hosts`, `network` | who is where; cables and routes |
//! | `delay` | a line that every packet takes 20 ms to pass |
//! | `firewall`, `names`, `proxy`, `portal` | iptables, resolvers, squid, a hotel's page |
//! | `servers`, `pki`, `schedule` | directory and zone, their certificates, and a meeting |
//! | `world`, `call` | all of it together, and a call in it |
//! | `marks` | what packets are marked with, by tshark |
//!
//! Each scenario is played by another process of this program, the first of its own world.
//! Nothing leaves a world, and nothing of it stays.

mod call;
mod delay;
mod firewall;
mod hosts;
mod judge;
mod marks;
mod names;
mod network;
mod pki;
mod portal;
mod proxy;
mod report;
mod sandbox;
mod scenario;
mod scenarios;
pub(crate) mod schedule;
mod servers;
mod world;

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use futures_util::{StreamExt as _, stream};

use crate::children;
use judge::Outcome;
use scenario::{Expected, Scenario};
use world::World;

/// A scenario takes some 20 s; one that takes so long hangs.
const SCENARIO_WITHIN: Duration = Duration::from_secs(240);
/// A connection within a machine takes less, or fails.
const REACH_WITHIN: Duration = Duration::from_secs(2);

/// What is played, and how.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The `plenum` program
    #[arg(long)]
    plenum: PathBuf,
    /// Speech and moving pictures
    #[arg(long)]
    samples: PathBuf,
    /// Where figures and logs go
    #[arg(long)]
    reports: PathBuf,
    /// How many scenarios are played beside each other; one at a time, what misses its time fails
    #[arg(long, default_value_t = NonZero::<usize>::MIN)]
    together: NonZero<usize>,
    /// Only scenarios whose name contains this
    filter: Option<String>,
}

/// What worlds are made of.
#[derive(Debug, Clone, Args)]
pub struct Material {
    /// The `plenum` program
    #[arg(long)]
    pub plenum: PathBuf,
    /// Speech and moving pictures
    #[arg(long)]
    pub samples: PathBuf,
    /// Where a world's logs go
    #[arg(long)]
    pub logs: PathBuf,
}

/// What this program does inside a world.
#[derive(Debug, Subcommand)]
pub enum Part {
    /// Play a scenario, as the first process of its world
    Play {
        /// Its name
        name: String,
        /// What the world is made of
        #[command(flatten)]
        material: Material,
    },
    /// Delay packets
    Delay {
        /// Queues, and their milliseconds
        delays: Vec<u16>,
    },
    /// Answer whatever is asked for with a hotel's page
    Portal,
    /// See whether something takes connections
    Reach {
        /// Where
        at: SocketAddr,
    },
    /// See whether a health port says that its server is ready
    Ready {
        /// Where
        at: SocketAddr,
    },
    /// Make a meeting
    Schedule {
        /// The directory's URL
        directory: String,
        /// Who makes it
        name: String,
        /// That account's password
        #[arg(long, env = "PASSWORD", hide_env_values = true)]
        password: String,
        /// Who vouches for the directory
        #[arg(long)]
        ca: PathBuf,
    },
}

/// Plays the scenarios that were asked for; writes `matrix.json` and logs, and prints a table.
/// Fails when something did not go as it should, or, where scenarios are played one at a time,
/// missed its time.
pub async fn run(options: &Options) -> Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "networks can only be made by root: run it with sudo"
    );
    call::check_samples(&options.samples)?;
    let chosen: Vec<Scenario> = scenarios::all()
        .into_iter()
        .filter(|scenario| {
            (options.filter.as_ref()).is_none_or(|part| scenario.name.contains(part))
        })
        .collect();
    ensure!(!chosen.is_empty(), "there is no such scenario");
    report::print_head();
    let mut playing = stream::iter(&chosen)
        .map(|scenario| outcome(scenario, options))
        .buffered(options.together.get());
    let mut outcomes = Vec::new();
    while let Some(outcome) = playing.next().await {
        report::print(&outcome);
        outcomes.push(outcome);
        // After each, so that an interrupted run has its figures too.
        report::write(&outcomes, &options.reports)?;
    }
    let failed = names(&outcomes, |one| !one.failures.is_empty());
    ensure!(failed.is_empty(), "not as it should be: {failed}");
    let late = names(&outcomes, |one| !one.in_time);
    let alone = options.together == NonZero::<usize>::MIN;
    ensure!(late.is_empty() || !alone, "took longer than it may: {late}");
    Ok(())
}

fn names(outcomes: &[Outcome], which: impl Fn(&Outcome) -> bool) -> String {
    let these = outcomes.iter().filter(|one| which(one));
    let names: Vec<&str> = these.map(|one| one.name.as_str()).collect();
    names.join(", ")
}

async fn outcome(scenario: &Scenario, options: &Options) -> Outcome {
    let play = async {
        let material = Material {
            plenum: options
                .plenum
                .canonicalize()
                .context("the plenum program")?,
            samples: options.samples.canonicalize()?,
            logs: logs(&options.reports, scenario)?,
        };
        play_in_sandbox(scenario, &material).await
    };
    play.await
        .unwrap_or_else(|error| Outcome::broken(scenario, format!("{error:#}")))
}

fn logs(reports: &Path, scenario: &Scenario) -> Result<PathBuf> {
    let logs = reports.join("matrix").join(scenario.name);
    // Those of a former run would be taken for ours.
    let _ = fs::remove_dir_all(&logs);
    fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    Ok(logs.canonicalize()?)
}

async fn play_in_sandbox(scenario: &Scenario, material: &Material) -> Result<Outcome> {
    let arguments: [OsString; 9] = [
        "matrix-part".into(),
        "play".into(),
        scenario.name.into(),
        "--plenum".into(),
        material.plenum.clone().into(),
        "--samples".into(),
        material.samples.clone().into(),
        "--logs".into(),
        material.logs.clone().into(),
    ];
    let mut command = sandbox::world(&arguments)?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let playing = children::start(command)?.wait_with_output();
    let ended = tokio::time::timeout(SCENARIO_WITHIN, playing).await;
    let output = ended.context("the scenario does not end")??;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.trim());
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Does this program's part inside a world.
pub async fn part(part: Part) -> Result<()> {
    match part {
        Part::Play { name, material } => {
            let mut all = scenarios::all().into_iter();
            let scenario = all
                .find(|one| one.name == name)
                .context("no such scenario")?;
            let outcome = play(&scenario, material).await?;
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
        Part::Delay { delays } => delay::run(&delays),
        Part::Portal => portal::run(),
        Part::Reach { at } => {
            TcpStream::connect_timeout(&at, REACH_WITHIN)?;
            Ok(())
        }
        Part::Ready { at } => {
            let asked = reqwest::get(format!("http://{at}/readyz"));
            let said = tokio::time::timeout(REACH_WITHIN, asked).await??;
            said.error_for_status()?;
            Ok(())
        }
        Part::Schedule {
            directory,
            name,
            password,
            ca,
        } => schedule::run(&directory, &name, &password, &ca).await,
    }
}

async fn play(scenario: &Scenario, material: Material) -> Result<Outcome> {
    let world = World::create(scenario, material).await?;
    if let Expected::Marked(rung) = scenario.expected {
        let marks = marks::observe(&world, &scenario.client, rung).await?;
        return Ok(Outcome::marked(scenario, marks));
    }
    let began = Instant::now();
    let (client, change) = (&scenario.client, scenario.change.as_ref());
    let call = call::hold(&world, client, change, &call::KINDS).await?;
    let tried = began.elapsed();
    let bytes = firewall::counted(&world.families).await?;
    Ok(judge::judge(scenario, &call, bytes, tried))
}
