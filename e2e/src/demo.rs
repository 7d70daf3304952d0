//! The demo: a zone on a real cluster, people who come and go, and honest figures.
//!
//! The story in order: install, two people with real voices and pictures, many people,
//! a node that is cordoned under them, most of them leave, all are gone. `figures` says
//! what must hold, `picture` draws it.
//!
//! On a cluster that goes on after it, the demo plays only where Plenum is not yet, and takes
//! away what it brought, however it ends.

mod figures;
mod meeting;
pub(crate) mod people;
mod picture;
pub(crate) mod sightings;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use kube::{Api, Client};
use plenum_crds::MMRPool;

use crate::interrupt::unless_interrupted;
use crate::load::{Load, Plan};
use crate::observe::Timeline;
use crate::site::{NAMESPACE, SYSTEM_NAMESPACE, Site};
pub use figures::Figures;
use figures::{Drained, ScaleUp};
use meeting::Attendance;
use people::People;
use sightings::Sightings;

/// Zone and pool of `charts/plenum/examples/demo.yaml`, both of this name.
const ZONE: &str = "demo";
/// People who stay all the time: 12 meetings of 4.
const BASE: (u32, u32) = (12, 4);
/// People who come for the peak: 20 meetings of 6. With the others and the spare room they
/// need 3 routers of the pool's 80.
const PEAK: (u32, u32) = (20, 6);
/// Seconds over which the peak comes, so that routers can come with it.
const RAMP: Duration = Duration::from_secs(25);
/// Longer than the rest of the demo; the loads are told when to end.
const LASTS: Duration = Duration::from_secs(280);

/// What becomes of what the demo installed, however it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its cluster is taken down, by whoever started it: also when told to stop.
    GoesWithCluster,
    /// It stays.
    Stays,
    /// It is removed, and the cluster goes on without.
    Removed,
}

/// The demo on a site with the operator's image loaded.
struct Demo<'a> {
    site: &'a Site,
    began: Instant,
    start_ms: i64,
    zones: Vec<String>,
    ca: PathBuf,
    /// The node that is cordoned now.
    cordoned: Option<String>,
}

/// Runs the demo, writes `demo.json` and `demo.svg` and prints the table.
///
/// Refuses a cluster on which Plenum is installed. When it fails, the state of the cluster is
/// in `failed/demo` of the reports.
pub async fn run(site: &Site, client: &Client, image: &str, ending: Ending) -> Result<Figures> {
    let before = site.look().await?;
    let mut demo = Demo {
        site,
        began: Instant::now(),
        start_ms: Timestamp::now().as_millisecond(),
        zones: Vec::new(),
        ca: PathBuf::new(),
        cordoned: None,
    };
    if ending == Ending::GoesWithCluster {
        return demo.play_or_dump(client, image, &[]).await;
    }
    // The rest of the cluster is somebody else's.
    let ours = [SYSTEM_NAMESPACE, NAMESPACE];
    let figures = unless_interrupted(demo.play_or_dump(client, image, &ours)).await;
    let uncordoned = demo.uncordon().await;
    let removed = if ending == Ending::Removed {
        demo.say("removing what the demo installed");
        site.uninstall(&before).await
    } else {
        Ok(())
    };
    match &figures {
        // Their errors come after the first one, which is the reason.
        Err(_) => [uncordoned, removed]
            .into_iter()
            .filter_map(Result::err)
            .for_each(|error| eprintln!("{error:#}")),
        Ok(_) => uncordoned.and(removed)?,
    }
    figures
}

