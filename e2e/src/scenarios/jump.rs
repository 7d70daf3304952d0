//! Many people come at once: how long it takes until the pool has room for them.
//!
//! One router takes 80, so the pool cannot grow by more than one router at a time before the next
//! one takes people: those who find no room ask again. What is told is the time from the first
//! person until four routers accept, and from the moment at which one router has too little room
//! left for those who are to be expected.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::world::World;
use crate::demo::people::People;
use crate::demo::sightings::Sightings;
use crate::load::{Load, Plan};
use crate::observe::Timeline;
use crate::site::NAMESPACE;

const NAME: &str = "jump";
/// With the room to spare they need all four routers: 60 meetings of 4.
const MEETINGS: u32 = 60;
/// As fast as a machine of two cores lets them in.
const RAMP: Duration = Duration::from_secs(2);
/// They are told when to leave.
const STAY: Duration = Duration::from_secs(200);
const ROUTERS: u32 = 4;
/// Some seconds; a machine that is busy with other things takes longer.
const GROWN_WITHIN: Duration = Duration::from_secs(120);

/// The contents of `jump.json`.
#[derive(Debug, Serialize)]
struct Figures {
    schema: &'static str,
    #[serde(flatten)]
    growth: Growth,
    joins: u64,
    /// Who gave up before there was room.
    joins_failed: u64,
    joins_p95_ms: Option<f64>,
}

/// How the pool grew from one router to so many.
#[derive(Debug, Serialize)]
struct Growth {
    routers: u32,
    /// From the first join.
    first_join_to_all_accepting_ms: i64,
    /// From the join above which one router has too little room to spare.
    threshold_to_all_accepting_ms: i64,
    threshold_to_first_label_ms: i64,
    /// Each router, from its node's label.
    label_to_accepting_ms: Vec<i64>,
}

pub async fn a_jump_of_load_brings_four_routers(world: &World) -> Result<()> {
    let spec = world.pool().await?.spec;
    ensure!(
        spec.max_routers == ROUTERS,
        "the pool may have {} routers, not {ROUTERS}",
        spec.max_routers
    );
    let mut sightings = Sightings::start(&world.client, NAMESPACE);
    // What is there already is no growth.
    sightings
        .until("one router accepts", GROWN_WITHIN, |now| now.accepting == 1)
        .await?;
    let load = start(world)?;
    sightings
        .until("four routers accept", GROWN_WITHIN, |now| {
            now.accepting == ROUTERS
        })
        .await?;
    let threshold = spec.participants_per_router - spec.spare_participants;
    load.stop();
    let (_, report) = load.outcome().await?;
    let people = People::read(&[Load::timeline(&world.site, NAME)])?;
    let figures = Figures {
        schema: "plenum.jump/1",
        growth: grown(&people, threshold, sightings.timeline())?,
        joins: report.joins.attempted,
        joins_failed: report.joins.failed,
        joins_p95_ms: report.joins.p95_ms,
    };
    let text = serde_json::to_string_pretty(&figures)?;
    std::fs::write(world.site.reports.join("jump.json"), &text)?;
    println!("{text}");
    ensure!(report.dropped == 0, "somebody was dropped: {report}");
    Ok(())
}

fn start(world: &World) -> Result<Load> {
    Load::start(
        &world.site,
        &Plan {
            name: NAME,
            zones: &world.zones,
            ca: &world.ca,
            meetings: MEETINGS,
            participants: 4,
            speakers: 1,
            video_kbps: 0,
            ramp: RAMP,
            lasts: STAY,
        },
    )
}

fn grown(people: &People, threshold: u32, timeline: &Timeline) -> Result<Growth> {
    let first = people.first_above(0).context("nobody got in")?;
    let crossed = people.first_above(threshold);
    let crossed = crossed.with_context(|| format!("never more than {threshold} were in"))?;
    let mut counts = timeline.counts.iter();
    let all = counts.find(|(at, now)| *at >= first && now.accepting == ROUTERS);
    let (all, _) = all.context("four routers were not seen")?;
    let ups = || {
        let ups = timeline.scale_ups.iter();
        ups.filter(|up| up.labelled_at >= first)
    };
    let label = ups().map(|up| up.labelled_at).min();
    Ok(Growth {
        routers: ROUTERS,
        first_join_to_all_accepting_ms: all - first,
        threshold_to_all_accepting_ms: all - crossed,
        threshold_to_first_label_ms: label.context("no node got a label")? - crossed,
        label_to_accepting_ms: ups().filter_map(|up| up.accepting_after_ms).collect(),
    })
}
