//! Versions come and go under people in meetings: of routers, of zone controllers, of the operator.
//!
//! The same image under a second name is another version to Kubernetes and to the operator, and
//! all that differs is what is looked at here: how the one takes the place of the other.
//!
//! | file | what is upgraded |
//! |---|---|
//! | `routers` | all routers of a pool; and to an image that is not there |
//! | `controllers` | the zone controllers |
//! | `operator` | the operator alone, and back |

mod controllers;
mod operator;
mod routers;

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use plenum_crds::MMRPool;
use plenum_crds::conditions::PoolCondition;
use serde::Serialize;
use serde_json::json;

use super::world::{World, unharmed};
use crate::image::PLENUM_REFERENCE;
use crate::load::{MOVE_ADDS_MS, Report};

pub use controllers::controllers_roll_one_by_one_without_a_failed_join;
pub use operator::an_operator_is_upgraded_and_back_with_live_meetings;
pub(super) use operator::data_plane;
pub use routers::{
    a_rolling_upgrade_of_all_routers_under_load_loses_nobody,
    a_rollout_to_an_image_that_is_not_there_halts_and_goes_back,
};

/// The next version: the same image under another name.
const NEXT: &str = "localhost/plenum:next";

/// The machines of tests are busy with other things: so many times the limit of the demo.
const GENEROUS: f64 = 3.0;

/// What people had of an upgrade.
#[derive(Debug, Serialize)]
struct Figures<'a> {
    schema: &'static str,
    upgraded: &'a str,
    took_s: f64,
    joins: u64,
    joins_failed: u64,
    joins_p95_ms: Option<f64>,
    moves: u64,
    moves_failed: u64,
    dropped: u64,
    packets_lost: u64,
    audio_gap_max_ms: Option<f64>,
    audio_gap_max_ms_in_moves: Option<f64>,
}

/// Gives every node the next version.
async fn next_version(world: &World) -> Result<()> {
    world.cluster.tag_image(PLENUM_REFERENCE, NEXT).await
}

/// Holds the pool at so many routers that take people.
pub(super) async fn hold(world: &World, routers: u32) -> Result<()> {
    world.change_pool(json!({ "replicas": routers })).await?;
    let accepting = |pool: &MMRPool| pool.status.as_ref().map(|s| s.routers.accepting);
    let what = format!("{routers} routers accept");
    world
        .until(&what, Duration::from_secs(60), |pool| {
            accepting(pool) == Some(routers)
        })
        .await
        .map(drop)
}

/// What the pool says of its rollout, of the spec as it is now.
fn rollout(pool: &MMRPool) -> Option<&Condition> {
    let conditions = pool.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|condition| condition.observed_generation == pool.metadata.generation)
        .find(|condition| condition.type_ == PoolCondition::RolloutComplete.as_str())
}

/// Waits until the pool says this of its rollout; its sentence.
pub(super) async fn until_rollout(world: &World, reason: &str, limit: Duration) -> Result<String> {
    let said = |pool: &MMRPool| rollout(pool).is_some_and(|c| c.reason == reason);
    let what = format!("the rollout is {reason}");
    let pool = world.until(&what, limit, said).await?;
    Ok(rollout(&pool)
        .map(|c| c.message.clone())
        .unwrap_or_default())
}

/// The image that a pod was made with.
fn image(pod: &Pod) -> Option<&str> {
    let container = pod.spec.as_ref()?.containers.first()?;
    container.image.as_deref()
}

fn all_run(pods: &[Pod], wanted: &str) -> Result<()> {
    let others: Vec<_> = pods
        .iter()
        .map(image)
        .filter(|i| *i != Some(wanted))
        .collect();
    ensure!(
        !pods.is_empty() && others.is_empty(),
        "not {wanted}: {others:?}"
    );
    Ok(())
}

/// Writes the figures, prints them, and fails if anybody was harmed.
fn judged(world: &World, upgraded: &str, took: Duration, report: &Report) -> Result<()> {
    let figures = Figures {
        schema: "plenum.upgrade/1",
        upgraded,
        took_s: took.as_secs_f64(),
        joins: report.joins.attempted,
        joins_failed: report.joins.failed,
        joins_p95_ms: report.joins.p95_ms,
        moves: report.migrations.count,
        moves_failed: report.migrations.failed,
        dropped: report.dropped,
        packets_lost: report.media.lost,
        audio_gap_max_ms: report.media.audio_gap_max_ms,
        audio_gap_max_ms_in_moves: report.migrations.audio_gap_max_ms,
    };
    let text = serde_json::to_string_pretty(&figures)?;
    let file = format!("upgrade-{upgraded}.json");
    std::fs::write(world.site.reports.join(file), &text)?;
    println!("{text}");
    unharmed(report)?;
    unheard(report)
}

/// Who was moved heard no longer pause than the others, but for what a move may add.
fn unheard(report: &Report) -> Result<()> {
    let moved = report.migrations.count > 0;
    let added = report.move_added_ms();
    let added = added.or((!moved).then_some(0.0));
    let limit = MOVE_ADDS_MS * GENEROUS;
    ensure!(
        added.is_some_and(|added| added <= limit),
        "a move added {added:?} ms to the longest audio gap, more than {limit} ms: {report}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A load in which the longest gap was 50 ms, and in moves this one.
    fn moved(count: u64, gap: Option<f64>) -> Report {
        let text: Value = json!({
            "schema": "plenum.load/1",
            "lasted_s": 5.0,
            "joins": {"attempted": 4, "failed": 0, "abandoned": 0, "p50_ms": 3.0, "p95_ms": 4.0},
            "media": {"received": 100, "lost": 0, "latency_p50_ms": 0.2, "latency_p99_ms": 1.0,
                "audio_gap_max_ms": 50.0},
            "migrations": {"count": count, "failed": 0, "audio_gap_max_ms": gap},
            "reconnections": {"count": 0, "max_ms": null},
            "dropped": 0,
        });
        Report::parse(&text.to_string()).unwrap()
    }

    #[test]
    fn a_gap_that_only_those_had_who_were_moved_is_an_error() {
        assert!(unheard(&moved(16, Some(230.0))).is_ok());
        assert!(unheard(&moved(16, Some(230.5))).is_err());
        assert!(unheard(&moved(16, None)).is_err());
        assert!(unheard(&moved(0, None)).is_ok());
    }
}
