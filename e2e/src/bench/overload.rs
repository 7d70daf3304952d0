//! Twice as much to do as there is time for, for a minute: a site on one core, people in
//! meetings from another, and then there is little left of that core.
//!
//! Needs two cores, nobody else on them, and root for a control group (which itself must lie
//! outside any other that limits it).

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::process::megabytes;
use super::site::{Load, Site, options};
use crate::load::Report;

/// Room for more than come.
const CAPACITY: u32 = 200;
/// Time to come in and for queues to settle, and then to see what it takes.
const SETTLED: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(5);
const OVERLOAD: Duration = Duration::from_secs(60);
/// When newcomers try to join.
const NEWCOMERS_AFTER: Duration = Duration::from_secs(6);
const RECOVERY: Duration = Duration::from_secs(2);
/// How long a recovery is waited for, and how often the router is asked.
const RECOVERED_AT_LAST: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// Of what it needs when it has time. A site that has less gathers more and needs less for each
/// packet: 0.45 of it was found to be just too little, and this is half of that.
const LEFT: f64 = 0.22;
/// From this step on the router sends less than it should.
const LESS: f64 = 2.0;
/// The second minute may leave so much more memory than the first.
const GROWTH: f64 = 1.05;
/// How `plenum load` ends when somebody was refused.
const REFUSED: i32 = 4;

/// The contents of `overload.json`.
#[derive(Debug, Serialize)]
struct Figures {
    schema: &'static str,
    /// Of a core: what the site uses with time enough, and what it had.
    needed_cores: f64,
    left_cores: f64,
    /// After the first minute, which warms up: what is kept for such a time, as queues are, is
    /// there then.
    rss_before_bytes: u64,
    seconds: Vec<Second>,
    /// From the end to the router doing all as before.
    recovered_ms: u128,
    audio_expected: u64,
    audio_lost: u64,
    dropped: u64,
    newcomers: u64,
    newcomers_refused: u64,
}

/// A second of the overload.
#[derive(Debug, Serialize)]
struct Second {
    step: f64,
    rss_bytes: u64,
}

