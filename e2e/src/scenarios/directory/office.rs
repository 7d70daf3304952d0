//! A network from which only some addresses can be reached.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::children;
use crate::cluster::addresses::BRIDGE;
use crate::cluster::process::run;

/// Its end of the cable on the host, and its address: those of a node that no test starts.
const CABLE: &str = "plenum-v98";
const ADDRESS: &str = "10.90.0.198/24";
/// Settings of proxies outside are none of the office's.
const PROXIES: [&str; 6] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
];

/// An office on the bridge of the cluster. The kernel removes it with the process that holds
/// it, which ends with this value or with this program.
pub struct Office {
    _holder: Child,
    namespace: PathBuf,
}

impl Office {
    /// Opens one that reaches these addresses by TCP, and gets a refusal from all others.
    pub async fn open(reachable: &[SocketAddr]) -> Result<Self> {
        let mut holder = children::command("unshare");
        // Only what runs in the new namespace can say so.
        holder
            .args(["--net", "sh", "-c", "echo open; exec sleep infinity"])
            .stdout(Stdio::piped());
        let mut holder = children::start(holder).context("starting unshare")?;
        let said = holder.stdout.take().context("its output is ours")?;
        let said = BufReader::new(said).lines().next_line().await?;
        ensure!(
            said.as_deref() == Some("open"),
            "unshare --net says {said:?}"
        );
        let pid = holder.id().context("the office was closed at once")?;
        let office = Self {
            _holder: holder,
            namespace: format!("/proc/{pid}/ns/net").into(),
        };
        office.connect(pid)?;
        office.close_but_for(reachable)?;
        Ok(office)
    }

    fn connect(&self, pid: u32) -> Result<()> {
        let pid = pid.to_string();
        let cable = ["link", "add", CABLE, "type", "veth", "peer", "name", "eth0"];
        run("ip", &[&cable[..], &["netns", &pid]].concat())?;
        run("ip", &["link", "set", CABLE, "master", BRIDGE, "up"])?;
        self.inside("ip link set lo up")?;
        self.inside(&format!("ip addr add {ADDRESS} dev eth0"))?;
        self.inside("ip link set eth0 up")
    }

    fn close_but_for(&self, reachable: &[SocketAddr]) -> Result<()> {
        self.inside("iptables -A OUTPUT -o lo -j ACCEPT")?;
        for address in reachable {
            let (ip, port) = (address.ip(), address.port());
            self.inside(&format!(
                "iptables -A OUTPUT -p tcp -d {ip} --dport {port} -j ACCEPT"
            ))?;
        }
        self.inside("iptables -A OUTPUT -j REJECT")
    }

    fn inside(&self, command: &str) -> Result<()> {
        let net = format!("--net={}", self.namespace.display());
        let words = ["--"].into_iter().chain(command.split(' '));
        let arguments: Vec<&str> = [net.as_str()].into_iter().chain(words).collect();
        run("nsenter", &arguments)
    }

    /// `program`, to be started in there as [`children::command`] does.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = children::command("nsenter");
        command
            .arg(format!("--net={}", self.namespace.display()))
            .arg("--")
            .arg(program);
        for proxy in PROXIES {
            command.env_remove(proxy);
        }
        command
    }
}
