//! A call between the client in the office and a guest near the zone, and what both tell.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::hosts::Host;
use super::scenario::{Change, Client};
use super::world::{World, said};
use super::{firewall, network};
use crate::children;

/// Kinds of media, and what the client plays of each. The guest plays the same pictures, and
/// speaks with another voice.
pub const KINDS: [&str; 3] = ["audio", "video", "content"];
const PICTURES: [(&str, &str); 2] = [("video", "camera.ivf"), ("content", "screen.ivf")];
/// Where everybody begins.
pub const DIRECTORY: &str = "https://directory.test";
/// Longer than any call here; the guest is told when it is over.
const GUEST_STAYS: &str = "600";
/// `plenum join`, as soon as it is in.
const IN: &str = " joined ";
/// How long a call may take beyond what it should, joining included.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `plenum join` prints at its end.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Report {
    /// From the start to being in.
    pub joined_ms: Option<u64>,
    /// From the start to the first packet.
    pub first_media_ms: Option<u64>,
    /// By kind of media.
    pub rungs: BTreeMap<String, String>,
    /// How everything was reached, where it says so.
    pub route: Option<serde_json::Value>,
    /// By participant.
    pub audio_gap_ms: BTreeMap<String, u64>,
    /// What came of the other.
    pub tracks: Vec<Track>,
    /// Why it failed.
    pub error: Option<String>,
    /// With which status.
    pub exit_status: Option<u8>,
}

/// A track at its receiver.
#[derive(Debug, Clone, Deserialize)]
pub struct Track {
    /// Audio, video or content.
    pub kind: String,
    /// Packets that came.
    pub packets: u64,
    /// Packets that never came.
    pub lost: u64,
}

/// What both said.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// In the office.
    pub client: Report,
    /// Near the zone.
    pub guest: Report,
}

/// Lets both send these kinds of media; meanwhile the world may change.
pub async fn hold(
    world: &World,
    client: &Client,
    change: Option<&Change>,
    kinds: &[&str],
) -> Result<Call> {
    let guest = Participant::start(world, Host::Guest, guest(world, kinds))?;
    said(&world.log_file("guest"), IN).await?;
    let talker = Participant::start(world, Host::Client, office(world, client, kinds))?;
    if let Some(change) = change {
        said(&world.log_file("client"), IN).await?;
        sleep(change.after).await;
        change.apply(world)?;
    }
    let lasts = Duration::from_secs(client.lasts_s) + PATIENCE;
    let client = talker.report(lasts).await?;
    guest.leave();
    let guest = guest.report(PATIENCE).await?;
    Ok(Call { client, guest })
}

fn guest(world: &World, kinds: &[&str]) -> Command {
    let mut command = join(world, Host::Guest, "alice.ogg", kinds);
    command
        .args(["--directory", DIRECTORY, "--ca"])
        .arg(world.authority())
        .args(["--for", GUEST_STAYS]);
    command
}

fn office(world: &World, client: &Client, kinds: &[&str]) -> Command {
    let mut command = join(world, Host::Client, "bob.ogg", kinds);
    command
        .args(&client.args)
        .arg("--ca")
        .arg(world.authority())
        .args(["--for", &client.lasts_s.to_string()])
        .envs(client.environment.iter().copied());
    command
}

fn join(world: &World, host: Host, voice: &str, kinds: &[&str]) -> Command {
    let samples = &world.material.samples;
    let mut command = world.plenum(host, "join");
    command.args(["--meeting", &world.meeting, "--output", "json", "--loop"]);
    let plays = [("audio", voice)].into_iter().chain(PICTURES);
    for (kind, file) in plays.filter(|(kind, _)| kinds.contains(kind)) {
        command.arg(format!("--{kind}")).arg(samples.join(file));
    }
    command
}

/// A running `plenum join`.
struct Participant {
    host: Host,
    child: Child,
}

impl Participant {
    fn start(world: &World, host: Host, mut command: Command) -> Result<Self> {
        let log = world.log(&host.to_string())?;
        command.stdout(Stdio::piped()).stderr(log);
        let child = children::start(command).with_context(|| format!("starting the {host}"))?;
        Ok(Self { host, child })
    }

    fn leave(&self) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It may have ended already, and its report says why.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    async fn report(self, within: Duration) -> Result<Report> {
        let ended = timeout(within, self.child.wait_with_output()).await;
        let host = self.host;
        let output = ended.with_context(|| format!("the {host}'s call does not end"))??;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().last().unwrap_or_default();
        let report: Report = serde_json::from_str(line).with_context(|| {
            format!("the {host} ended with {} and says {line:?}", output.status)
        })?;
        ensure!(
            report.joined_ms.is_some() || report.error.is_some(),
            "the {host} says neither that it joined nor why not: {line}"
        );
        Ok(report)
    }
}

impl Change {
    fn apply(&self, world: &World) -> Result<()> {
        for rule in self.rules {
            firewall::apply(&world.families, rule)?;
        }
        if self.moves {
            network::move_client(&world.families, firewall::CLIENT_LATER)?;
        }
        Ok(())
    }
}

/// Fails with the name of the first file that a call plays and that is missing.
pub fn check_samples(samples: &Path) -> Result<()> {
    for name in ["alice.ogg", "bob.ogg", "camera.ivf", "screen.ivf"] {
        let file = samples.join(name);
        ensure!(file.exists(), "{} is missing", file.display());
    }
    Ok(())
}
