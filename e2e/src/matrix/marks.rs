//! What packets are marked with (DSCP, RFC 2474), as tshark sees them at the client's cable.
//!
//! Encrypted packets do not say what they carry. So one medium at a time is sent, and the flow
//! with most bytes in a direction is its.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::process::Child;

use super::call::{self, KINDS};
use super::hosts::Host;
use super::scenario::{Client, Rung};
use super::world::{World, said};
use crate::children;

/// What tshark tells of each packet, separated by tabs; of an address family that a packet is
/// not of it tells nothing.
const FIELDS: [&str; 8] = [
    "ip.dsfield.dscp",
    "ipv6.tclass.dscp",
    "udp.srcport",
    "udp.dstport",
    "tcp.srcport",
    "tcp.dstport",
    "udp.length",
    "tcp.len",
];
/// Of each direction: the handshake, and what is sent before it is known what a flow is for.
const BEGINNING: usize = 10;

/// By code point: how many packets with content, after the first few.
pub type Marks = BTreeMap<u8, usize>;

/// The marks of a medium's flow, by direction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directions {
    /// From the client.
    pub sent: Marks,
    /// To the client.
    pub received: Marks,
}

/// What media should be marked with (RFC 8837, table 1, for interactive video of high
/// priority): voice EF, cameras AF41 to AF43, shared screens AF31 to
/// AF33.
const fn wanted(kind: &str) -> &'static [u8] {
    match kind.as_bytes() {
        b"audio" => &[46],
        b"video" => &[34, 36, 38],
        _ => &[26, 28, 30],
    }
}

/// Holds a call with each medium alone, and looks at its packets.
pub async fn observe(
    world: &World,
    client: &Client,
    rung: Rung,
) -> Result<BTreeMap<String, Directions>> {
    let mut all = BTreeMap::new();
    for kind in KINDS {
        let file = world.directory.join(format!("{kind}.pcap"));
        let capture = Capture::start(world, kind, &file).await?;
        let called = call::hold(world, client, None, &[kind]).await?;
        capture.stop().await?;
        let error = called.client.error.unwrap_or_default();
        ensure!(error.is_empty(), "with {kind} alone: {error}");
        let packets = read(&file, rung.port()).await?;
        all.insert(kind.to_owned(), heaviest(&packets));
    }
    Ok(all)
}

/// What is not as it should be.
pub fn judge(all: &BTreeMap<String, Directions>) -> Vec<String> {
    let mut failures = Vec::new();
    for (kind, Directions { sent, received }) in all {
        for (direction, marks) in [("sent", sent), ("received", received)] {
            let right = |dscp: &u8| wanted(kind).contains(dscp);
            if marks.is_empty() || !marks.keys().all(right) {
                failures.push(format!("{direction} {kind} is marked {marks:?}"));
            }
        }
    }
    failures
}

/// A running tshark.
struct Capture(Child);

impl Capture {
    async fn start(world: &World, name: &str, file: &Path) -> Result<Self> {
        let name = format!("tshark-{name}");
        let mut command = Host::Client.command("tshark");
        command
            .args(["-q", "-n", "-i", "eth0", "-f", "ip or ip6", "-w"])
            .arg(file)
            .stdout(Stdio::null())
            .stderr(world.log(&name)?);
        let child = children::start(command).context("starting tshark")?;
        said(&world.log_file(&name), "Capturing on").await?;
        Ok(Self(child))
    }

    async fn stop(mut self) -> Result<()> {
        let pid = self.0.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(Pid::from_raw).context("tshark ended early")?;
        // Ctrl-C, after which it writes what it has.
        kill_process(pid, Signal::INT)?;
        self.0.wait().await?;
        Ok(())
    }
}

/// A packet with content, to or from the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Packet {
    sent: bool,
    /// The client's port.
    flow: u16,
    dscp: u8,
    bytes: u64,
}

async fn read(file: &Path, port: u16) -> Result<Vec<Packet>> {
    let mut command = children::command("tshark");
    command.arg("-n").arg("-r").arg(file).args(["-T", "fields"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = children::start(command)?.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "tshark: {}", said.trim());
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter_map(|line| packet(line, port)).collect())
}

/// `None` for what has no content, or is not of the zone's port.
fn packet(line: &str, port: u16) -> Option<Packet> {
    // Of a packet within another, as in errors of ICMP, tshark tells both.
    let numbers = line.split('\t').map(|field| field.parse::<u64>().ok());
    let numbers: Vec<Option<u64>> = numbers.collect();
    let [v4, v6, udp_from, udp_to, tcp_from, tcp_to, udp, tcp] = numbers[..] else {
        return None;
    };
    let from = u16::try_from(udp_from.or(tcp_from)?).ok()?;
    let to = u16::try_from(udp_to.or(tcp_to)?).ok()?;
    let bytes = udp.or(tcp).filter(|bytes| *bytes > 0)?;
    let sent = to == port;
    (sent || from == port).then_some(Packet {
        sent,
        flow: if sent { from } else { to },
        dscp: u8::try_from(v4.or(v6)?).ok()?,
        bytes,
    })
}

/// In each direction, the marks of the flow with most bytes.
fn heaviest(packets: &[Packet]) -> Directions {
    let marks = |sent: bool| {
        let mut bytes: BTreeMap<u16, u64> = BTreeMap::new();
        let mine = packets.iter().filter(|packet| packet.sent == sent);
        for packet in mine.clone() {
            *bytes.entry(packet.flow).or_default() += packet.bytes;
        }
        let most = bytes.iter().max_by_key(|(_, bytes)| **bytes);
        let most = most.map(|(flow, _)| *flow);
        let mut marks = Marks::new();
        let flow = mine.filter(|packet| Some(packet.flow) == most);
        for packet in flow.skip(BEGINNING) {
            *marks.entry(packet.dscp).or_default() += 1;
        }
        marks
    };
    Directions {
        sent: marks(true),
        received: marks(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_with_most_bytes_counts_in_each_direction() {
        let beginning = ["0\t\t5000\t8801\t\t\t900\t"; BEGINNING];
        let lines = [
            "46\t\t5000\t8801\t\t\t200\t",
            "46\t\t5000\t8801\t\t\t200\t",
            "34\t\t5001\t8801\t\t\t300\t",
            "\t0\t\t\t5001\t8801\t\t0",
            "0\t\t53\t53\t\t\t900\t",
        ];
        let lines = beginning.iter().chain(&lines);
        let packets: Vec<Packet> = lines.filter_map(|line| packet(line, 8801)).collect();
        let expected = Directions {
            sent: [(46, 2)].into(),
            received: Marks::new(),
        };
        assert_eq!(heaviest(&packets), expected);
    }

    #[test]
    fn both_families_and_protocols_are_read() {
        let read = packet("\t34\t\t\t443\t5001\t\t1400", 443);
        let expected = Packet {
            sent: false,
            flow: 5_001,
            dscp: 34,
            bytes: 1_400,
        };
        assert_eq!(read, Some(expected));
    }

    #[test]
    fn every_packet_has_a_mark_of_its_medium() {
        let failures = |kind: &str, sent: Marks| {
            let received = sent.clone();
            judge(&[(kind.to_owned(), Directions { sent, received })].into()).len()
        };
        assert_eq!(failures("audio", [(46, 9)].into()), 0);
        assert_eq!(failures("video", [(34, 9), (36, 9)].into()), 0);
        assert_eq!(failures("audio", [(46, 9), (0, 1)].into()), 2);
        assert_eq!(failures("audio", Marks::new()), 2);
    }
}
