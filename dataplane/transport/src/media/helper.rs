//! The other cores: each a thread with a port of its own, that decides nothing. What comes in
//! goes to the deciding thread in batches, and so do its orders come back.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use plenum_wire::Kind;

use super::core::Core;
use super::counters::Counts;
use super::strain::Work;
use super::{ConnectionId, Event, Outbound, Waker};
use crate::quic::{CoreNumber, Port, Stray};
use crate::tls::Identity;

/// What a core is told to do, in order.
#[derive(Debug)]
pub(super) enum Order {
    Send(ConnectionId, Outbound),
    Carries(ConnectionId, Kind),
    Close(ConnectionId, u32, String),
    /// A datagram of its that came in elsewhere.
    Take(Stray),
    Stop,
}

/// What a core has to say.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) events: Vec<Event>,
    /// Datagrams of others that came in here.
    pub(super) strays: Vec<Stray>,
}

/// The deciding thread's end of another core.
pub(super) struct Helper {
    orders: Vec<Order>,
    outlet: Sender<Vec<Order>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// What a helper needs to begin.
pub(super) struct Start<'a> {
    pub(super) socket: UdpSocket,
    pub(super) identity: &'a Identity,
    pub(super) core: CoreNumber,
    pub(super) cores: u8,
    pub(super) counts: Arc<Counts>,
    pub(super) work: Arc<Work>,
    /// Where its news go, and what wakes who reads them.
    pub(super) news: (Sender<News>, Waker),
}

impl Helper {
    pub(super) fn start(start: Start<'_>) -> io::Result<Self> {
        let now = Instant::now();
        let Start {
            socket,
            identity,
            core,
            cores,
            counts,
            work,
            news,
        } = start;
        let port = Port::new(socket, identity, core, cores, counts, now)?;
        let waker = Waker::new()?;
        let (outlet, orders) = channel();
        let run = {
            let core = Core::new(port, waker.clone(), work, Some(core), now);
            move || run(core, &orders, &news)
        };
        let thread = std::thread::Builder::new()
            .name(format!("media-{}", core.0))
            .spawn(run)?;
        Ok(Self {
            orders: Vec::new(),
            outlet,
            waker,
            thread: Some(thread),
        })
    }

    /// Gathers an order for the next [`Helper::flush`].
    pub(super) fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    pub(super) fn flush(&mut self) {
        if !self.orders.is_empty() {
            let orders = std::mem::take(&mut self.orders);
            self.orders.reserve(orders.len());
            // Fails only when its thread has ended, for which it is watched.
            let _ = self.outlet.send(orders);
            self.waker.wake();
        }
    }

    /// Its thread has ended, which it should not.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Returns when its connections were told.
    pub(super) fn stop(&mut self) {
        self.order(Order::Stop);
        self.flush();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a media thread broke");
        }
    }
}

fn run(mut core: Core, orders: &Receiver<Vec<Order>>, (outlet, decider): &(Sender<News>, Waker)) {
    loop {
        let mut news = News::default();
        let mut stop = false;
        let now = match core.wait(None) {
            Ok(now) => now,
            Err(error) => return tracing::error!(%error, "a media thread cannot wait"),
        };
        if let Err(error) = core.receive(&mut news.events) {
            return tracing::error!(%error, "a media thread cannot receive");
        }
        for order in orders.try_iter().flatten() {
            match order {
                Order::Send(to, outbound) => core.port.send(to, outbound, now),
                Order::Carries(connection, kind) => core.port.carries(connection, kind),
                Order::Close(connection, why, reason) => {
                    core.port
                        .close(connection, why, &reason, now, &mut news.events);
                }
                Order::Take(stray) => core.port.receive_stray(stray, now, &mut news.events),
                Order::Stop => {
                    core.port.close_all(now, &mut news.events);
                    stop = true;
                }
            }
        }
        news.strays.extend(core.port.strays());
        if stop {
            core.finish();
        } else {
            core.flush();
        }
        if !news.events.is_empty() || !news.strays.is_empty() {
            if outlet.send(news).is_err() {
                return;
            }
            decider.wake();
        }
        if stop {
            return;
        }
    }
}
