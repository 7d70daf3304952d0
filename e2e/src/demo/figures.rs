//! What the demo found out, as `demo.json` and as a table.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use super::meeting::Attendance;
use crate::load::{MOVE_ADDS_MS, Report};
use crate::observe::{RouterCounts, Timeline};

/// The contents of `demo.json`.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// `plenum.demo/1`.
    pub schema: &'static str,
    /// The first two people.
    pub meeting: Vec<Attendance>,
    /// All loads as one report.
    #[serde(serialize_with = "as_written")]
    pub load: Report,
    /// The pool over time.
    pub routers: Vec<At>,
    /// How fast it grew.
    pub scale_up: ScaleUp,
    /// Every router that was emptied.
    pub drains: Vec<Drained>,
    /// From the start of the installation to the end, in seconds.
    pub took_s: f64,
}

/// The pool's status at one moment.
#[derive(Debug, Serialize)]
pub struct At {
    /// Seconds since the demo began.
    pub at_s: f64,
    /// The status.
    #[serde(flatten)]
    pub counts: RouterCounts,
}

/// Medians and worst cases of growing.
#[derive(Debug, Default, Serialize)]
pub struct ScaleUp {
    /// From the join that crossed the threshold to the first node's label.
    pub threshold_to_label_ms: Option<i64>,
    /// From a node's label to its router taking participants; the slowest.
    pub label_to_accepting_ms: Option<i64>,
}

/// One emptied router.
#[derive(Debug, Clone, Serialize)]
pub struct Drained {
    /// Its node.
    pub router: String,
    /// People on it when the drain began.
    pub participants: u32,
    /// From the decision until the node's label was gone.
    pub ms: i64,
    /// The longest silence any listener heard on an audio track while being moved.
    pub audio_gap_max_ms: f64,
}

/// One line of the table.
struct Line {
    what: &'static str,
    figure: String,
    aim: &'static str,
    met: Option<bool>,
}

impl Figures {
    /// Puts the figures together. `start_ms` is the demo's begin in Unix time.
    #[must_use]
    pub fn new(
        meeting: Vec<Attendance>,
        load: &Report,
        timeline: &Timeline,
        scale_up: ScaleUp,
        drains: Vec<Drained>,
        start_ms: i64,
        took_s: f64,
    ) -> Self {
        let routers = timeline.counts.iter().map(|(at, counts)| At {
            at_s: seconds(at - start_ms),
            counts: *counts,
        });
        Self {
            schema: "plenum.demo/1",
            meeting,
            load: load.clone(),
            routers: routers.collect(),
            scale_up,
            drains,
            took_s,
        }
    }

    /// What must hold; sentences for what does not.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut failures = self.load.wrongs();
        failures.extend(self.meeting.iter().flat_map(Attendance::failures));
        if self.load.migrations.count == 0 || self.drains.is_empty() {
            failures.push("no router was drained with people on it".into());
        }
        let most = self
            .routers
            .iter()
            .map(|at| at.counts.accepting)
            .max()
            .unwrap_or(0);
        if most < 3 {
            failures.push(format!(
                "the pool grew to {most} routers, it should have to 3 or more"
            ));
        }
        if self.routers.last().is_none_or(|at| at.counts.active != 1) {
            failures.push("the pool did not shrink back to 1 router".into());
        }
        failures
    }

    /// The figures as text for a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        for line in self.lines() {
            let met = match line.met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let _ = writeln!(
                text,
                "  {:<44} {:>16}   {:<22} {met}",
                line.what, line.figure, line.aim
            );
        }
        text
    }

    fn lines(&self) -> Vec<Line> {
        let Report {
            joins,
            media,
            migrations,
            ..
        } = &self.load;
        let zero = |what, count: u64| Line {
            what,
            figure: count.to_string(),
            aim: "0",
            met: Some(count == 0),
        };
        let under = |what, value: Option<f64>, aim, limit: f64| Line {
            what,
            figure: value.map_or("-".into(), |value| format!("{value:.0} ms")),
            aim,
            met: Some(value.is_some_and(|value| value <= limit)),
        };
        let told = |what, figure| Line {
            what,
            figure,
            aim: "",
            met: None,
        };
        let fullest = self.drains.iter().max_by_key(|drain| drain.participants);
        let slowest = self.drains.iter().map(|drain| drain.ms).max();
        let gap = media.audio_gap_max_ms.unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a demo")]
        let ms = |value: i64| value as f64;
        vec![
            told("joins", joins.attempted.to_string()),
            zero("joins failed", joins.failed),
            under("join, 95th percentile", joins.p95_ms, "< 500 ms", 500.0),
            told("packets received", media.received.to_string()),
            zero("packets lost", media.lost),
            told("participants moved", migrations.count.to_string()),
            zero("moves failed", migrations.failed),
            told("longest audio gap without moves", format!("{gap:.0} ms")),
            under(
                "longest audio gap in moves",
                migrations.audio_gap_max_ms,
                "60 ms above the former",
                gap + MOVE_ADDS_MS,
            ),
            under(
                "load over threshold to node labelled",
                self.scale_up.threshold_to_label_ms.map(ms),
                "< 1000 ms",
                1_000.0,
            ),
            under(
                "node labelled to router accepting, worst",
                self.scale_up.label_to_accepting_ms.map(ms),
                "< 5000 ms",
                5_000.0,
            ),
            told(
                "people on the fullest router drained",
                fullest.map_or("-".into(), |drain| drain.participants.to_string()),
            ),
            under(
                "its drain",
                fullest.map(|drain| ms(drain.ms)),
                "< 10000 ms",
                10_000.0,
            ),
            under("slowest drain", slowest.map(ms), "< 10000 ms", 10_000.0),
            told("the whole demo", format!("{:.0} s", self.took_s)),
        ]
    }
}

fn as_written<S: Serializer>(load: &Report, serializer: S) -> Result<S::Ok, S::Error> {
    load.text.serialize(serializer)
}

/// Milliseconds as seconds.
#[must_use]
pub fn seconds(ms: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a demo")]
    let ms = ms as f64;
    ms / 1_000.0
}
