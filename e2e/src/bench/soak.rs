//! Whether anything grows or is left over: people come and go in waves, over every rung, some
//! without a word, and after each wave the site is looked at while nobody is in it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;

use super::median::median;
use super::process::{busiest, megabytes};
use super::site::{Load, Site, options};
use crate::load::Report;

/// Over which the people of a wave come.
const RAMP: Duration = Duration::from_secs(20);
/// After which some of them vanish without a word: their process is killed.
const VANISH: Duration = Duration::from_secs(25);
/// People of a wave: how many parts, each on a rung of its own.
const RUNGS: [&str; 3] = ["udp", "tcp", "tls"];
/// Three of four come over UDP, as in the field.
const UDP_SHARE: u32 = 75;
/// How long after the last one left everything must be gone: QUIC forgets a connection that
/// says nothing after 8 s.
const GONE_WITHIN: Duration = Duration::from_secs(20);
/// Waves that warm up: allocators keep what they were once given.
const WARM_UP: usize = 3;
/// How long a time a wave's busiest is.
const BUSIEST: Duration = Duration::from_secs(10);
/// Memory may be so much larger in the last third than in the first.
const GROWTH: f64 = 1.05;
/// File descriptors that may come and go by themselves: a connection of the link to the
/// controller that is being renewed, the request for the metrics.
const STRAY_DESCRIPTORS: usize = 4;

/// The contents of `soak.json`.
#[derive(Debug, Serialize)]
struct Figures {
    schema: &'static str,
    people: u32,
    /// What the site was held to, so that its busiest is the load wanted.
    limit_cores: Option<f64>,
    waves: Vec<Wave>,
    joins: u64,
    failed: u64,
    /// What `plenum load` says of those.
    errors: Vec<Value>,
    received: u64,
    lost: u64,
    /// Of the first third after the warm-up and of the last, medians.
    rss_first_bytes: u64,
    rss_last_bytes: u64,
}

/// How the site was after a wave, empty.
#[derive(Debug, Clone, Serialize)]
struct Wave {
    at_s: u64,
    rss_bytes: u64,
    descriptors: usize,
    /// CPU cores that the site used in the busiest ten seconds of the wave, and what share of
    /// those it had.
    cores: f64,
    load: Option<f64>,
}

