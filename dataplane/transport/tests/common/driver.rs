//! A thread that drives a [`Switch`] for a test that runs on a runtime.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use bytes::Bytes;
use plenum_transport::media::{Config, ConnectionId, Counters, Event, Streams, Switch, Waker};
use plenum_transport::tls::Identity;
use plenum_wire::rtp::Rewrite;
use plenum_wire::{FlowId, Kind};
use tokio::sync::mpsc;

use super::loopback;

enum Order {
    Send(ConnectionId, FlowId, Bytes, Option<Rewrite>),
    /// A packet, of which the decision takes so long.
    SendSlowly(ConnectionId, FlowId, Bytes, Duration),
    Carries(ConnectionId, Kind),
    Close(ConnectionId, u32, &'static str),
    /// Say so, and wait for this before anything else is done.
    Pause(Sender<()>, Receiver<()>),
    /// Say so when all before it is handed to the kernel, or dropped.
    Turn(Sender<()>),
    Stop,
}

pub struct Driver {
    pub streams: Streams,
    udp: SocketAddr,
    orders: Sender<Order>,
    waker: Waker,
}

impl Driver {
    pub fn start(
        identity: &Identity,
        cores: u8,
    ) -> (
        Self,
        mpsc::UnboundedReceiver<Event>,
        mpsc::UnboundedReceiver<(ConnectionId, u64)>,
    ) {
        let config = Config {
            udp: loopback(),
            tcp: loopback(),
            identity: identity.clone(),
            cores: NonZeroU8::new(cores).unwrap(),
        };
        let (switch, streams) = Switch::bind(&config).unwrap();
        let (outlet, events) = mpsc::unbounded_channel();
        let (estimates, of_estimates) = mpsc::unbounded_channel();
        let (orders, inlet) = channel();
        let driver = Self {
            streams,
            udp: switch.udp_address().unwrap(),
            orders,
            waker: switch.waker(),
        };
        std::thread::spawn(move || drive(switch, &inlet, &outlet, &estimates));
        (driver, events, of_estimates)
    }

    pub fn udp_address(&self) -> SocketAddr {
        self.udp
    }

    pub fn tcp_address(&self) -> SocketAddr {
        self.streams.tcp_address()
    }

    pub fn counters(&self) -> Counters {
        self.streams.counters()
    }

    pub fn send(&self, to: ConnectionId, flow: FlowId, packet: &Bytes) {
        self.order(Order::Send(to, flow, packet.clone(), None));
    }

    pub fn send_rewritten(&self, to: ConnectionId, flow: FlowId, packet: &Bytes, how: Rewrite) {
        self.order(Order::Send(to, flow, packet.clone(), Some(how)));
    }

    pub fn send_slowly(&self, to: ConnectionId, flow: FlowId, packet: &Bytes, takes: Duration) {
        self.order(Order::SendSlowly(to, flow, packet.clone(), takes));
    }

    pub fn carries(&self, connection: ConnectionId, kind: Kind) {
        self.order(Order::Carries(connection, kind));
    }

    pub fn close(&self, connection: ConnectionId, code: u32, reason: &'static str) {
        self.order(Order::Close(connection, code, reason));
    }

    /// From now on nothing is read or sent, until what is returned is dropped.
    pub fn pause(&self) -> Sender<()> {
        let (says, paused) = channel();
        let (resume, resumed) = channel();
        self.order(Order::Pause(says, resumed));
        paused.recv().expect("the switch is driven");
        resume
    }

    /// Returns when all that was sent before is handed to the kernel, or dropped, or waits for
    /// its peer. It blocks the test's runtime too: no peer of the test reads meanwhile.
    pub fn turn(&self) {
        let (done, turned) = channel();
        self.order(Order::Turn(done));
        turned.recv().expect("the switch is driven");
    }

    pub async fn stop(&self) {
        self.order(Order::Stop);
        self.streams.stopped().await;
    }

    fn order(&self, order: Order) {
        self.orders.send(order).expect("the switch is driven");
        self.waker.wake();
    }
}

fn drive(
    mut switch: Switch,
    orders: &Receiver<Order>,
    outlet: &mpsc::UnboundedSender<Event>,
    estimates: &mpsc::UnboundedSender<(ConnectionId, u64)>,
) {
    let mut events = Vec::new();
    let mut turned = Vec::new();
    let mut stop = false;
    while !stop {
        switch.wait(None).unwrap();
        switch.receive(&mut events).unwrap();
        loop {
            match orders.try_recv() {
                Ok(Order::Send(to, flow, packet, rewrite)) => {
                    switch.send(to, flow, &packet, rewrite);
                }
                Ok(Order::SendSlowly(to, flow, packet, takes)) => {
                    switch.send(to, flow, &packet, None);
                    std::thread::sleep(takes);
                }
                Ok(Order::Carries(connection, kind)) => switch.carries(connection, kind),
                Ok(Order::Close(connection, code, reason)) => {
                    switch.close(connection, code, reason);
                }
                Ok(Order::Pause(says, resumed)) => {
                    let _ = says.send(());
                    let _ = resumed.recv();
                }
                // Whoever floods it waits for turns, so this comes.
                Ok(Order::Turn(done)) => turned.push(done),
                Err(TryRecvError::Empty) => break,
                // Told so, or the test is over.
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => stop = true,
            }
            if stop {
                break;
            }
        }
        for event in events.drain(..) {
            let _ = match event {
                Event::Estimate {
                    connection,
                    bits_per_s,
                } => estimates.send((connection, bits_per_s)).is_ok(),
                event => outlet.send(event).is_ok(),
            };
        }
        switch.flush();
        for done in turned.drain(..) {
            let _ = done.send(());
        }
    }
    for event in switch.stop() {
        let _ = outlet.send(event);
    }
}
