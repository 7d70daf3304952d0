//! People for the zone: `plenum load` in the background, and what it reports at its end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Child;

use crate::site::Site;

/// What to ask of `plenum load`.
pub struct Plan<'a> {
    /// For the names of its files.
    pub name: &'a str,
    /// The zone.
    pub zones: &'a [String],
    /// Its authority.
    pub ca: &'a Path,
    /// Meetings at once.
    pub meetings: u32,
    /// People in each.
    pub participants: u32,
    /// Of these, who speaks.
    pub speakers: u32,
    /// What each speaker's camera sends, in kbit/s; 0 for none.
    pub video_kbps: u32,
    /// Time over which they come.
    pub ramp: Duration,
    /// Time until they leave, the ramp included.
    pub lasts: Duration,
}

/// A running `plenum load`.
pub struct Load {
    child: Child,
    report: PathBuf,
    log: PathBuf,
}

impl Load {
    /// Starts it.
    pub fn start(site: &Site, plan: &Plan<'_>) -> Result<Self> {
        let file = |kind: &str| site.reports.join(format!("load-{}.{kind}", plan.name));
        let (report, log) = (file("json"), file("log"));
        let timeline = Self::timeline(site, plan.name);
        for old in [&report, &timeline] {
            let _ = std::fs::remove_file(old);
        }
        let mut args: Vec<String> = vec!["load".into()];
        let mut add = |name: &str, value: String| args.extend([name.to_owned(), value]);
        plan.zones
            .iter()
            .for_each(|zone| add("--zone", zone.clone()));
        add("--ca", plan.ca.display().to_string());
        add("--meetings", plan.meetings.to_string());
        add("--participants", plan.participants.to_string());
        add("--speakers", plan.speakers.to_string());
        if plan.video_kbps > 0 {
            add("--video-kbps", plan.video_kbps.to_string());
        }
        add("--ramp", plan.ramp.as_secs().to_string());
        add("--for", plan.lasts.as_secs().to_string());
        add("--report", report.display().to_string());
        add("--timeline", timeline.display().to_string());
        add("--meeting-prefix", plan.name.to_owned());
        add("--output", "json".into());
        let child = site.plenum(args, &log)?;
        Ok(Self { child, report, log })
    }

    /// Where a load of this name writes what happens, one JSON object a line.
    #[must_use]
    pub fn timeline(site: &Site, name: &str) -> PathBuf {
        site.reports.join(format!("load-{name}.timeline.jsonl"))
    }

    /// Asks it to end now, as Ctrl-C does.
    pub fn stop(&self) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // It may have ended already.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }

    /// Waits for its end.
    pub async fn report(mut self) -> Result<Report> {
        let status = self.child.wait().await?;
        let text = std::fs::read_to_string(&self.report).with_context(|| {
            format!(
                "no report; it ended with {status}, see {}",
                self.log.display()
            )
        })?;
        Report::parse(&text)
    }
}

/// The load report, `plenum.load/1`.
#[derive(Debug, Clone)]
pub struct Report(pub Value);

impl Report {
    /// Reads a report.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).context("the load report is no JSON")?;
        ensure!(
            value["schema"] == "plenum.load/1",
            "unknown load report {}",
            value["schema"]
        );
        Ok(Self(value))
    }

    /// A number of the report by its path; 0 when nothing was measured.
    #[must_use]
    pub fn number(&self, pointer: &str) -> f64 {
        self.0
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
    }

    /// Two loads as one: counts added, times the worse of the two.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        merge(&mut self.0, &other.0, "");
        self
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
            let merged = if key.ends_with("_ms") {
                a.max(b)
            } else {
                a + b
            };
            // Counts stay whole numbers.
            *into = match (into.as_u64(), other.as_u64()) {
                (Some(a), Some(b)) if !key.ends_with("_ms") => Value::from(a + b),
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

    #[test]
    fn two_reports_add_counts_and_keep_the_worse_times() {
        let report = |failed: u32, p95: f64| {
            Report(json!({
                "schema": "plenum.load/1",
                "joins": {"failed": failed, "p95_ms": p95},
                "errors": [{"what": failed}],
            }))
        };
        let both = report(1, 80.5).with(&report(2, 20.0));
        assert_eq!(both.0["joins"], json!({"failed": 3, "p95_ms": 80.5}));
        assert_eq!(both.0["errors"].as_array().unwrap().len(), 2);
        assert_eq!(both.0["schema"], "plenum.load/1");
    }

    #[test]
    fn a_report_of_another_schema_is_refused() {
        assert!(Report::parse(r#"{"schema":"other"}"#).is_err());
        assert!(Report::parse("{").is_err());
    }
}