/// Lets `people` come and go for so long; writes `soak.json`, prints what came of it. With a
/// `load`, the site is held to a part of a core from the second wave on: to so much that the
/// busiest of the first wave was this share of it.
pub async fn run(
    plenum: &Path,
    reports: &Path,
    lasts: Duration,
    people: u32,
    load: Option<f64>,
) -> Result<()> {
    std::fs::create_dir_all(reports)?;
    let start = Instant::now();
    let mut site = Site::start(plenum, people * 2).await?;
    let limit = load.map(|_| site.limit()).transpose()?;
    let mut figures = Figures {
        schema: "plenum.soak/1",
        people,
        limit_cores: None,
        waves: Vec::new(),
        joins: 0,
        failed: 0,
        errors: Vec::new(),
        received: 0,
        lost: 0,
        rss_first_bytes: 0,
        rss_last_bytes: 0,
    };
    println!("  people come and go for {} min", lasts.as_secs() / 60);
    while start.elapsed() < lasts {
        let (reports, cores) = busiest(site.pid()?, BUSIEST, wave(&mut site, people)).await?;
        for report in &reports {
            figures.joins += report.joins.attempted;
            figures.failed += report.joins.failed + report.dropped;
            figures.errors.extend(
                report.text["errors"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
            figures.received += report.media.received;
            figures.lost += report.media.lost;
        }
        empty(&site).await?;
        let wave = Wave {
            at_s: start.elapsed().as_secs(),
            rss_bytes: site.usage()?.rss_bytes,
            descriptors: site.descriptors()?,
            cores,
            load: figures.limit_cores.map(|limit| cores / limit),
        };
        wave.print();
        if let (Some(limit), Some(load), None) = (&limit, load, figures.limit_cores) {
            limit.set(wave.cores / load)?;
            figures.limit_cores = Some(wave.cores / load);
            println!("  from now on it has {:.2} cores", wave.cores / load);
        }
        figures.waves.push(wave);
    }
    judge(figures, reports)
}

/// What those report who left as they should: some vanish.
async fn wave(site: &mut Site, people: u32) -> Result<Vec<Report>> {
    let begun = Instant::now();
    let loads = crowds(site, people)?;
    let gone = site.load(&crowd("udp", people / 10, 60))?;
    sleep(VANISH.saturating_sub(begun.elapsed())).await;
    drop(gone);
    let mut reports = Vec::new();
    for load in loads {
        reports.push(load.finish().await?);
    }
    Ok(reports)
}

/// Overlapping crowds: each comes over a third of the wave and leaves at another time, the first
/// one ten seconds after its last came.
fn crowds(site: &mut Site, people: u32) -> Result<Vec<Load>> {
    let udp = people * UDP_SHARE / 100;
    let rest = (people - udp) / 2;
    let crowds = RUNGS.into_iter().zip([udp, rest, rest]).zip([40, 35, 30]);
    crowds
        .map(|((rung, people), seconds)| site.load(&crowd(rung, people, seconds)))
        .collect()
}

/// So many people, in meetings of five, for so many seconds.
fn crowd(rung: &str, people: u32, seconds: u32) -> Vec<String> {
    options(&[
        ("--rung", rung.to_owned()),
        ("--meetings", (people / 5).max(1).to_string()),
        ("--participants", "5".to_owned()),
        ("--speakers", "3".to_owned()),
        ("--layers", "150,500".to_owned()),
        ("--ramp", RAMP.as_secs().to_string()),
        ("--for", seconds.to_string()),
    ])
}

/// Waits until nobody and nothing of anybody is in the site.
async fn empty(site: &Site) -> Result<()> {
    let since = Instant::now();
    loop {
        let mut left = Vec::new();
        for what in [
            "plenum_meetings",
            "plenum_participants",
            "plenum_media_connections",
        ] {
            let count = site.metric(what).await?;
            if count > 0.0 {
                left.push(format!("{what} {count}"));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        ensure!(
            since.elapsed() < GONE_WITHIN,
            "everybody left 20 s ago, and there is still: {}",
            left.join(", ")
        );
        sleep(Duration::from_millis(500)).await;
    }
}

impl Wave {
    fn print(&self) {
        let load = self.load.map(|load| format!(", {:.0} %", load * 100.0));
        println!(
            "  {:>5} s   empty: {:>6.1} MB, {:>3} file descriptors   up to {:.2} cores{}",
            self.at_s,
            megabytes(self.rss_bytes),
            self.descriptors,
            self.cores,
            load.unwrap_or_default()
        );
    }
}

fn judge(mut figures: Figures, reports: &Path) -> Result<()> {
    let rss: Vec<u64> = figures.waves.iter().map(|wave| wave.rss_bytes).collect();
    let growth = growth(&rss);
    if let Some((first, last)) = growth {
        (figures.rss_first_bytes, figures.rss_last_bytes) = (first, last);
    }
    let file = reports.join("soak.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&figures)?)?;
    println!(
        "\n  joins {}, failed {}; packets received {}, lost {}",
        figures.joins, figures.failed, figures.received, figures.lost
    );
    ensure!(figures.received > 0, "nobody heard or saw anything");
    ensure!(
        figures.failed == 0,
        "somebody could not join or was dropped: {}",
        Value::from(figures.errors)
    );
    let Some((first, last)) = growth else {
        println!("  too short to say whether memory grows: take 6 minutes or more");
        return Ok(());
    };
    println!(
        "  memory when empty: {:.1} MB in the first third after the warm-up, {:.1} MB in the last",
        megabytes(first),
        megabytes(last)
    );
    let bound = megabytes(first) * GROWTH;
    ensure!(megabytes(last) <= bound, "memory grows");
    let descriptors = figures.waves.iter().skip(WARM_UP).map(|w| w.descriptors);
    let fewest = descriptors.clone().min().unwrap_or_default();
    let most = descriptors.max().unwrap_or_default();
    ensure!(
        most <= fewest + STRAY_DESCRIPTORS,
        "file descriptors leak: {fewest} to {most} of an empty site"
    );
    Ok(())
}

/// Medians of the first third after the warm-up and of the last, where there are enough.
fn growth(rss: &[u64]) -> Option<(u64, u64)> {
    let warm = rss.get(WARM_UP..)?;
    let third = warm.len() / 3;
    let middle = |part: &[u64]| median(part.iter().copied(), Ord::cmp);
    Some((
        middle(&warm[..third])?,
        middle(&warm[warm.len() - third..])?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_seen_between_the_first_and_the_last_third() {
        let flat = [9, 9, 9, 5, 6, 5, 5, 5, 5, 5, 6, 5];
        assert_eq!(growth(&flat), Some((5, 5)));
        let leak: Vec<u64> = (1..=12).collect();
        assert_eq!(growth(&leak), Some((5, 11)));
        assert_eq!(growth(&[1, 2, 3, 4, 5]), None);
    }
}