/// Overloads a site twice and judges the second time; writes `overload.json` and prints it.
pub async fn run(plenum: &Path, reports: &Path) -> Result<()> {
    std::fs::create_dir_all(reports)?;
    let mut site = Site::start_apart(plenum, CAPACITY).await?;
    let limit = site.limit()?;
    let inside = site.load(&inside())?;
    sleep(SETTLED).await;
    calm(&site).await.context("before anything was taken")?;
    let needed = site.cores(MEASURED).await?;
    let left = needed * LEFT;
    println!("  the site uses {needed:.3} of a core, and from now on has {left:.3}");

    limit.set(left)?;
    sleep(OVERLOAD).await;
    let rss_before_bytes = site.usage()?.rss_bytes;
    limit.lift()?;
    sleep(SETTLED).await;
    calm(&site).await.context("with a whole core again")?;

    limit.set(left)?;
    let (seconds, newcomers) = overload(&mut site).await?;
    limit.lift()?;
    let recovered = recovery(&site).await?;
    inside.stop();
    let (inside, newcomers) = (inside.outcome().await?, newcomers.outcome().await?);
    let audio = |what: &str| {
        let count = inside.1.text["media"][what].as_u64();
        count.with_context(|| format!("no {what} in {}", inside.1))
    };
    let figures = Figures {
        schema: "plenum.overload/1",
        needed_cores: needed,
        left_cores: left,
        rss_before_bytes,
        seconds,
        recovered_ms: recovered.as_millis(),
        audio_expected: audio("audio_expected")?,
        audio_lost: audio("audio_lost")?,
        dropped: inside.1.dropped,
        newcomers: newcomers.1.joins.attempted,
        newcomers_refused: newcomers.1.joins.failed,
    };
    let file = reports.join("overload.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&figures)?)?;
    figures.print();
    figures.judge()?;
    ensure!(inside.0.success(), "those inside: {}", inside.1);
    told_why(&newcomers)
}

/// 30 people, eight of ten with voice and picture. What is left when only the active speaker's
/// picture is sent, five voices and one picture of eight, is about a quarter of the packets.
fn inside() -> Vec<String> {
    options(&[
        ("--meetings", "3".to_owned()),
        ("--participants", "10".to_owned()),
        ("--speakers", "8".to_owned()),
        ("--video-kbps", "1500".to_owned()),
        ("--ramp", "5".to_owned()),
        ("--for", "600".to_owned()),
        ("--rung", "udp".to_owned()),
        ("--meeting-prefix", "inside".to_owned()),
    ])
}

/// Four people more.
fn newcomers() -> Vec<String> {
    options(&[
        ("--meetings", "2".to_owned()),
        ("--participants", "2".to_owned()),
        ("--for", "20".to_owned()),
    ])
}

async fn step(site: &Site) -> Result<f64> {
    site.metric("plenum_overload_step").await
}

async fn calm(site: &Site) -> Result<()> {
    let step = step(site).await?;
    ensure!(step < 1.0, "the router is overloaded: step {step}");
    Ok(())
}

/// Looks each second; newcomers come meanwhile.
async fn overload(site: &mut Site) -> Result<(Vec<Second>, Load)> {
    let begun = Instant::now();
    let (mut seconds, mut late) = (Vec::new(), None);
    while begun.elapsed() < OVERLOAD {
        sleep(Duration::from_secs(1)).await;
        let (step, rss_bytes) = (step(site).await?, site.usage()?.rss_bytes);
        seconds.push(Second { step, rss_bytes });
        if late.is_none() && begun.elapsed() > NEWCOMERS_AFTER {
            late = Some(site.load(&newcomers())?);
        }
    }
    Ok((seconds, late.context("newcomers came meanwhile")?))
}

/// The time until the router does all as before.
async fn recovery(site: &Site) -> Result<Duration> {
    let since = Instant::now();
    let open = async {
        while step(site).await? > 0.0 {
            sleep(POLL).await;
        }
        Ok(since.elapsed())
    };
    let open = timeout(RECOVERED_AT_LAST, open).await;
    open.context("30 s after the end the router still does less")?
}

fn told_why((status, report): &(ExitStatus, Report)) -> Result<()> {
    ensure!(
        status.code() == Some(REFUSED) && report.text.to_string().contains("overloaded"),
        "newcomers should hear that there is no room, and why: {status}, {report}"
    );
    Ok(())
}

impl Figures {
    fn print(&self) {
        let steps: Vec<f64> = self.seconds.iter().map(|second| second.step).collect();
        println!("  steps each second: {steps:?}");
        println!(
            "  memory: {:.1} MB after the first minute, {:.1} MB after the second",
            megabytes(self.rss_before_bytes),
            megabytes(self.rss_after())
        );
        println!(
            "  voices: {} packets lost of {}; {} of {} newcomers refused",
            self.audio_lost, self.audio_expected, self.newcomers_refused, self.newcomers
        );
        println!("  all as before {} ms after the end", self.recovered_ms);
    }

    fn judge(&self) -> Result<()> {
        let less = self.seconds.iter().filter(|one| one.step >= LESS).count();
        ensure!(
            less > self.seconds.len() / 2,
            "it sent less for {less} seconds only: there was enough time"
        );
        ensure!(self.audio_expected > 0, "nobody was to be heard");
        ensure!(self.audio_lost == 0, "voices of those inside were lost");
        ensure!(self.dropped == 0, "{} were dropped", self.dropped);
        ensure!(
            self.newcomers > 0 && self.newcomers_refused == self.newcomers,
            "newcomers were let in"
        );
        ensure!(
            self.recovered_ms <= RECOVERY.as_millis(),
            "the recovery took longer than 2 s"
        );
        ensure!(
            megabytes(self.rss_after()) <= megabytes(self.rss_before_bytes) * GROWTH,
            "memory grows"
        );
        Ok(())
    }

    fn rss_after(&self) -> u64 {
        self.seconds.last().map_or(0, |second| second.rss_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let second = |step| Second {
            step,
            rss_bytes: 80_000_000,
        };
        Figures {
            schema: "plenum.overload/1",
            needed_cores: 0.3,
            left_cores: 0.066,
            rss_before_bytes: 80_000_000,
            seconds: [0.0, 3.0, 3.0].map(second).into(),
            recovered_ms: 1_100,
            audio_expected: 1_000,
            audio_lost: 0,
            dropped: 0,
            newcomers: 4,
            newcomers_refused: 4,
        }
    }

    #[test]
    fn one_voice_lost_or_a_slow_recovery_or_memory_that_grew_fails() {
        figures().judge().unwrap();
        let mut lost = figures();
        lost.audio_lost = 1;
        lost.judge().unwrap_err();
        let mut slow = figures();
        slow.recovered_ms = 2_001;
        slow.judge().unwrap_err();
        let mut grown = figures();
        grown.seconds[2].rss_bytes = 85_000_000;
        grown.judge().unwrap_err();
    }

    #[test]
    fn all_newcomers_have_to_be_refused() {
        let mut open = figures();
        open.newcomers_refused = 3;
        open.judge().unwrap_err();
    }

    #[test]
    fn a_site_that_had_time_enough_was_not_overloaded() {
        let mut enough = figures();
        enough.seconds[1].step = 1.0;
        assert!(enough.judge().is_err());
    }
}
