//! Names: a resolver on every machine that asks for some, as offices and systems have one.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::process::Command;

use super::hosts::{Family, Host};
use super::servers::OTHER_NAME;

/// Whoever is asked here never answers: the firewall drops what goes there.
const SILENT: &str = "192.0.2.53";
/// To be added to the firewall, so that nobody answers for [`SILENT`] either.
pub const SILENCE: &str = "4 -A FORWARD -d 192.0.2.53 -j DROP";

/// What names stand for, and which of them nobody can say.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Names whose server does not answer.
    pub silent: Vec<&'static str>,
}

/// The name of a machine: under `test`, which nobody has (RFC 6761).
pub fn name(host: Host) -> String {
    format!("{host}.test")
}

impl Names {
    /// The resolver, to be started on a machine.
    pub fn resolver(&self, on: Host, families: &[Family]) -> Command {
        let mut command = on.command("dnsmasq");
        command
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--pid-file=",
            ])
            .args([
                "--no-resolv",
                "--no-hosts",
                "--user=root",
                "--log-facility=-",
            ])
            .args(["--listen-address=127.0.0.1", "--bind-interfaces"])
            .arg("--local=/test/");
        for host in super::hosts::INTERNET.into_iter().chain([Host::Proxy]) {
            let addresses = addresses(host, families);
            command.arg(format!("--host-record={},{addresses}", name(host)));
        }
        if !self.silent.contains(&OTHER_NAME) {
            let zone = addresses(Host::Zone, families);
            command.arg(format!("--host-record={OTHER_NAME},{zone}"));
        }
        for silent in &self.silent {
            command.arg(format!("--server=/{silent}/{SILENT}"));
        }
        command
    }
}

fn addresses(host: Host, families: &[Family]) -> String {
    let addresses = families.iter().map(|family| host.address(*family));
    let addresses: Vec<String> = addresses.map(|address| address.to_string()).collect();
    addresses.join(",")
}

/// Waits until the resolver of a machine answers.
pub async fn answers(on: Host) -> Result<()> {
    let known = name(Host::Zone);
    let asked = || {
        let mut command = on.command("getent");
        command.args(["ahosts", &known]).stdout(Stdio::null());
        command
    };
    super::world::until("its resolver answers", async || {
        Ok(crate::children::start(asked())?.wait().await?.success())
    })
    .await
    .with_context(|| on.to_string())
}
