//! What strangers send to the ports of a zone, and joins that cannot work.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use plenum_crds::labels;
use tokio::process::Command;

use super::world::{World, restarts, unharmed};

const MEDIA_PORT: u16 = 8801;
/// HTTPS, media, health and metrics.
const ROUTER_PORTS: [u16; 3] = [443, MEDIA_PORT, 9808];
/// None of them is TLS of ours, QUIC, or a request that something here answers.
const GARBAGE: [&[u8]; 3] = [
    &[0xff; 1_200],
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 cut short",
    b"BREW /pot HTTP/1.1\r\nHost: here\r\n\r\n",
];
const ROUNDS: usize = 50;
/// After this, a server that neither answers nor closes has lost no more than a connection.
const PATIENCE: Duration = Duration::from_millis(200);

/// `plenum join` ends with these, as docs/protocol.md has them.
const OTHER: i32 = 1;
const USAGE: i32 = 2;
const UNREACHABLE: i32 = 5;

pub async fn garbage_on_every_port_harms_nobody(world: &World) -> Result<()> {
    let load = world.load("garbage", 4, 2, 15)?;
    world.until_people(16).await?;
    let before = restarts(world).await?;
    let routers = world.pods(labels::COMPONENT_ROUTER).await?;
    let router = address(routers.first().context("no router runs")?)?;
    let mut targets: Vec<SocketAddr> = ROUTER_PORTS.map(|port| (router, port).into()).into();
    for zone in &world.zones {
        let zone = zone.trim_start_matches("https://");
        targets.push(zone.parse().with_context(|| zone.to_owned())?);
    }
    tokio::task::spawn_blocking(move || throw(&targets)).await??;
    unharmed(&load.report().await?)?;
    let after = restarts(world).await?;
    ensure!(before == after, "before {before:?}, after {after:?}");
    Ok(())
}

fn throw(targets: &[SocketAddr]) -> Result<()> {
    let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    for round in 0..ROUNDS {
        let garbage = GARBAGE[round % GARBAGE.len()];
        for target in targets {
            let mut tcp = TcpStream::connect_timeout(target, Duration::from_secs(5))
                .with_context(|| format!("{target} takes no more connections"))?;
            tcp.set_read_timeout(Some(PATIENCE))?;
            // A reset in answer is as good as any other.
            let _ = tcp.write_all(garbage);
            let _ = tcp.read(&mut [0; 512]);
            if target.port() == MEDIA_PORT {
                udp.send_to(garbage, target)?;
            }
        }
    }
    Ok(())
}

/// With a ticket that is none, too: `cargo test -p plenum --test serve` has these, against
/// the same program.
pub async fn a_join_that_cannot_work_says_why(world: &World) -> Result<()> {
    let zone = world.zones.first().context("a zone has addresses")?;
    let ca = world.ca.display().to_string();
    let foreign = world.cluster.layout().kubeconfig().display().to_string();
    let nowhere = "https://127.0.0.1:1";
    let cases: [(&[&str], i32, &str); 4] = [
        (
            &["--zone", zone, "--ca", &ca, "--meeting", "no meeting"],
            USAGE,
            "--meeting <ID>",
        ),
        (
            &["--zone", zone, "--ca", &foreign, "--meeting", "1"],
            OTHER,
            "certificate authority",
        ),
        (
            &["--zone", zone, "--meeting", "1"],
            UNREACHABLE,
            "is not trusted",
        ),
        (
            &["--zone", nowhere, "--ca", &ca, "--meeting", "1"],
            UNREACHABLE,
            "no zone controller answered",
        ),
    ];
    for (arguments, status, says) in cases {
        let mut command = Command::new(&world.site.plenum);
        command.arg("join").args(arguments).kill_on_drop(true);
        let ended = command.output().await?;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(
            ended.status.code() == Some(status) && said.contains(says),
            "join {arguments:?} ended with {}, not {status}, and said: {said}",
            ended.status
        );
    }
    Ok(())
}

fn address(pod: &Pod) -> Result<IpAddr> {
    let status = pod.status.as_ref().context("a pod without status")?;
    let host = status.host_ip.as_ref().context("the pod runs on no node")?;
    Ok(host.parse()?)
}
