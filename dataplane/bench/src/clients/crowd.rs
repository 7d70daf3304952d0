//! Everybody's connection, on a few sockets.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use plenum_transport::tls::{Trust, client_config};
use plenum_wire::Fingerprint;
use plenum_wire::frame::ROQ_ALPN;
use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::{AckFrequencyConfig, ClientConfig, IdleTimeout, TransportConfig, VarInt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::line::{Happened, Line};
use super::socket::Room;

/// How exactly the timers of QUIC are kept.
const TIMERS: Duration = Duration::from_millis(1);
/// Fills an Ethernet packet, as the servers are set.
const MTU: u16 = 1_452;
const IDLE_MS: u32 = 30_000;
/// Bytes that wait for the congestion window: a sender of a load never waits that long.
const SEND_BUFFER: usize = 1 << 20;
/// What a server is asked to acknowledge together.
const ACKNOWLEDGE_EVERY: u32 = 20;

/// Whom to dial, and from how many sockets.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The server.
    pub server: SocketAddr,
    /// Its certificate.
    pub fingerprint: Fingerprint,
    /// Sockets. A server of several cores is reached through more than a few, because the
    /// kernel tells its cores by the address and port of who sends.
    pub sockets: NonZeroUsize,
}

/// Connections of many people, on one thread: [`Crowd::wait`], [`Crowd::turn`], and in between
/// [`Crowd::dial`] and [`Crowd::send`].
pub struct Crowd {
    server: SocketAddr,
    config: ClientConfig,
    room: Room,
    lines: Vec<Line>,
    readable: Vec<bool>,
    /// Line and place of somebody.
    people: Vec<Option<(usize, usize)>>,
    dialled: usize,
    next_timers: Instant,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(settings: Settings, now: Instant) -> Result<Self> {
        let sockets = settings.sockets.get();
        let lines = (0..sockets).map(|_| Line::towards(settings.server));
        Ok(Self {
            server: settings.server,
            config: config(settings.fingerprint)?,
            room: Room::new(),
            lines: lines.collect::<io::Result<_>>()?,
            readable: vec![false; sockets],
            people: Vec::new(),
            dialled: 0,
            next_timers: now,
        })
    }

    /// Starts somebody's connection.
    pub fn dial(&mut self, person: u32, now: Instant) -> Result<()> {
        let line = self.dialled % self.lines.len();
        self.dialled += 1;
        let config = self.config.clone();
        let place = self.lines[line].dial(person, self.server, config, now)?;
        let number = usize::try_from(person).expect("32 bits fit");
        if self.people.len() <= number {
            self.people.resize(number + 1, None);
        }
        self.people[number] = Some((line, place));
        Ok(())
    }

    /// Sends a datagram of somebody with the next [`Crowd::turn`]; whether QUIC took it.
    pub fn send(&mut self, person: u32, datagram: Bytes) -> bool {
        let number = usize::try_from(person).expect("32 bits fit");
        match self.people.get(number).copied().flatten() {
            Some((line, place)) => self.lines[line].send(place, datagram),
            None => false,
        }
    }

    /// Waits until something came, or so long; never long.
    pub fn wait(&mut self, at_most: Duration) -> Result<()> {
        let limit = Timespec::try_from(at_most.min(TIMERS)).context("at most a millisecond")?;
        let mut ready: Vec<PollFd<'_>> = self
            .lines
            .iter()
            .map(|line| PollFd::new(line, PollFlags::IN))
            .collect();
        match poll(&mut ready, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for (readable, ready) in self.readable.iter_mut().zip(&ready) {
            *readable = !ready.revents().is_empty();
        }
        Ok(())
    }

    /// Takes what came, tells what happened to whom, and sends what there is to send.
    pub fn turn(&mut self, mut each: impl FnMut(u32, Happened)) -> Result<()> {
        let now = Instant::now();
        let timers = now >= self.next_timers;
        if timers {
            self.next_timers = now + TIMERS;
        }
        // First of all what is to go out: it does not wait for what came.
        for line in &mut self.lines {
            if timers {
                line.handle_timeouts(now);
            }
            line.settle(now, &mut each);
        }
        for (line, readable) in self.lines.iter_mut().zip(&self.readable) {
            if *readable {
                let now = Instant::now();
                line.receive(&mut self.room, now, &mut each)?;
                line.settle(now, &mut each);
            }
        }
        Ok(())
    }
}

fn config(fingerprint: Fingerprint) -> Result<ClientConfig> {
    let mut acknowledgements = AckFrequencyConfig::default();
    acknowledgements.ack_eliciting_threshold(VarInt::from_u32(ACKNOWLEDGE_EVERY));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .initial_mtu(MTU)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MS))))
        .datagram_send_buffer_size(SEND_BUFFER)
        .ack_frequency_config(Some(acknowledgements));
    let tls = client_config(&Trust::Pinned(fingerprint), None, &[ROQ_ALPN])?;
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport));
    Ok(config)
}
