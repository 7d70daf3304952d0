//! The operator at scale (T13): a thousand zones and five thousand routers on a real API server,
//! with the operator as a process of its own, so that its memory and time are its own.
//!
//! | file | what lives there |
//! |---|---|
//! | [`objects`] | nodes, zones and pools as people and kubelets would make them |
//! | [`hands`] | many requests at once, with a bound |
//! | [`pods`] | a player of the `StatefulSet` and `DaemonSet` controllers and of kubelets |
//! | [`zones`] | what the zone controllers know of their routers: a model without IO |
//! | [`links`] | a player of zone controllers: the operator's links, over mTLS |
//! | [`process`] | the operator's process, and what it says of itself |
//! | [`samples`] | reading metrics: counters, and quantiles of histograms |
//! | [`report`] | the figures, and what they should be |
//!
//! Pods are made by the player, not by the controller manager: a thousand `DaemonSet`s that each
//! look at five thousand nodes would measure that, for an hour. There is no kubelet and no
//! media; everything the operator reads is what a cluster would show it, and every zone
//! controller's link is there, all of them over TLS.

mod hands;
mod links;
mod objects;
mod pods;
mod process;
mod report;
mod samples;
mod zones;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::bare::Bare;
use objects::Sizes;
use process::Operator;
use report::{Phase, Report};
use samples::Samples;
use zones::Zones;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The `plenum-operator` program
    #[arg(long)]
    pub operator: PathBuf,
    /// Where the figures and the operator's log go
    #[arg(long)]
    pub reports: PathBuf,
    /// How many zones, each with one pool
    #[arg(long, default_value_t = 1_000)]
    pub zones: usize,
    /// How many nodes with a router
    #[arg(long, default_value_t = 5_000)]
    pub nodes: usize,
    /// How long the steady state is watched, in seconds
    #[arg(long, default_value_t = 60)]
    pub steady: u64,
}

/// Longest wait for all of it to be made: minutes on two cores.
const MADE: Duration = Duration::from_mins(30);
/// Longest wait for a restarted operator; its aim is far below.
const RESTARTED: Duration = Duration::from_mins(5);
/// Nothing was written for so long: it is quiet.
const QUIET: Duration = Duration::from_secs(10);
/// Loads that jump, one after the other.
const JUMPS: usize = 20;
/// How long all zones' load changes in the busy phase, and how often.
const BUSY: Duration = Duration::from_secs(30);
const BUSY_EVERY: Duration = Duration::from_secs(2);
/// Where each zone has its own moment in this time, there are so many.
const BUSY_STEPS: usize = 20;
/// People on a router before a jump, and in it: as many as it takes, so that one more is wanted.
const FULL: u32 = 200;
const PACE: Duration = Duration::from_millis(250);

/// Measures; an error tells what was missed. Whatever happens, nothing is left but the report.
pub async fn run(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.reports)?;
    let sizes = Sizes::new(options.zones, options.nodes, JUMPS)?;
    println!(
        "a control plane, {} zones, {} nodes for {} routers",
        sizes.zones,
        sizes.nodes(),
        sizes.routers()
    );
    let bare = Bare::start("scale").await?;
    let stage = Stage::build(&bare, sizes).await?;
    let mut report = Report::new(sizes);
    stage.play(&bare, options, &mut report).await?;
    report.finish(&options.reports)
}

/// All that plays around the operator.
struct Stage {
    sizes: Sizes,
    zones: Arc<Zones>,
    pods: pods::Player,
    _links: AbortOnDropHandle<()>,
}

impl Stage {
    async fn build(bare: &Bare, sizes: Sizes) -> Result<Self> {
        let client = bare.client()?;
        let started = Instant::now();
        objects::make(&client, sizes).await?;
        println!("  objects made in {:.0} s", started.elapsed().as_secs_f32());
        let zones = Arc::new(Zones::new(FULL));
        let pods = pods::Player::start(client.clone(), zones.clone());
        let links = links::serve(client, zones.clone()).await?;
        Ok(Self {
            sizes,
            zones,
            pods,
            _links: links,
        })
    }

    async fn play(&self, bare: &Bare, options: &Options, report: &mut Report) -> Result<()> {
        let start = || Operator::start(&options.operator, bare.layout(), &options.reports);
        let operator = start()?;
        let phase = self.first(&operator).await?;
        report.add("made from nothing", phase);
        let quiet = self.quiet(&operator).await?;
        report.add("until it is quiet", quiet);
        operator.stop().await?;

        let operator = start()?;
        let phase = self.restarted(&operator).await?;
        report.add("restart", phase);
        report.add(
            "steady",
            watch(&operator, Duration::from_secs(options.steady)).await?,
        );
        let began = operator.sample().await?;
        report.jumps = self.jumps().await?;
        report.add("load jumps", began.until(&operator).await?);
        report.add("all loads change", self.busy(&operator, BUSY_STEPS).await?);
        report.add("all in one instant", self.busy(&operator, 1).await?);
        operator.stop().await
    }

