//! The table that people read, and `faults.json`.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// What came of one case.
#[derive(Debug, Default, Serialize)]
pub struct Row {
    /// Its name in the table of faults: T1 to T11.
    pub case: String,
    /// What is done.
    pub what: String,
    /// How many schedules were tried.
    pub schedules: u64,
    /// Requests to which something was done.
    pub faults: u64,
    /// Requests that operators made.
    pub requests: u64,
    /// Changes at the API server that the observer judged by the rules of T10.
    pub judged: u64,
    /// Schedules that failed: their seed and why.
    pub failures: Vec<Failure>,
    /// How long they took, one after the other, in seconds.
    pub seconds: f64,
}

/// A schedule that failed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// With it the schedule can be tried again.
    pub seed: u64,
    /// What did not hold.
    pub why: String,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    passed: bool,
    /// Abstract states of the objects that operators were seen in, all different.
    distinct_states: usize,
    /// Writes of the story that T1 crashes after.
    writes_of_the_story: u64,
    cases: &'a [Row],
}

/// Writes `faults.json` and prints the table.
pub fn write(rows: &[Row], states: usize, writes: u64, reports: &Path) -> Result<()> {
    let report = Report {
        schema: "plenum.faults/1",
        passed: rows.iter().all(|row| row.failures.is_empty()),
        distinct_states: states,
        writes_of_the_story: writes,
        cases: rows,
    };
    std::fs::create_dir_all(reports)?;
    let text = serde_json::to_vec_pretty(&report)?;
    std::fs::write(reports.join("faults.json"), text)?;
    println!(
        "\n  {:<4} {:>9} {:>8} {:>9} {:>9} {:>7} {:>7}  what is done",
        "", "schedules", "failed", "faults", "requests", "judged", "s"
    );
    for row in rows {
        println!(
            "  {:<4} {:>9} {:>8} {:>9} {:>9} {:>7} {:>7.0}  {}",
            row.case,
            row.schedules,
            row.failures.len(),
            row.faults,
            row.requests,
            row.judged,
            row.seconds,
            row.what
        );
    }
    println!("  {states} distinct states of the operator's objects were reached");
    Ok(())
}
