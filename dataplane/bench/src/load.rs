//! People who send and receive.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::future::join_all;
use plenum_transport::dial::{Dialer, MediaReceiver, MediaSender};
use plenum_wire::join::Endpoint;
use plenum_wire::rtp::{self, Header};
use plenum_wire::{Fingerprint, Rung};
use serde::{Deserialize, Serialize};
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::meetings::{Meetings, flows, ssrc};

const HEADER: usize = 12;
/// Dials at once.
const DIALS: usize = 32;
/// Until everybody heard something.
const BOUND_WITHIN: Duration = Duration::from_secs(20);
/// Sent but not measured: congestion windows open, buffers fill.
const WARM_UP: Duration = Duration::from_secs(1);
/// For what is still on its way.
const LINGER: Duration = Duration::from_millis(500);
/// Delays are kept in steps of 10 µs up to 100 ms.
const STEP_NS: u64 = 10_000;
const STEPS: usize = 10_000;

/// What is sent.
#[derive(Debug, Clone, clap::Args)]
pub struct Plan {
    /// Packets that receivers should get a second, all together
    #[arg(long, default_value_t = 20_000)]
    pub rate: u32,
    /// Packets that a sender sends back to back
    #[arg(long, default_value_t = 1)]
    pub burst: u32,
    /// Bytes of each, RTP header included
    #[arg(long, default_value_t = 1_200)]
    pub bytes: usize,
    /// How long it is measured
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
}

/// What they noticed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Noticed {
    /// Packets sent while it was measured.
    pub sent: u64,
    /// Packets that should have come for these.
    pub expected: u64,
    /// Packets that came.
    pub received: u64,
    /// From sender to receiver, median.
    pub delay_p50_ms: f64,
    /// 99th percentile.
    pub delay_p99_ms: f64,
}

struct Shared {
    epoch: Instant,
    measuring: Cell<bool>,
    /// What it carries was sent while it was measured.
    received: Cell<u64>,
    sent: Cell<u64>,
    heard: Cell<u32>,
    delays: RefCell<Vec<u32>>,
}

/// Runs the load and prints what was noticed.
pub fn run(
    server: SocketAddr,
    fingerprint: Fingerprint,
    meetings: Meetings,
    plan: &Plan,
) -> Result<()> {
    ensure!(plan.bytes >= HEADER + 9, "a packet has at least 21 bytes");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let endpoint = Endpoint {
        addresses: vec![server.ip()],
        https_port: 443,
        media_port: server.port(),
        fingerprint,
    };
    let noticed = LocalSet::new().block_on(&runtime, measure(&endpoint, meetings, plan))?;
    println!("{}", serde_json::to_string(&noticed)?);
    Ok(())
}

async fn measure(endpoint: &Endpoint, meetings: Meetings, plan: &Plan) -> Result<Noticed> {
    let shared = Rc::new(Shared {
        epoch: Instant::now(),
        measuring: Cell::new(false),
        received: Cell::new(0),
        sent: Cell::new(0),
        heard: Cell::new(0),
        delays: RefCell::new(vec![0; STEPS]),
    });
    let dialer = Dialer::new()?;
    let people: Vec<u32> = meetings.everybody().collect();
    let mut senders = Vec::new();
    for some in people.chunks(DIALS) {
        let dials = some.iter().map(|_| dialer.media(Rung::Udp, endpoint));
        let dialled = join_all(dials).await;
        for (person, connection) in some.iter().copied().zip(dialled) {
            let (sender, receiver) = connection.context("dial")?.split();
            let alive = keep_alive(person, sender.clone());
            tokio::task::spawn_local(alive);
            let listens = !meetings.sends(person);
            tokio::task::spawn_local(listen(receiver, listens, Rc::clone(&shared)));
            if !listens {
                senders.push((person, sender));
            }
        }
    }
    let sending =
        tokio::task::spawn_local(send(senders, meetings, plan.clone(), Rc::clone(&shared)));
    let listeners = meetings.meetings * meetings.receivers();
    let deadline = Instant::now() + BOUND_WITHIN;
    while shared.heard.get() < listeners {
        ensure!(
            Instant::now() < deadline,
            "only {} of {listeners} hear anything",
            shared.heard.get()
        );
        sleep(Duration::from_millis(50)).await;
    }
    sleep(WARM_UP).await;
    println!("begin");
    shared.measuring.set(true);
    sleep(Duration::from_secs(plan.seconds)).await;
    shared.measuring.set(false);
    println!("end");
    sleep(LINGER).await;
    sending.abort();
    let sent = shared.sent.get();
    let delays = shared.delays.borrow();
    Ok(Noticed {
        sent,
        expected: sent * u64::from(meetings.receivers()),
        received: shared.received.get(),
        delay_p50_ms: percentile(&delays, 0.5),
        delay_p99_ms: percentile(&delays, 0.99),
    })
}

