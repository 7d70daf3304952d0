//! What a join, a forwarded packet and a participant cost, one rung after the other in each
//! round. Each figure is the median of several rounds.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::median::median;
use super::site::{Site, options};

/// Rounds; the median of an odd number is one of them.
const ROUNDS: usize = 3;
/// People: 10 meetings of 10, two of whom speak and show themselves.
const MEETINGS: u32 = 10;
const PARTICIPANTS: u32 = 10;
/// Seconds of each load, and over which people come.
const LASTS: u32 = 12;
const RAMP: u32 = 3;
/// Room for more than come.
const CAPACITY: u32 = 1_000;

/// The contents of `bench-rungs.json`.
#[derive(Debug, Serialize)]
struct Figures {
    schema: &'static str,
    participants: u32,
    rounds: usize,
    /// Of a site without anybody in it.
    idle_rss_bytes: u64,
    rungs: Vec<Rung>,
}

/// The medians of one rung.
#[derive(Debug, Clone, Serialize)]
struct Rung {
    name: &'static str,
    join_p50_ms: f64,
    join_p95_ms: f64,
    packets_received_per_s: f64,
    /// CPU time of the whole site process by packets that listeners received.
    cpu_us_per_packet: f64,
    latency_p50_ms: f64,
    latency_p99_ms: f64,
    rss_bytes_per_participant: f64,
    lost: u64,
}

/// Runs the benchmark, writes `bench-rungs.json` and prints a table.
pub async fn run(plenum: &Path, reports: &Path) -> Result<()> {
    std::fs::create_dir_all(reports)?;
    let mut rounds: Vec<Vec<Rung>> = Vec::new();
    let mut idle = Vec::new();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS} ...");
        let mut rungs = Vec::new();
        for rung in ["udp", "tcp", "tls"] {
            let site = Site::start(plenum, CAPACITY).await?;
            idle.push(site.usage()?.rss_bytes);
            rungs.push(measure(site, rung, reports).await?);
        }
        rounds.push(rungs);
    }
    let figures = Figures {
        schema: "plenum.bench/1",
        participants: MEETINGS * PARTICIPANTS,
        rounds: ROUNDS,
        idle_rss_bytes: median(idle, Ord::cmp).unwrap_or_default(),
        rungs: (0..3)
            .map(|rung| {
                middle(
                    &rounds
                        .iter()
                        .map(|round| round[rung].clone())
                        .collect::<Vec<_>>(),
                )
            })
            .collect(),
    };
    std::fs::write(
        reports.join("bench-rungs.json"),
        serde_json::to_vec_pretty(&figures)?,
    )?;
    print(&figures);
    ensure!(
        figures.rungs.iter().all(|rung| rung.lost == 0),
        "media was lost, see {}",
        reports.display()
    );
    Ok(())
}

/// Each figure by its own median.
fn middle(rounds: &[Rung]) -> Rung {
    let of = |figure: fn(&Rung) -> f64| {
        median(rounds.iter().map(figure), f64::total_cmp).unwrap_or(f64::NAN)
    };
    Rung {
        name: rounds[0].name,
        join_p50_ms: of(|rung| rung.join_p50_ms),
        join_p95_ms: of(|rung| rung.join_p95_ms),
        packets_received_per_s: of(|rung| rung.packets_received_per_s),
        cpu_us_per_packet: of(|rung| rung.cpu_us_per_packet),
        latency_p50_ms: of(|rung| rung.latency_p50_ms),
        latency_p99_ms: of(|rung| rung.latency_p99_ms),
        rss_bytes_per_participant: of(|rung| rung.rss_bytes_per_participant),
        lost: rounds.iter().map(|rung| rung.lost).sum(),
    }
}

fn print(figures: &Figures) {
    println!(
        "\n  {} people, medians of {} rounds\n",
        figures.participants, figures.rounds
    );
    println!(
        "  rung   join p50   p95       packets/s   CPU per packet   delay p50   p99       memory per person"
    );
    for rung in &figures.rungs {
        println!(
            "  {:<6} {:>5.0} ms {:>6.0} ms {:>10.0}   {:>9.2} us   {:>8.2} ms {:>6.2} ms {:>12.0} kB",
            rung.name,
            rung.join_p50_ms,
            rung.join_p95_ms,
            rung.packets_received_per_s,
            rung.cpu_us_per_packet,
            rung.latency_p50_ms,
            rung.latency_p99_ms,
            rung.rss_bytes_per_participant / 1_000.0,
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "bytes of one process")]
    let idle = figures.idle_rss_bytes as f64 / 1e6;
    println!("\n  a site without people: {idle:.1} MB");
}

/// People come, speak and leave over one rung.
async fn measure(mut site: Site, rung: &'static str, reports: &Path) -> Result<Rung> {
    let before = site.usage()?;
    let load = site.load(&options(&[
        ("--rung", rung.to_owned()),
        ("--speakers", "2".to_owned()),
        ("--video-kbps", "300".to_owned()),
        ("--meetings", MEETINGS.to_string()),
        ("--participants", PARTICIPANTS.to_string()),
        ("--ramp", RAMP.to_string()),
        ("--for", LASTS.to_string()),
    ]))?;
    let full = Duration::from_secs(u64::from(LASTS) - 2);
    let (report, during) = tokio::join!(load.succeed(), async {
        tokio::time::sleep(full).await;
        site.usage()
    });
    let (report, during, after) = (report?, during?, site.usage()?);
    std::fs::write(
        reports.join(format!("bench-load-{rung}.json")),
        serde_json::to_vec_pretty(&report.text)?,
    )?;
    site.kill().await?;
    #[expect(clippy::cast_precision_loss, reason = "a few million packets")]
    let received = report.media.received as f64;
    #[expect(clippy::cast_precision_loss, reason = "bytes of one process")]
    let grown = during.rss_bytes.saturating_sub(before.rss_bytes) as f64;
    Ok(Rung {
        name: rung,
        join_p50_ms: report.joins.p50_ms.unwrap_or_default(),
        join_p95_ms: report.joins.p95_ms.unwrap_or_default(),
        packets_received_per_s: received / report.lasted_s.max(1.0),
        cpu_us_per_packet: after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6
            / received.max(1.0),
        latency_p50_ms: report.media.latency_p50_ms.unwrap_or_default(),
        latency_p99_ms: report.media.latency_p99_ms.unwrap_or_default(),
        rss_bytes_per_participant: grown / f64::from(MEETINGS * PARTICIPANTS),
        lost: report.media.lost,
    })
}
