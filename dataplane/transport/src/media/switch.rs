//! All media of a router in the hands of the one thread that decides.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use plenum_wire::rtp::Rewrite;
use plenum_wire::{FlowId, Kind};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::core::Core;
use super::counters::Counts;
use super::helper::{Helper, Start};
use super::strain::{Gauge, Strain};
use super::streams::{Outlet, Streams};
use super::{Config, ConnectionId, Counters, EVENTS, Event, Outbound, Owner, Waker};
use crate::quic::{CoreNumber, Port, Stray};
use crate::socket;

/// Tries to find a port that is free for both UDP and TCP.
const PORT_TRIES: usize = 16;

/// The media connections of a router, as one thread has them: [`Switch::wait`], then
/// [`Switch::receive`], then whatever is to be sent, then [`Switch::flush`].
///
/// Its own port is one of several: with more than one core the others are threads of their
/// own, which encrypt, decrypt and do the system calls, and decide nothing.
pub struct Switch {
    core: Core,
    helpers: Vec<Helper>,
    /// Datagrams that came in on another core than theirs.
    strays: Vec<Stray>,
    streams: Streams,
    of_streams: mpsc::Receiver<Event>,
    /// What happened because of what was said to the port.
    events: Vec<Event>,
    counts: Arc<Counts>,
    gauge: Gauge,
    now: Instant,
}

impl Switch {
    /// Binds all ports and starts to accept on the current runtime. What comes on UDP waits
    /// until a thread drives the switch.
    pub fn bind(config: &Config) -> io::Result<(Self, Streams)> {
        let cores = config.cores.get();
        let (mut sockets, listener) = bind_all(config)?;
        let now = Instant::now();
        let counts = Arc::<Counts>::default();
        let waker = Waker::new()?;
        let (outlet, of_streams) = mpsc::channel(EVENTS);
        let outlet = Outlet::new(outlet, waker.clone());
        let streams = Streams::start(listener, &config.identity, outlet, Arc::clone(&counts))?;
        let gauge = Gauge::new(&sockets, now)?;
        let others = sockets.split_off(1).into_iter().zip(1..);
        let helpers = others.map(|(socket, core)| {
            Helper::start(Start {
                socket,
                identity: &config.identity,
                core: CoreNumber(core),
                cores,
                counts: Arc::clone(&counts),
                work: gauge.work(usize::from(core)),
                decider: waker.clone(),
            })
        });
        let helpers = helpers.collect::<io::Result<Vec<Helper>>>()?;
        let own = sockets.remove(0);
        let first = CoreNumber(0);
        let port = Port::new(
            own,
            &config.identity,
            first,
            cores,
            Arc::clone(&counts),
            now,
        )?;
        let switch = Self {
            core: Core::new(
                port,
                waker,
                gauge.work(0),
                (cores > 1).then_some(first),
                now,
            ),
            helpers,
            strays: Vec::new(),
            streams: streams.clone(),
            of_streams,
            events: Vec::new(),
            counts,
            gauge,
            now,
        };
        Ok((switch, streams))
    }

    /// Where rung `udp` listens.
    pub fn udp_address(&self) -> io::Result<SocketAddr> {
        self.core.port.local_addr()
    }

