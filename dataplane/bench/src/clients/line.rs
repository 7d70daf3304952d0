//! A socket and the connections on it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use bytes::{Bytes, BytesMut};
use plenum_transport::quic::endpoint_config;
use quinn_proto::{ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, Event};

use super::socket::{Room, Socket};

/// Bytes that received datagrams share.
const ARENA: usize = 256 * 1_024;

/// What happened to somebody's connection.
#[derive(Debug)]
pub enum Happened {
    /// It is set up.
    Opened,
    /// A datagram came.
    Datagram {
        /// What it holds.
        bytes: Bytes,
        /// When the kernel had it, in nanoseconds of Unix time.
        at_ns: u64,
    },
    /// It ended, and why.
    Lost(String),
}

struct Call {
    person: u32,
    connection: Connection,
    /// In the list of those that may have something to say.
    stirred: bool,
}

pub(super) struct Line {
    socket: Socket,
    endpoint: Endpoint,
    /// By connection handle.
    calls: Vec<Option<Call>>,
    /// When each wants to be asked again. Apart and dense: it is looked through as a whole,
    /// which for some thousand connections costs less than keeping it sorted.
    due: Vec<Option<Instant>>,
    stirred: Vec<usize>,
    inbound: BytesMut,
    outbound: Vec<u8>,
}

impl Line {
    pub(super) fn towards(server: SocketAddr) -> io::Result<Self> {
        let socket = Socket::towards(server)?;
        let config = Arc::new(endpoint_config());
        Ok(Self {
            endpoint: Endpoint::new(config, None, !socket.may_fragment(), None),
            socket,
            calls: Vec::new(),
            due: Vec::new(),
            stirred: Vec::new(),
            inbound: BytesMut::new(),
            outbound: Vec::new(),
        })
    }

    /// Starts a connection; its place.
    pub(super) fn dial(
        &mut self,
        person: u32,
        server: SocketAddr,
        config: ClientConfig,
        now: Instant,
    ) -> Result<usize> {
        let (ConnectionHandle(place), connection) = self
            .endpoint
            .connect(now, config, server, "bench")
            .context("dial")?;
        if self.calls.len() <= place {
            self.calls.resize_with(place + 1, || None);
            self.due.resize(place + 1, None);
        }
        self.calls[place] = Some(Call {
            person,
            connection,
            stirred: false,
        });
        self.stir(place);
        Ok(place)
    }

    /// Hands a datagram to QUIC, which sends it with the next [`Line::settle`]. Whether it
    /// was taken.
    pub(super) fn send(&mut self, place: usize, datagram: Bytes) -> bool {
        let Some(call) = self.calls.get_mut(place).and_then(Option::as_mut) else {
            return false;
        };
        let taken = call.connection.datagrams().send(datagram, true).is_ok();
        self.stir(place);
        taken
    }

    /// One batch of what came; tells of the datagrams in it.
    pub(super) fn receive(
        &mut self,
        room: &mut Room,
        now: Instant,
        mut each: impl FnMut(u32, Happened),
    ) -> io::Result<()> {
        let Self {
            socket,
            endpoint,
            calls,
            stirred,
            inbound,
            outbound,
            ..
        } = self;
        socket.receive(room, |arrived, datagram| {
            if inbound.capacity() - inbound.len() < datagram.len() {
                inbound.reserve(ARENA);
            }
            inbound.extend_from_slice(datagram);
            let bytes = inbound.split();
            outbound.clear();
            let event = endpoint.handle(now, arrived.from, None, arrived.ecn(), bytes, outbound);
            // What is for no connection is late, or noise.
            if let Some(DatagramEvent::ConnectionEvent(ConnectionHandle(place), event)) = event
                && let Some(call) = calls.get_mut(place).and_then(Option::as_mut)
            {
                call.connection.handle_event(event);
                if !std::mem::replace(&mut call.stirred, true) {
                    stirred.push(place);
                }
                while let Some(bytes) = call.connection.datagrams().recv() {
                    let at_ns = arrived.at_ns;
                    each(call.person, Happened::Datagram { bytes, at_ns });
                }
            }
        })
    }

    /// Those whose time has come do what they have to.
    pub(super) fn handle_timeouts(&mut self, now: Instant) {
        for place in 0..self.due.len() {
            if self.due[place].is_none_or(|due| due > now) {
                continue;
            }
            self.due[place] = None;
            if let Some(call) = &mut self.calls[place] {
                call.connection.handle_timeout(now);
                self.stir(place);
            }
        }
    }

    /// Tells what happened, and sends what there is to send.
    pub(super) fn settle(&mut self, now: Instant, mut each: impl FnMut(u32, Happened)) {
        let mut stirred = std::mem::take(&mut self.stirred);
        for place in stirred.drain(..) {
            if let Some(call) = &mut self.calls[place] {
                call.stirred = false;
                tell(call, &mut each);
                self.transmit(place, now);
            }
        }
        if self.stirred.is_empty() {
            self.stirred = stirred;
        }
    }

    fn transmit(&mut self, place: usize, now: Instant) {
        let Some(call) = &mut self.calls[place] else {
            return;
        };
        while let Some(event) = call.connection.poll_endpoint_events() {
            let drained = event.is_drained();
            if let Some(answer) = self.endpoint.handle_event(ConnectionHandle(place), event) {
                call.connection.handle_event(answer);
            }
            if drained {
                self.calls[place] = None;
                self.due[place] = None;
                return;
            }
        }
        let segments = self.socket.segments();
        loop {
            self.outbound.clear();
            let out = &mut self.outbound;
            let Some(transmit) = call.connection.poll_transmit(now, segments, out) else {
                break;
            };
            self.socket.send(&transmit, &self.outbound);
        }
        self.due[place] = call.connection.poll_timeout();
    }

    fn stir(&mut self, place: usize) {
        if let Some(call) = &mut self.calls[place]
            && !std::mem::replace(&mut call.stirred, true)
        {
            self.stirred.push(place);
        }
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn tell(call: &mut Call, each: &mut impl FnMut(u32, Happened)) {
    while let Some(event) = call.connection.poll() {
        match event {
            Event::Connected => each(call.person, Happened::Opened),
            Event::ConnectionLost { reason } => {
                each(call.person, Happened::Lost(reason.to_string()));
            }
            Event::HandshakeDataReady
            | Event::DatagramReceived
            | Event::DatagramsUnblocked
            | Event::Stream(_) => {}
        }
    }
}
