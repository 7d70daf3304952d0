//! What is heard and seen over bad networks: `plenum serve` on a good one, `plenum load` with
//! some or all participants behind an emulated one, and the aims that the figures are held to.

mod scenarios;
mod story;

use std::path::Path;

use anyhow::{Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::median::median;
use super::site::Site;
use story::Story;

/// Room for the largest meeting.
const CAPACITY: u32 = 200;

/// A meeting on a bad network.
struct Scenario {
    name: &'static str,
    /// For people.
    what: &'static str,
    options: Vec<String>,
    figures: fn(&Value, &Story) -> Vec<Figure>,
}

/// One figure and what it should be.
#[derive(Debug, Clone, Serialize)]
struct Figure {
    name: &'static str,
    /// None: it could not be measured, which is a failure.
    value: Option<f64>,
    unit: &'static str,
    /// None: it is told, and nothing is asked of it.
    at_most: Option<f64>,
}

impl Figure {
    fn holds(&self) -> bool {
        match (self.value, self.at_most) {
            (Some(value), Some(at_most)) => value <= at_most,
            (_, None) => true,
            (None, Some(_)) => false,
        }
    }
}

/// The medians of one scenario.
#[derive(Debug, Serialize)]
struct Outcome {
    name: &'static str,
    figures: Vec<Figure>,
}

/// The contents of `quality.json`.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    rounds: usize,
    scenarios: Vec<Outcome>,
}

/// Runs the scenarios, or only the one named, each so often; writes `quality.json` and the
/// reports of the loads; prints a table. Fails when a median misses its aim.
pub async fn run(plenum: &Path, reports: &Path, only: Option<&str>, rounds: usize) -> Result<()> {
    std::fs::create_dir_all(reports)?;
    let mut report = Report {
        schema: "plenum.quality/1",
        rounds,
        scenarios: Vec::new(),
    };
    for scenario in scenarios::all() {
        if only.is_some_and(|only| only != scenario.name) {
            continue;
        }
        println!("\n  {}: {}", scenario.name, scenario.what);
        let mut each = Vec::new();
        for round in 1..=rounds.max(1) {
            each.push(scenario.run(plenum, reports, round).await?);
        }
        let figures = medians(&each);
        figures.iter().for_each(print);
        report.scenarios.push(Outcome {
            name: scenario.name,
            figures,
        });
    }
    ensure!(!report.scenarios.is_empty(), "there is no such scenario");
    let file = reports.join("quality.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&report)?)?;
    let figures = report.scenarios.iter().flat_map(|one| &one.figures);
    let missed = figures.filter(|figure| !figure.holds()).count();
    ensure!(missed == 0, "{missed} figures miss their aim");
    Ok(())
}

impl Scenario {
    async fn run(&self, plenum: &Path, reports: &Path, round: usize) -> Result<Vec<Figure>> {
        let file = |kind| reports.join(format!("quality-{}-{round}.{kind}", self.name));
        let timeline = file("jsonl");
        let mut options = self.options.clone();
        options.extend(["--timeline".to_owned(), timeline.display().to_string()]);
        options.extend(["--network-seed".to_owned(), round.to_string()]);
        let mut site = Site::start(plenum, CAPACITY).await?;
        let report = site.load(&options)?.succeed().await?;
        site.kill().await?;
        std::fs::write(file("json"), serde_json::to_vec_pretty(&report.text)?)?;
        let story = Story::parse(&std::fs::read_to_string(&timeline)?)?;
        Ok((self.figures)(&report.text, &story))
    }
}

/// Each figure by its own median; one that is missing counts as the worst.
fn medians(rounds: &[Vec<Figure>]) -> Vec<Figure> {
    let Some(first) = rounds.first() else {
        return Vec::new();
    };
    let figures = first.iter().enumerate();
    figures
        .map(|(at, figure)| {
            let worst = f64::INFINITY;
            let values = rounds.iter().map(|round| round[at].value);
            let by_value = |a: &Option<f64>, b: &Option<f64>| {
                a.unwrap_or(worst).total_cmp(&b.unwrap_or(worst))
            };
            Figure {
                value: median(values, by_value).flatten(),
                ..figure.clone()
            }
        })
        .collect()
}

fn print(figure: &Figure) {
    let value = figure
        .value
        .map_or_else(|| "not seen".to_owned(), |value| format!("{value:.1}"));
    let verdict = if figure.holds() { "" } else { "   MISSED" };
    let aim = figure.at_most;
    let aim = aim.map_or_else(String::new, |at_most| format!("aim: at most {at_most}"));
    println!(
        "    {:<34} {value:>9} {:<9} {aim}{verdict}",
        figure.name, figure.unit
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_seen_is_the_worst_and_holds_no_aim() {
        let figure = |value| {
            vec![Figure {
                name: "x",
                value,
                unit: "ms",
                at_most: Some(5.0),
            }]
        };
        let seen = medians(&[figure(Some(9.0)), figure(Some(1.0)), figure(Some(2.0))]);
        assert_eq!(seen[0].value, Some(2.0));
        assert!(seen[0].holds());
        let blind = medians(&[figure(None), figure(Some(1.0)), figure(None)]);
        assert_eq!(blind[0].value, None);
        assert!(!blind[0].holds());
    }
}
