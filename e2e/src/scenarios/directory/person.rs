//! Who joins by the directory, and what they tell of it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::office::Office;
use super::service::Service;
use crate::children;
use crate::scenarios::world::World;

/// What `plenum join` logs as soon as it is in.
const IN: &str = " joined ";
/// A busy machine is slow; everything beyond is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Somebody who is going to join.
pub struct Person {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    stays: u64,
}

impl Person {
    /// Somebody who speaks in a meeting of the directory.
    pub fn new(name: &'static str, world: &World, service: &Service<'_>, meeting: &str) -> Self {
        let site = &world.site;
        let (ca, voice) = (service.authority_file(), site.samples.join("alice.ogg"));
        let arguments = ["join", "--output", "json", "--loop", "--name", name];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
        add("--directory", service.url());
        add("--ca", ca.display().to_string());
        add("--meeting", meeting.to_owned());
        add("--audio", voice.display().to_string());
        Self {
            name,
            program: site.plenum.clone(),
            arguments,
            log: site.reports.join(format!("directory-{name}.log")),
            stays: 0,
        }
    }

    /// For so many seconds.
    pub fn stays(mut self, seconds: u64) -> Self {
        self.stays = seconds;
        self
    }

    /// Joins from this machine.
    pub fn joins(self) -> Result<Participant> {
        let command = children::command(&self.program);
        self.start(command)
    }

    /// Joins from the office.
    pub fn joins_from(self, office: &Office) -> Result<Participant> {
        let command = office.command(&self.program);
        self.start(command)
    }

    fn start(self, mut command: Command) -> Result<Participant> {
        let log = fs::File::create(&self.log).with_context(|| self.log.display().to_string())?;
        command
            .args(&self.arguments)
            .args(["--for", &self.stays.to_string()])
            .stdout(Stdio::piped())
            .stderr(log);
        Ok(Participant {
            name: self.name,
            child: children::start(command).context("starting plenum join")?,
            log: self.log,
            stays: Duration::from_secs(self.stays),
        })
    }
}

/// Somebody who joins.
pub struct Participant {
    name: &'static str,
    child: Child,
    log: PathBuf,
    stays: Duration,
}

impl Participant {
    /// Waits until they are in.
    pub async fn is_in(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(&self.log)?.contains(IN) {
            ensure!(
                Instant::now() < deadline,
                "{} does not get in, see {}",
                self.name,
                self.log.display()
            );
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Asks them to leave.
    pub fn leave(&self) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // They may have left already.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits until they have left; what they tell.
    pub async fn attendance(self) -> Result<Attendance> {
        let (name, log) = (self.name, self.log.display());
        let ended = timeout(self.stays + PATIENCE, self.child.wait_with_output()).await;
        let output = ended.with_context(|| format!("{name} does not leave, see {log}"))??;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "{name} ended with {}, see {log}: {said}",
            output.status
        );
        let told = said.lines().last().unwrap_or_default();
        fs::write(self.log.with_extension("json"), told)?;
        let report =
            serde_json::from_str(told).with_context(|| format!("{name}'s report: {said:?}"))?;
        Ok(Attendance {
            name,
            report,
            told: told.to_owned(),
        })
    }
}

/// What somebody had of a meeting.
pub struct Attendance {
    name: &'static str,
    report: Report,
    /// The same, as they told it.
    told: String,
}

/// The report of `plenum join`, as far as it is looked at.
#[derive(Deserialize)]
struct Report {
    route: String,
    audio_gap_ms: BTreeMap<String, u64>,
    tracks: Vec<Track>,
}

#[derive(Deserialize)]
struct Track {
    kind: String,
    packets: u64,
}

impl Attendance {
    /// How they were connected: `direct`, `proxy` or `tunnel`.
    pub fn route(&self) -> &str {
        &self.report.route
    }

    /// Packets of others' speech.
    pub fn audio(&self) -> u64 {
        let tracks = self.report.tracks.iter();
        tracks
            .filter(|track| track.kind == "audio")
            .map(|track| track.packets)
            .sum()
    }

    /// The longest time without any.
    pub fn longest_pause_ms(&self) -> u64 {
        let gaps = self.report.audio_gap_ms.values();
        gaps.copied().max().unwrap_or_default()
    }
}

impl fmt::Display for Attendance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.told)
    }
}

/// Asks a controller for a router, without any token; the exit status, and what is said.
pub async fn try_the_zone(
    world: &World,
    controller: &str,
    authority: &Path,
    meeting: &str,
) -> Result<(Option<i32>, String)> {
    let mut command = children::command(&world.site.plenum);
    command
        .args(["join", "--zone", controller, "--meeting", meeting, "--ca"])
        .arg(authority)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = children::start(command).context("starting plenum join")?;
    let ended = timeout(PATIENCE, child.wait_with_output()).await;
    let output = ended.context("plenum join without a token does not end")??;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.code(), said))
}
