//! What `plenum load` reports, `plenum.load/1`.

use std::fmt::{self, Display, Formatter};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// The most that a move may add to the longest audio gap of those who are not being moved: three
/// packets of speech, in ms.
pub const MOVE_ADDS_MS: f64 = 60.0;

/// A report. What is missing in its text is an error, never a zero.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    /// Seconds from the first join to the end.
    pub lasted_s: f64,
    /// People who came.
    pub joins: Joins,
    /// What they heard and saw.
    pub media: Media,
    /// Moves to another router.
    pub migrations: Migrations,
    /// Returns after a connection died.
    pub reconnections: Reconnections,
    /// People who were in and could not come back.
    pub dropped: u64,
    /// All of it as it was written.
    #[serde(skip)]
    pub text: Value,
}

/// How people got in; times from the call to the first bound media connection.
#[derive(Debug, Clone, Deserialize)]
pub struct Joins {
    /// Who tried.
    pub attempted: u64,
    /// Who was not let in.
    pub failed: u64,
    /// Who was told to leave before they were in.
    pub abandoned: u64,
    /// Median; none when nobody got in.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
}

/// What all listeners received.
#[derive(Debug, Clone, Deserialize)]
pub struct Media {
    /// Packets that came, each counted once.
    pub received: u64,
    /// Packets that should have come and did not.
    pub lost: u64,
    /// From speaker to listener, median.
    pub latency_p50_ms: Option<f64>,
    /// 99th percentile.
    pub latency_p99_ms: Option<f64>,
    /// Longest time between two packets of speech that were sent 20 ms apart.
    pub audio_gap_max_ms: Option<f64>,
}

/// Moves to another router.
#[derive(Debug, Clone, Deserialize)]
pub struct Migrations {
    /// People moved.
    pub count: u64,
    /// Of these, who lost a connection by it.
    pub failed: u64,
    /// As in [`Media`], of those who were being moved.
    pub audio_gap_max_ms: Option<f64>,
}

/// Returns after a connection died.
#[derive(Debug, Clone, Deserialize)]
pub struct Reconnections {
    /// How many.
    pub count: u64,
    /// The slowest.
    pub max_ms: Option<f64>,
}

impl Report {
    /// Reads a report.
    pub fn parse(text: &str) -> Result<Self> {
        Self::of(serde_json::from_str(text).context("the load report is no JSON")?)
    }

    fn of(text: Value) -> Result<Self> {
        ensure!(
            text["schema"] == "plenum.load/1",
            "unknown load report {}",
            text["schema"]
        );
        let mut report: Self = serde_json::from_value(text.clone())
            .with_context(|| format!("the load report lacks a figure: {text}"))?;
        report.text = text;
        Ok(report)
    }

    /// What went wrong for the people in it, a sentence each.
    #[must_use]
    pub fn wrongs(&self) -> Vec<String> {
        let none_should = [
            (self.joins.failed, "joins failed"),
            (self.joins.abandoned, "joins were given up"),
            (self.media.lost, "packets were lost"),
            (self.migrations.failed, "moves failed"),
            (self.reconnections.count, "connections died"),
            (self.dropped, "people were dropped"),
        ];
        let wrongs = none_should
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}, none should have"));
        let silence = (self.media.received == 0).then(|| "no media was received".to_owned());
        wrongs.chain(silence).collect()
    }

    /// What was added to the longest audio gap of the others by being moved, in ms; below zero when
    /// theirs is longer. None when nobody was moved who heard anything.
    #[must_use]
    pub fn move_added_ms(&self) -> Option<f64> {
        let others = self.media.audio_gap_max_ms.unwrap_or_default();
        self.migrations.audio_gap_max_ms.map(|gap| gap - others)
    }

    /// Two loads as one: counts added, times the worse of the two.
    pub fn with(self, other: &Self) -> Result<Self> {
        let mut text = self.text;
        merge(&mut text, &other.text, "");
        Self::of(text)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

fn merge(into: &mut Value, other: &Value, key: &str) {
    match (into, other) {
        (Value::Object(into), Value::Object(other)) => {
            for (key, value) in other {
                merge(into.entry(key).or_insert(Value::Null), value, key);
            }
        }
        (Value::Array(into), Value::Array(other)) => into.extend(other.iter().cloned()),
        (into @ Value::Null, other) => *into = other.clone(),
        (into @ Value::Number(_), Value::Number(_)) => {
            let (a, b) = (into.as_f64().unwrap_or(0.0), other.as_f64().unwrap_or(0.0));
            // Times and shares do not add up: the worse of the two counts.
            let worse = key.ends_with("_ms") || key.ends_with("_per_mille");
            let merged = if worse { a.max(b) } else { a + b };
            // Counts stay whole numbers.
            *into = match (into.as_u64(), other.as_u64()) {
                (Some(a), Some(b)) if !worse => Value::from(a + b),
                _ => Value::from(merged),
            };
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(lost: u64, p95: f64) -> Value {
        json!({
            "schema": "plenum.load/1",
            "lasted_s": 5.0,
            "joins": {"attempted": 4, "failed": 0, "abandoned": 0, "p50_ms": 3.0, "p95_ms": p95},
            "media": {"received": 100, "lost": lost, "latency_p50_ms": 0.2, "latency_p99_ms": 1.0, "audio_gap_max_ms": 21.0},
            "migrations": {"count": 0, "failed": 0, "audio_gap_max_ms": null},
            "reconnections": {"count": 0, "max_ms": null},
            "dropped": 0,
            "errors": [{"what": lost}],
        })
    }

    #[test]
    fn two_reports_add_counts_and_keep_the_worse_times() {
        let (one, two) = (text(1, 80.5), text(2, 20.0));
        let one = Report::of(one).unwrap();
        let both = one.with(&Report::of(two).unwrap()).unwrap();
        assert_eq!(both.media.lost, 3);
        assert_eq!(both.joins.p95_ms, Some(80.5));
        assert_eq!(both.text["errors"].as_array().unwrap().len(), 2);
        assert_eq!(both.text["schema"], "plenum.load/1");
    }

    #[test]
    fn what_went_wrong_is_told_and_silence_is_wrong_too() {
        assert!(Report::of(text(0, 1.0)).unwrap().wrongs().is_empty());
        let mut silent = text(2, 1.0);
        silent["media"]["received"] = 0.into();
        let wrongs = Report::of(silent).unwrap().wrongs();
        assert_eq!(
            wrongs,
            [
                "2 packets were lost, none should have",
                "no media was received"
            ]
        );
    }

    #[test]
    fn what_a_move_adds_is_beyond_what_others_had() {
        let mut moved = text(0, 1.0);
        assert_eq!(Report::of(moved.clone()).unwrap().move_added_ms(), None);
        moved["migrations"] = json!({"count": 2, "failed": 0, "audio_gap_max_ms": 65.5});
        assert_eq!(Report::of(moved).unwrap().move_added_ms(), Some(44.5));
    }

    #[test]
    fn a_report_that_lacks_a_figure_is_refused() {
        let mut renamed = text(0, 1.0);
        renamed["media"].as_object_mut().unwrap().remove("lost");
        assert!(Report::of(renamed).is_err());
        assert!(Report::parse(r#"{"schema":"other"}"#).is_err());
        assert!(Report::parse("{").is_err());
    }
}
