//! One world while it lasts: its machines, and what runs on them.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::hosts::{Family, Host, INTERNET, OFFICE};
use super::names::{self, Names};
use super::network::{self, Plan};
use super::scenario::Scenario;
use super::{Material, delay, firewall, portal, proxy, sandbox, servers};
use crate::children;

/// How long anything may take to start, also on a machine that is busy.
const START_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A world with a zone that is ready.
pub struct World {
    /// The files that it is made of.
    pub material: Material,
    /// The families of addresses that everybody has.
    pub families: Vec<Family>,
    /// For files; gone with the world.
    pub directory: PathBuf,
    /// The number of the meeting.
    pub meeting: String,
    /// Those who end with the world.
    running: Vec<Child>,
}

impl World {
    /// Makes it as the scenario has it. To be called by the first process of a sandbox.
    pub async fn create(scenario: &Scenario, material: Material) -> Result<Self> {
        let directory = sandbox::furnish()?;
        let plan = Plan {
            families: scenario.families.clone(),
            mtu: scenario.mtu,
        };
        network::create(&plan)?;
        let mut world = Self {
            material,
            families: plan.families,
            directory,
            meeting: String::new(),
            running: Vec::new(),
        };
        world.start_delay(scenario).await?;
        world.start_names(&scenario.names).await?;
        world.meeting = servers::start(&mut world, scenario.tunnels).await?;
        if let Some(door) = scenario.proxy {
            let command = proxy::command(door, &world.families, &world.directory)?;
            world.start("squid", command)?;
            proxy::answers(&world.families).await?;
        }
        if scenario.portal {
            world.start_portal().await?;
        }
        // Last: what was started until now shall not meet it.
        firewall::furnish(&world.families, scenario.rules, &world.directory)?;
        Ok(world)
    }

    async fn start_delay(&mut self, scenario: &Scenario) -> Result<()> {
        let (usual, others) = (scenario.delay_ms, &scenario.delays_ms);
        firewall::delay(&self.families, usual, others)?;
        let mut delays: Vec<u16> = others.iter().map(|(_, ms)| *ms).chain([usual]).collect();
        delays.sort_unstable();
        delays.dedup();
        let mut line = Host::Wan.command(std::env::current_exe()?);
        line.args(["matrix-part", "delay"]);
        line.args(delays.iter().map(u16::to_string));
        let said = self.start_and_hear("delay", line).await?;
        anyhow::ensure!(said == delay::READY, "the delay line says {said:?}");
        Ok(())
    }

    async fn start_names(&mut self, names: &Names) -> Result<()> {
        let hosts = OFFICE.into_iter().chain(INTERNET);
        for host in hosts.clone() {
            let resolver = names.resolver(host, &self.families);
            self.start(&format!("names-{host}"), resolver)?;
        }
        for host in hosts {
            names::answers(host).await?;
        }
        Ok(())
    }

    async fn start_portal(&mut self) -> Result<()> {
        let mut portal = Host::Router.command(std::env::current_exe()?);
        portal.args(["matrix-part", "portal"]);
        self.start("portal", portal)?;
        let family = self.families.first().context("a world has addresses")?;
        let router = Host::Router.address(*family);
        listening(Host::Client, router, portal::PORT).await
    }

    /// Where certificates are.
    pub fn pki(&self) -> PathBuf {
        self.directory.join("pki")
    }

    /// Who vouches for directory and zone.
    pub fn authority(&self) -> PathBuf {
        self.pki().join("ca.crt")
    }

    /// A subcommand of `plenum`, to be started on a machine.
    pub fn plenum(&self, on: Host, subcommand: &str) -> Command {
        let mut command = on.command(&self.material.plenum);
        command
            .arg(subcommand)
            .env("RUST_LOG", "info,plenum=debug,plenum_client=debug")
            // Logs are read here, and by people.
            .env("NO_COLOR", "1");
        command
    }

    /// A machine's addresses.
    pub fn addresses(&self, of: Host) -> Vec<String> {
        let families = self.families.iter();
        families
            .map(|family| of.address(*family).to_string())
            .collect()
    }

    /// Starts what lasts until the world ends; what it says goes to a log.
    pub fn start(&mut self, name: &str, mut command: Command) -> Result<()> {
        let log = self.log(name)?;
        command.stdout(log.try_clone()?).stderr(log);
        let child = children::start(command).with_context(|| format!("starting {name}"))?;
        self.running.push(child);
        Ok(())
    }

    /// The same for what says one line when it is ready.
    async fn start_and_hear(&mut self, name: &str, mut command: Command) -> Result<String> {
        command.stdout(Stdio::piped()).stderr(self.log(name)?);
        let mut child = children::start(command).with_context(|| format!("starting {name}"))?;
        let output = child.stdout.take().context("its output")?;
        let mut lines = BufReader::new(output).lines();
        let line = timeout(START_WITHIN, lines.next_line()).await;
        let line = line.with_context(|| format!("{name} does not get ready"))??;
        self.running.push(child);
        line.with_context(|| {
            format!(
                "{name} ended at once: see {}",
                self.log_file(name).display()
            )
        })
    }

    /// Where something's words go.
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.material.logs.join(format!("{name}.log"))
    }

    /// A new file there.
    pub fn log(&self, name: &str) -> Result<File> {
        let path = self.log_file(name);
        File::create(&path).with_context(|| format!("writing {}", path.display()))
    }
}

/// Waits until a log has these words.
pub async fn said(log: &Path, words: &str) -> Result<()> {
    until(words, async || {
        Ok(tokio::fs::read_to_string(log).await?.contains(words))
    })
    .await
    .with_context(|| log.display().to_string())
}

/// Waits until `at` can be connected to from a machine.
pub async fn listening(from: Host, at: IpAddr, port: u16) -> Result<()> {
    let at = SocketAddr::new(at, port);
    until("it takes connections", async || {
        let mut reach = from.command(std::env::current_exe()?);
        reach
            .args(["matrix-part", "reach", &at.to_string()])
            .stderr(Stdio::null());
        Ok(children::start(reach)?.wait().await?.success())
    })
    .await
}

/// Waits until a server's health port on its machine says that it is ready.
pub async fn ready(host: Host, health: SocketAddr) -> Result<()> {
    until("it is ready", async || {
        let mut ready = host.command(std::env::current_exe()?);
        ready
            .args(["matrix-part", "ready", &health.to_string()])
            .stderr(Stdio::null());
        Ok(children::start(ready)?.wait().await?.success())
    })
    .await
}

/// Asks again and again.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + START_WITHIN;
    while !holds().await? {
        if Instant::now() > deadline {
            bail!("waited {} s in vain: {what}", START_WITHIN.as_secs());
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
