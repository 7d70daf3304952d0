//! The table that people read, and `matrix.json`.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::judge::Outcome;

/// The contents of `matrix.json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    /// Every scenario went as it should.
    passed: bool,
    /// Every time was within its limit.
    in_time: bool,
    scenarios: &'a [Outcome],
}

/// Writes `matrix.json`.
pub fn write(outcomes: &[Outcome], reports: &Path) -> Result<()> {
    let report = Report {
        schema: "plenum.matrix/1",
        passed: outcomes.iter().all(|outcome| outcome.failures.is_empty()),
        in_time: outcomes.iter().all(|outcome| outcome.in_time),
        scenarios: outcomes,
    };
    let text = serde_json::to_vec_pretty(&report)?;
    std::fs::write(reports.join("matrix.json"), text)?;
    Ok(())
}

/// Above the rows.
pub fn print_head() {
    println!(
        "  {:<22} {:>8} {:>9}  {:<14} {:<20} {:>9} {:>7}",
        "", "join ms", "media ms", "rungs a/v/c", "most bytes", "gap ms", "lost"
    );
}

/// A row, and below it what is wrong.
pub fn print(outcome: &Outcome) {
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let rung = |kind: &str| outcome.rungs.get(kind).map_or("-", String::as_str);
    let rungs = ["audio", "video", "content"].map(rung).join("/");
    let route = outcome.route.as_deref().unwrap_or("-");
    let gap = outcome.gap_ms.map(number).join("/");
    let lost = [0, 1].map(|way| (outcome.audio_lost[way] + outcome.picture_lost[way]).to_string());
    let verdict = match (outcome.failures.is_empty(), outcome.in_time) {
        (false, _) => "  FAILED",
        (true, false) => "  late",
        (true, true) => "",
    };
    println!(
        "  {:<22} {:>8} {:>9}  {rungs:<14} {route:<20} {gap:>9} {:>7}{verdict}",
        outcome.name,
        number(outcome.join_ms),
        number(outcome.first_media_ms),
        lost.join("/"),
    );
    for (kind, marks) in &outcome.marks {
        println!(
            "      {kind}: sent {:?}, received {:?}",
            marks.sent, marks.received
        );
    }
    if let Some(says) = &outcome.says {
        println!("      it says: {says}");
    }
    for failure in &outcome.failures {
        println!("      {failure}");
    }
}