/// Binds the connection, and keeps it bound.
async fn keep_alive(person: u32, sender: MediaSender) {
    let mut ticks = interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        if !sender.send(flows(person).video, &rtp::knock(ssrc(person))) {
            return;
        }
    }
}

async fn listen(mut receiver: MediaReceiver, listens: bool, shared: Rc<Shared>) {
    let mut heard = !listens;
    while let Some((_, packet)) = receiver.recv().await {
        if !std::mem::replace(&mut heard, true) {
            shared.heard.set(shared.heard.get() + 1);
        }
        let Some((counts, sent_ns)) = stamp(&packet) else {
            continue;
        };
        if counts {
            shared.received.set(shared.received.get() + 1);
            let now = u64::try_from(shared.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let step = usize::try_from(now.saturating_sub(sent_ns) / STEP_NS).unwrap_or(STEPS);
            shared.delays.borrow_mut()[step.min(STEPS - 1)] += 1;
        }
    }
}

/// Whether a packet counts, and when it was sent.
fn stamp(packet: &[u8]) -> Option<(bool, u64)> {
    let header = Header::parse(packet)?;
    let payload = packet.get(header.payload_offset..)?;
    let (time, rest) = payload.split_first_chunk::<8>()?;
    Some((*rest.first()? == 1, u64::from_be_bytes(*time)))
}

/// The senders in turn, so that the load is even.
async fn send(
    senders: Vec<(u32, MediaSender)>,
    meetings: Meetings,
    plan: Plan,
    shared: Rc<Shared>,
) {
    let per_second = f64::from(plan.rate) / f64::from(meetings.receivers());
    let between = Duration::from_secs_f64(f64::from(plan.burst) / per_second);
    let mut ticks = interval(Duration::from_millis(1).min(between));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begun = Instant::now();
    let mut turn = 0_u32;
    let mut sequence = 0_u16;
    loop {
        ticks.tick().await;
        while begun.elapsed() >= between * turn {
            let (person, sender) = &senders[turn as usize % senders.len()];
            for _ in 0..plan.burst {
                sequence = sequence.wrapping_add(1);
                let counts = shared.measuring.get();
                let packet = packet(*person, sequence, &plan, &shared, counts);
                if sender.send(flows(*person).video, &packet) && counts {
                    shared.sent.set(shared.sent.get() + 1);
                }
            }
            turn += 1;
        }
    }
}

fn packet(person: u32, sequence: u16, plan: &Plan, shared: &Shared, counts: bool) -> Bytes {
    let mut payload = vec![0; plan.bytes - HEADER];
    let now = u64::try_from(shared.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
    payload[..8].copy_from_slice(&now.to_be_bytes());
    payload[8] = u8::from(counts);
    let header = Header {
        payload_type: 96,
        marker: true,
        sequence,
        timestamp: u32::from(sequence).wrapping_mul(3_000),
        ssrc: ssrc(person),
        payload_offset: HEADER,
    };
    rtp::write(&header, &payload)
}

fn percentile(delays: &[u32], share: f64) -> f64 {
    let all: u64 = delays.iter().copied().map(u64::from).sum();
    #[expect(clippy::cast_precision_loss, reason = "some million packets")]
    let wanted = all as f64 * share;
    let mut seen = 0.0;
    let mut at = 0.0;
    for count in delays {
        seen += f64::from(*count);
        at += 0.01;
        if seen >= wanted {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_upper_ends_of_their_steps() {
        let mut delays = vec![0; STEPS];
        delays[0] = 98;
        delays[99] = 2;
        assert!((percentile(&delays, 0.5) - 0.01).abs() < 1e-9);
        assert!((percentile(&delays, 0.99) - 1.0).abs() < 1e-9);
    }
}
