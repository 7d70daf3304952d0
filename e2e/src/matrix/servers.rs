//! The servers of a world: a directory, and a zone of a controller, a router and tunnels, each
//! on a machine of its own.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::hosts::Host;
use super::names::name;
use super::pki::{Authority, ZONE};
use super::world::{World, ready};
use crate::children;

/// Who makes the meeting.
const HOST: &str = "ada";
const LINK: u16 = 9443;
const HEALTH: u16 = 8080;

/// The second name of the zone's controller.
pub const OTHER_NAME: &str = "zone-b.test";

/// Starts all of them, and makes a meeting. Returns its number.
pub async fn start(world: &mut World, tunnels: u8) -> Result<String> {
    let authority = Authority::new(&world.pki())?;
    let (credential, password) = prepare_directory(world).await?;
    let servers = Servers {
        authority,
        credential,
        tunnels: (1..=tunnels).map(Host::Tunnel).collect(),
    };
    servers.directory(world).await?;
    servers.controller(world).await?;
    servers.media(world).await?;
    for tunnel in &servers.tunnels {
        servers.tunnel(world, *tunnel).await?;
    }
    let number = schedule(world, &password).await?;
    Ok(number)
}

struct Servers {
    authority: Authority,
    /// A file with what the zone reports with.
    credential: PathBuf,
    tunnels: Vec<Host>,
}

impl Servers {
    async fn directory(&self, world: &mut World) -> Result<()> {
        let host = Host::Directory;
        let tls = self
            .authority
            .issue("directory", names(world, host), None)?;
        let mut command = world.plenum(host, "directory");
        command
            .args(["--listen", "[::]:443", "--data-dir"])
            .arg(world.directory.join("directory"))
            .args(["--hostname", &name(host), "--url", &url(host), "--tls"])
            .arg(tls);
        start_and_wait(world, host, command).await
    }

    async fn controller(&self, world: &mut World) -> Result<()> {
        let host = Host::Zone;
        let mut public = names(world, host);
        public.push(OTHER_NAME.to_owned());
        let tls = self.authority.issue("zone", public, None)?;
        let link = names(world, host);
        let link = self
            .authority
            .issue("zone-link", link, Some("controller"))?;
        let tunnels: Vec<String> = self.tunnels.iter().copied().map(url).collect();
        let mut command = world.plenum(host, "zc");
        command
            .args(["--zone", ZONE, "--admission", "directory"])
            .args(["--listen", "[::]:443", "--link"])
            .arg(format!("[::]:{LINK}"))
            .arg("--tls")
            .arg(tls)
            .arg("--link-tls")
            .arg(link)
            .arg("--signing-key")
            .arg(self.authority.signing_key()?)
            .args(["--directory", &url(Host::Directory)])
            .arg("--directory-ca")
            .arg(self.authority.file())
            .arg("--directory-credential")
            .arg(&self.credential)
            .arg("--public-urls")
            .arg(format!("{},https://{OTHER_NAME}", url(host)));
        if !tunnels.is_empty() {
            command.args(["--tunnel-urls", &tunnels.join(",")]);
        }
        start_and_wait(world, host, command).await
    }

    async fn media(&self, world: &mut World) -> Result<()> {
        let host = Host::Media;
        let link = vec![name(host)];
        let link = self.authority.issue("media-link", link, Some("router"))?;
        let mut command = world.plenum(host, "mmr");
        command
            .args(["--router", "media", "--pool", "matrix.routers"])
            .args(["--controllers", &controllers(), "--link-tls"])
            .arg(link)
            .args(["--address", &world.addresses(host).join(",")])
            .args(["--https", "[::]:443", "--media", "[::]:8801"]);
        start_and_wait(world, host, command).await
    }

    async fn tunnel(&self, world: &mut World, host: Host) -> Result<()> {
        let tls = self
            .authority
            .issue(&host.to_string(), names(world, host), None)?;
        let link = format!("{host}-link");
        let link = self
            .authority
            .issue(&link, vec![name(host)], Some("tunnel"))?;
        let mut command = world.plenum(host, "ht");
        command
            .args(["--zone", ZONE, "--name", &host.to_string()])
            .args(["--listen", "[::]:443", "--admission", "directory"])
            .args(["--controllers", &controllers(), "--tls"])
            .arg(tls)
            .arg("--link-tls")
            .arg(link);
        start_and_wait(world, host, command).await
    }
}

async fn start_and_wait(world: &mut World, host: Host, mut command: Command) -> Result<()> {
    let health = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), HEALTH);
    command.args(["--health", &health.to_string()]);
    world.start(&host.to_string(), command)?;
    ready(host, health).await.with_context(|| {
        let log = world.log_file(&host.to_string());
        format!("the {host} is not ready: see {}", log.display())
    })
}

fn controllers() -> String {
    format!("{}:{LINK}", name(Host::Zone))
}

fn url(host: Host) -> String {
    format!("https://{}", name(host))
}

fn names(world: &World, host: Host) -> Vec<String> {
    let mut names = world.addresses(host);
    names.push(name(host));
    names
}

/// What can only be made beside the database: the zone, and somebody who may sign in. Returns
/// the zone's credential in a file, and the password.
async fn prepare_directory(world: &World) -> Result<(PathBuf, String)> {
    let zone = beside_database(world, &["zone", "add", ZONE]).await?;
    let file = world.directory.join("credential");
    let credential = zone["credential"].as_str().context("a credential")?;
    fs::write(&file, credential)?;
    let user = beside_database(world, &["user", "add", HOST, "--admin"]).await?;
    let password = user["password"].as_str().context("a password")?;
    Ok((file, password.to_owned()))
}

async fn beside_database(world: &World, arguments: &[&str]) -> Result<Value> {
    let mut command = world.plenum(Host::Directory, "directory");
    command
        .args(arguments)
        .args(["--output", "json", "--data-dir"])
        .arg(world.directory.join("directory"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    said(command).await
}

/// Makes a meeting, and waits until people can join it.
async fn schedule(world: &World, password: &str) -> Result<String> {
    let mut command = Host::Guest.command(std::env::current_exe()?);
    command
        .args(["matrix-part", "schedule", &url(Host::Directory), HOST])
        .arg("--ca")
        .arg(world.pki().join("ca.crt"))
        .env("PASSWORD", password)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let made = said(command).await?;
    let number = made["meeting"].as_str().context("a meeting's number")?;
    Ok(number.to_owned())
}

async fn said(command: Command) -> Result<Value> {
    let output = children::start(command)?.wait_with_output().await?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", error.trim());
    Ok(serde_json::from_slice(&output.stdout)?)
}
