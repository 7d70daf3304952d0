//! People for the zone: `plenum load` in the background, and what it reports at its end.

mod report;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Child;

pub use report::{MOVE_ADDS_MS, Report};

use crate::children;
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
    people: u64,
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
        Ok(Self {
            child,
            people: u64::from(plan.meetings) * u64::from(plan.participants),
            report,
            log,
        })
    }

    /// Where a load of this name writes what happens, one JSON object a line.
    #[must_use]
    pub fn timeline(site: &Site, name: &str) -> PathBuf {
        site.reports.join(format!("load-{name}.timeline.jsonl"))
    }

    /// Asks it to end now, as Ctrl-C does.
    pub fn stop(&self) {
        children::terminate(&self.child);
    }

    /// Waits for its end. Fails unless everybody who was to come is in the report, and `plenum
    /// load` itself found nothing wrong.
    pub async fn report(self) -> Result<Report> {
        let (people, log) = (self.people, self.log.display().to_string());
        let (status, report) = self.outcome().await?;
        ensure!(
            status.success(),
            "it ended with {status}, see {log}: {report}"
        );
        let came = report.joins.attempted + report.joins.abandoned;
        ensure!(came >= people, "{came} of {people} people came: {report}");
        Ok(report)
    }

    /// Waits for its end, and returns what it reports, whatever it is.
    pub async fn outcome(mut self) -> Result<(ExitStatus, Report)> {
        let status = self.child.wait().await?;
        let log = self.log.display();
        let text = std::fs::read_to_string(&self.report)
            .with_context(|| format!("no report; it ended with {status}, see {log}"))?;
        Ok((status, Report::parse(&text)?))
    }
}