impl Demo<'_> {
    fn say(&self, what: &str) {
        println!("{:>5.1} s  {what}", self.began.elapsed().as_secs_f64());
    }

    async fn play_or_dump(
        &mut self,
        client: &Client,
        image: &str,
        namespaces: &[&str],
    ) -> Result<Figures> {
        let figures = self.play(client, image).await;
        if figures.is_err() {
            let directory = self.site.reports.join("failed/demo");
            match self.site.commands.dump(&directory, namespaces).await {
                Ok(()) => eprintln!("state and logs: {}", directory.display()),
                Err(error) => eprintln!("no dump: {error:#}"),
            }
        }
        figures
    }

    async fn play(&mut self, client: &Client, image: &str) -> Result<Figures> {
        self.install(image).await?;
        let pools: Api<MMRPool> = Api::namespaced(client.clone(), NAMESPACE);
        let pool = pools.get(ZONE).await?;
        let mut sightings = Sightings::start(client, NAMESPACE);
        let figures = self.story(&pool, &mut sightings).await?;
        self.write(&figures)?;
        Ok(figures)
    }

    async fn install(&mut self, image: &str) -> Result<()> {
        self.say("helm install plenum");
        self.site.install(image).await?;
        self.say("kubectl apply -f demo.yaml: a MeetingZone with 2 controllers, an MMRPool of 1 to 4 routers");
        self.zones = self.site.install_zone(ZONE).await?;
        self.ca = self.site.zone_authority(ZONE).await?;
        self.say("zone and pool are Ready:");
        self.show().await
    }

    async fn story(&mut self, pool: &MMRPool, sightings: &mut Sightings) -> Result<Figures> {
        let meeting = self.two_people_meet().await?;
        let base = self.load("base", BASE, Duration::from_secs(5))?;
        self.say(&format!("{} meetings of {} begin and stay", BASE.0, BASE.1));
        sightings
            .until("the first people are in", Duration::from_secs(20), |now| {
                now.participants >= 40
            })
            .await?;

        let peak = self.load("peak", PEAK, RAMP)?;
        self.say(&format!(
            "{} meetings of {} come within {} s",
            PEAK.0,
            PEAK.1,
            RAMP.as_secs()
        ));
        sightings
            .until("three routers accept", Duration::from_secs(60), |now| {
                now.accepting >= 3
            })
            .await?;
        self.say("three routers accept");
        let everyone = BASE.0 * BASE.1 + PEAK.0 * PEAK.1;
        sightings
            .until("everybody is in", Duration::from_secs(60), |now| {
                now.participants >= everyone
            })
            .await?;
        self.say(&format!("all {everyone} people are in"));
        self.show().await?;
        sightings.rest(Duration::from_secs(8)).await;

        self.cordon_the_fullest(sightings).await?;
        sightings.rest(Duration::from_secs(5)).await;

        self.say("the peak leaves");
        peak.stop();
        let peak = peak.report().await?;
        sightings
            .until("one router is left", Duration::from_secs(90), |now| {
                now.active == 1 && now.draining == 0
            })
            .await?;
        self.say("back to one router, with the meetings that stayed on it");
        self.show().await?;
        sightings.rest(Duration::from_secs(5)).await;
        base.stop();
        let base = base.report().await?;
        sightings
            .until("everybody has left", Duration::from_secs(20), |now| {
                now.participants == 0
            })
            .await?;
        self.say("everybody has left");
        let load = base.with(&peak)?;
        let people = self.people()?;
        let scale_up = scale_up(threshold(pool), &people, sightings.timeline());
        let drains = drained(&people, sightings.timeline());
        let took = self.began.elapsed().as_secs_f64();
        Ok(Figures::new(
            meeting,
            &load,
            sightings.timeline(),
            scale_up,
            drains,
            self.start_ms,
            took,
        ))
    }

    async fn two_people_meet(&self) -> Result<Vec<Attendance>> {
        self.say("Alice and Bob meet: real speech, a camera, a shared screen");
        let attendances = meeting::alice_and_bob(self.site, &self.zones, &self.ca).await?;
        for attendance in &attendances {
            self.say(&attendance.to_string());
        }
        Ok(attendances)
    }

    async fn cordon_the_fullest(&mut self, sightings: &mut Sightings) -> Result<()> {
        let (node, people) = self
            .people()?
            .fullest(sightings.timeline())
            .context("nobody is on any router")?;
        self.say(&format!(
            "kubectl cordon {node}, with {people} people on it: its router drains"
        ));
        self.cordoned = Some(node.clone());
        self.site.kubectl(["cordon", &node]).await?;
        let drained = sightings
            .until_drained(&node, Duration::from_secs(60))
            .await?;
        self.uncordon().await?;
        self.say(&format!("drained in {:.1} s", figures::seconds(drained)));
        Ok(())
    }

    async fn uncordon(&mut self) -> Result<()> {
        if let Some(node) = &self.cordoned {
            self.site.kubectl(["uncordon", node]).await?;
            self.cordoned = None;
        }
        Ok(())
    }

    fn load(
        &self,
        name: &str,
        (meetings, participants): (u32, u32),
        ramp: Duration,
    ) -> Result<Load> {
        Load::start(
            self.site,
            &Plan {
                name,
                zones: &self.zones,
                ca: &self.ca,
                meetings,
                participants,
                speakers: 2,
                video_kbps: 60,
                ramp,
                lasts: LASTS,
            },
        )
    }

    /// Where everybody was so far, as the loads tell it.
    fn people(&self) -> Result<People> {
        let timelines = ["base", "peak"].map(|name| Load::timeline(self.site, name));
        People::read(&timelines)
    }

    async fn show(&self) -> Result<()> {
        let table = self
            .site
            .kubectl(["-n", NAMESPACE, "get", "meetingzones,mmrpools"])
            .await?;
        table.lines().for_each(|line| println!("           {line}"));
        Ok(())
    }

    fn write(&self, figures: &Figures) -> Result<()> {
        let reports = &self.site.reports;
        std::fs::write(
            reports.join("demo.json"),
            serde_json::to_vec_pretty(figures)?,
        )?;
        let counts: Vec<_> = figures
            .routers
            .iter()
            .map(|at| (at.at_s, at.counts))
            .collect();
        picture::draw(&reports.join("demo.svg"), &counts, figures.took_s)?;
        println!("\n{}", figures.table());
        println!(
            "  figures: {0}/demo.json   picture: {0}/demo.svg",
            reports.display()
        );
        Ok(())
    }
}

/// With more people than this, one router has less room left than the pool is to spare.
fn threshold(pool: &MMRPool) -> u32 {
    let spec = &pool.spec;
    spec.participants_per_router
        .saturating_sub(spec.spare_participants)
}

/// How fast the pool grew from one router.
fn scale_up(threshold: u32, people: &People, timeline: &Timeline) -> ScaleUp {
    let crossed = people.first_above(threshold);
    let labelled = crossed.and_then(|crossed| {
        let after = timeline.scale_ups.iter().map(|up| up.labelled_at);
        after.filter(|at| *at >= crossed).min()
    });
    ScaleUp {
        threshold_to_label_ms: crossed
            .zip(labelled)
            .map(|(crossed, labelled)| labelled - crossed),
        label_to_accepting_ms: timeline
            .scale_ups
            .iter()
            .filter_map(|up| up.accepting_after_ms)
            .max(),
    }
}

/// Every drain that was carried through, with the people on the router.
fn drained(people: &People, timeline: &Timeline) -> Vec<Drained> {
    let done = timeline.drains.iter().filter(|drain| !drain.cancelled);
    done.filter_map(|drain| {
        let ms = drain.took_ms?;
        let until = drain.began_at + ms;
        Some(Drained {
            router: drain.node.clone(),
            participants: people.on_node(&drain.node, drain.began_at, timeline),
            ms,
            audio_gap_max_ms: people.worst_gap(&drain.node, drain.began_at..=until, timeline),
        })
    })
    .collect()
}