    /// Ends [`Switch::wait`] from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.core.waker.clone()
    }

    /// Waits until something came, a [`Waker`] was used, or `until`. The time then.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<Instant> {
        // What is left of the last round is not to be slept on.
        let until = if self.events.is_empty() {
            until
        } else {
            Some(self.now)
        };
        self.now = self.core.wait(until)?;
        Ok(self.now)
    }

    /// What happened. Events of one connection come in order, `Opened` first, `Closed` last.
    pub fn receive(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        events.append(&mut self.events);
        self.core.receive(events)?;
        self.strays.extend(self.core.port.strays());
        for helper in &mut self.helpers {
            helper.hear(self.now, events, &mut self.strays);
        }
        for stray in self.strays.drain(..) {
            if stray.core == CoreNumber(0) {
                self.core.port.receive_stray(stray, self.now, events);
            } else if let Some(helper) = helper(&mut self.helpers, stray.core) {
                helper.take(stray);
            }
        }
        for _ in 0..EVENTS {
            match self.of_streams.try_recv() {
                Ok(event) => events.push(event),
                Err(_) => break,
            }
        }
        if self.helpers.iter().any(Helper::has_ended) {
            return Err(io::Error::other("a media thread ended"));
        }
        Ok(())
    }

    /// Gathers a packet for the next [`Switch::flush`]; `rewrite` is what is different for this
    /// receiver. A connection that is gone takes nothing.
    pub fn send(
        &mut self,
        to: ConnectionId,
        flow: FlowId,
        packet: &Bytes,
        rewrite: Option<Rewrite>,
    ) {
        let outbound = Outbound {
            flow,
            packet: packet.clone(),
            rewrite,
        };
        match to.owner() {
            Owner::Core(CoreNumber(0)) => self.core.port.send(to, outbound, self.now),
            Owner::Core(core) => {
                if let Some(helper) = helper(&mut self.helpers, core) {
                    helper.send(to, outbound);
                }
            }
            Owner::Streams => self.streams.send(to, outbound),
        }
    }

    /// Says what a connection carries: how its packets are marked, and how old one may get
    /// before it is dropped.
    pub fn carries(&mut self, connection: ConnectionId, kind: Kind) {
        match connection.owner() {
            Owner::Core(CoreNumber(0)) => self.core.port.carries(connection, kind),
            Owner::Core(core) => {
                if let Some(helper) = helper(&mut self.helpers, core) {
                    helper.carries(connection, kind);
                }
            }
            Owner::Streams => self.streams.carries(connection, kind),
        }
    }

    /// Closes a connection with a `RoQ` error code (on rung `tls`: 4000 more). `Closed` follows.
    pub fn close(&mut self, connection: ConnectionId, code: u32, reason: &str) {
        match connection.owner() {
            Owner::Core(CoreNumber(0)) => {
                let (now, events) = (self.now, &mut self.events);
                self.core.port.close(connection, code, reason, now, events);
            }
            Owner::Core(other) => {
                if let Some(helper) = helper(&mut self.helpers, other) {
                    helper.close(connection, code, reason);
                }
            }
            Owner::Streams => self.streams.close(connection, code, reason),
        }
    }

    /// Sends what was gathered, now or, when the core is busy, a little later.
    pub fn flush(&mut self) {
        for helper in &mut self.helpers {
            // What was decided took its time.
            helper.flush(Instant::now());
        }
        self.core.flush();
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.totals()
    }

    /// How hard the threads worked since the last time that this was asked.
    pub fn strain(&mut self) -> Strain {
        self.gauge.look(Instant::now())
    }

    /// Bytes that the smallest of the receive buffers has room for, as `net.core.rmem_max`
    /// counts them.
    #[must_use]
    pub const fn receive_buffer(&self) -> usize {
        self.gauge.receive_buffer()
    }

    /// Closes every connection with code 0 and the ports; the last events. [`Streams::stopped`]
    /// tells when the peers of its rungs know.
    pub fn stop(mut self) -> Vec<Event> {
        self.streams.stop();
        self.core.port.close_all(self.now, &mut self.events);
        self.core.finish();
        let mut events = self.events;
        for helper in &mut self.helpers {
            helper.stop(self.now);
            helper.hear(self.now, &mut events, &mut self.strays);
        }
        // Ends when the last connection has, which have a second for it.
        drop(self.core);
        while let Some(event) = self.of_streams.blocking_recv() {
            events.push(event);
        }
        events
    }
}

fn helper(helpers: &mut [Helper], core: CoreNumber) -> Option<&mut Helper> {
    helpers.get_mut(usize::from(core.0).checked_sub(1)?)
}

/// A UDP socket for each core and the TCP listener. Clients are told one port number for both,
/// so two zeros become one.
fn bind_all(config: &Config) -> io::Result<(Vec<std::net::UdpSocket>, TcpListener)> {
    let sockets = |address| udp(address, config.cores);
    if (config.udp.port(), config.tcp.port()) != (0, 0) {
        return Ok((sockets(config.udp)?, socket::listen(config.tcp)?));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let listener = socket::listen(config.tcp)?;
        let port = listener.local_addr()?.port();
        match sockets(SocketAddr::new(config.udp.ip(), port)) {
            Ok(udp) => return Ok((udp, listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < PORT_TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

fn udp(address: SocketAddr, cores: NonZeroU8) -> io::Result<Vec<std::net::UdpSocket>> {
    let shared = cores.get() > 1;
    let first = socket::wherever(address, |address| socket::udp(address, shared))?;
    let bound = first.local_addr()?;
    let others = (1..cores.get()).map(|_| socket::udp(bound, shared));
    std::iter::once(Ok(first)).chain(others).collect()
}