    /// Everything that zones and pools ask for is made, and every router is heard.
    async fn first(&self, operator: &Operator) -> Result<Phase> {
        let began = Samples::default();
        let routers = figure(self.sizes.routers());
        let clock = Instant::now();
        let mut said = Instant::now();
        loop {
            let now = operator.sample().await.unwrap_or_default();
            let accepting = now.sum("plenum_operator_pool_routers_accepting");
            if self.is_whole(&now) && accepting >= routers {
                break;
            }
            if said.elapsed() > Duration::from_secs(20) {
                said = Instant::now();
                println!("  {accepting:.0} of {routers:.0} routers accepting");
            }
            self.pods.check()?;
            operator.check()?;
            if clock.elapsed() > MADE {
                bail!("only {accepting} of {routers} routers came within {MADE:?}");
            }
            sleep(PACE).await;
        }
        began.until(operator).await
    }

    /// Every zone and pool was looked at, nobody waits, and every pool's reports are there.
    fn is_whole(&self, now: &Samples) -> bool {
        let all = figure(self.sizes.zones);
        let looked = |controller: &str| {
            let count = "plenum_operator_reconcile_duration_seconds_count";
            now.of(count, "controller", controller) >= all
                && now.of("plenum_operator_queue_depth", "controller", controller) < 1.0
        };
        looked("zone")
            && looked("pool")
            && now.positive("plenum_operator_pool_report_timestamp_seconds") >= self.sizes.zones
    }

    async fn quiet(&self, operator: &Operator) -> Result<Phase> {
        let began = operator.sample().await?;
        let clock = Instant::now();
        let (mut written, mut since) = (began.writes(), Instant::now());
        while since.elapsed() < QUIET {
            let now = operator.sample().await?.writes();
            if now > written {
                (written, since) = (now, Instant::now());
            }
            if clock.elapsed() > MADE {
                bail!("the operator goes on writing, see its log");
            }
            sleep(PACE).await;
        }
        began.until(operator).await
    }

    async fn restarted(&self, operator: &Operator) -> Result<Phase> {
        let began = Samples::default();
        let clock = Instant::now();
        while !self.is_whole(&operator.sample().await.unwrap_or_default()) {
            operator.check()?;
            if clock.elapsed() > RESTARTED {
                bail!("not everything was looked at {RESTARTED:?} after a restart");
            }
            sleep(PACE).await;
        }
        began.until(operator).await
    }

    /// Times from a load that asks for one router more to the label on its node.
    async fn jumps(&self) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for zone in 0..JUMPS.min(self.sizes.zones) {
            let pool = objects::pool_key(zone);
            let labelled = self.pods.labelled(&pool);
            let wanted = *labelled.borrow() + 1;
            let began = Instant::now();
            self.zones.set_people(&objects::zone_key(zone), FULL);
            let mut labelled = labelled;
            let reached = labelled.wait_for(|count| *count >= wanted);
            tokio::time::timeout(RESTARTED, reached)
                .await
                .with_context(|| format!("{pool} did not grow"))??;
            times.push(began.elapsed());
        }
        Ok(times)
    }

    /// People come and go in every zone, in so many steps of `BUSY_EVERY`.
    async fn busy(&self, operator: &Operator, steps: usize) -> Result<Phase> {
        let pause = BUSY_EVERY / u32::try_from(steps)?;
        let began = operator.sample().await?;
        let clock = Instant::now();
        let mut people = 0;
        while clock.elapsed() < BUSY {
            people = (people + 7) % (FULL / 2);
            // Those that jumped keep their people, and their size.
            let zones = JUMPS.min(self.sizes.zones)..self.sizes.zones;
            for step in 0..steps {
                for zone in zones.clone().skip(step).step_by(steps) {
                    self.zones.set_people(&objects::zone_key(zone), people);
                }
                sleep(pause).await;
            }
        }
        began.until(operator).await
    }
}

/// Nodes and zones are few enough for this to be exact.
pub(super) fn figure(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

async fn watch(operator: &Operator, lasts: Duration) -> Result<Phase> {
    let began = operator.sample().await?;
    sleep(lasts).await;
    began.until(operator).await
}
