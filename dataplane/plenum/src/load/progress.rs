//! What is seen while a load runs: a bar on a terminal, else a line now and then; and the
//! timeline for whoever draws it later.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::board::{Board, seconds};
use super::happening::unix_ms;

/// Seconds between plain lines.
const LINE_EVERY: u64 = 5;

/// One second of a load, `"event": "second"` in the timeline; the last one is as short as it
/// happens to be. Packets are those of this second, the rest is as it is now.
#[derive(Debug, Serialize)]
struct Moment {
    event: &'static str,
    unix_ms: u64,
    at_s: f64,
    attempted: u64,
    joined: u64,
    failed: u64,
    packets_sent: u64,
    packets_received: u64,
    moves: u64,
    reconnections: u64,
}

/// Shows and writes each second.
pub struct Progress {
    board: Arc<Board>,
    participants: usize,
    bar: Option<ProgressBar>,
    timeline: Option<BufWriter<File>>,
    before: (u64, u64),
}

impl Progress {
    /// `plain` for scripts: no bar even on a terminal.
    pub fn new(
        board: Arc<Board>,
        participants: usize,
        lasts: Duration,
        plain: bool,
        timeline: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            File::create(path)
                .with_context(|| format!("--timeline {} cannot be written", path.display()))
        };
        let bar = (!plain && std::io::stderr().is_terminal()).then(|| bar(lasts));
        Ok(Self {
            board,
            participants,
            bar,
            timeline: timeline.map(open).transpose()?.map(BufWriter::new),
            before: (0, 0),
        })
    }

    /// Runs until the load has ended, and then writes down what came after the last second.
    pub async fn run(mut self, ended: CancellationToken) -> anyhow::Result<()> {
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut passed = 0;
        loop {
            tokio::select! {
                _ = second.tick() => {}
                () = ended.cancelled() => break,
            }
            let moment = self.moment();
            self.show(&moment, passed);
            self.write(&moment)?;
            passed += 1;
        }
        let rest = self.moment();
        self.write(&rest)
    }

    fn moment(&mut self) -> Moment {
        let board = &self.board;
        let now = (board.sent.get(), board.received.get());
        let before = std::mem::replace(&mut self.before, now);
        let elapsed = Instant::now().saturating_duration_since(board.start);
        Moment {
            event: "second",
            unix_ms: unix_ms(),
            at_s: seconds(elapsed.as_secs_f64()),
            attempted: board.attempted.get(),
            joined: board.present.get(),
            failed: board.failed.get(),
            packets_sent: now.0 - before.0,
            packets_received: now.1 - before.1,
            moves: board.moves.get(),
            reconnections: board.reconnections.get(),
        }
    }

    fn show(&self, moment: &Moment, passed: u64) {
        let text = format!(
            "{}/{} in meetings, {} failed, {} packets/s sent, {} received, {} moves",
            moment.joined,
            self.participants,
            moment.failed,
            moment.packets_sent,
            moment.packets_received,
            moment.moves
        );
        match &self.bar {
            Some(bar) => {
                bar.set_position(passed);
                bar.set_message(text);
            }
            None if passed > 0 && passed.is_multiple_of(LINE_EVERY) => {
                eprintln!("{passed:>4} s  {text}");
            }
            None => {}
        }
    }

    fn write(&mut self, moment: &Moment) -> anyhow::Result<()> {
        if let Some(timeline) = &mut self.timeline {
            for happening in self.board.happenings() {
                serde_json::to_writer(&mut *timeline, &happening)?;
                timeline.write_all(b"\n")?;
            }
            serde_json::to_writer(&mut *timeline, moment)?;
            timeline.write_all(b"\n")?;
            // Somebody may be drawing it while it runs.
            timeline.flush().context("the timeline cannot be written")?;
        }
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(lasts: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} s  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(lasts.as_secs()).with_style(style)
}
