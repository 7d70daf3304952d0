//! The other cores: each a thread with a port of its own, that decides nothing. What comes in
//! goes to the deciding thread in batches, and so do its orders come back, each way through a
//! `passage` that bounds what waits.

#[cfg(test)]
mod tests;

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use plenum_wire::Kind;

use super::core::Core;
use super::counters::{Count, Counts, RungCounts};
use super::kinds::Kinds;
use super::passage::{Carried, Entry, Exit, Freight, Load, Room, passage};
use super::strain::Work;
use super::{ConnectionId, Event, Outbound, Waker};
use crate::quic::{CoreNumber, Port, Stray};
use crate::tls::Identity;

/// Packets that wait for a core at most: 260 ms of the 500,000/s that one sends at most, so that
/// what waits grows too old first. 12 MB; the packets themselves are shared.
const ORDERS: Room = Room::for_packets(1 << 17);
/// Packets that wait of a core at most: 160 ms of 200,000/s, which is four times what one takes
/// in. 40 MB of the longest.
const NEWS: Room = Room::for_packets(1 << 15);

/// A packet came in once, and goes out once for each who gets it.
const OF_ORDERS: fn(&RungCounts) -> &Count = |udp| &udp.dropped_between_out;
const OF_NEWS: fn(&RungCounts) -> &Count = |udp| &udp.dropped_between_in;

/// What a core is told to do, in order.
#[derive(Debug)]
enum Order {
    Send(ConnectionId, Outbound, Kind),
    Carries(ConnectionId, Kind),
    Close(ConnectionId, u32, String),
    /// A datagram of its that came in elsewhere.
    Take(Stray),
    Stop,
}

impl Carried for Order {
    fn freight(&self) -> Freight {
        match self {
            Self::Send(.., kind) => Freight::Packet(*kind),
            Self::Take(_) => Freight::Unread,
            Self::Carries(..) | Self::Close(..) | Self::Stop => Freight::Word,
        }
    }
}

/// What a core has to say.
#[derive(Debug)]
enum News {
    Packet(Event, Kind),
    Word(Event),
    /// A datagram of another that came in here.
    Stray(Stray),
}

impl News {
    /// `kind_of` says what a connection carries.
    fn of(event: Event, kind_of: impl Fn(ConnectionId) -> Kind) -> Self {
        match event {
            Event::Packet { connection, .. } => Self::Packet(event, kind_of(connection)),
            Event::Opened { .. } | Event::Estimate { .. } | Event::Closed { .. } => {
                Self::Word(event)
            }
        }
    }
}

impl Carried for News {
    fn freight(&self) -> Freight {
        match self {
            Self::Packet(_, kind) => Freight::Packet(*kind),
            Self::Word(Event::Estimate { connection, .. }) => Freight::Estimate(*connection),
            Self::Word(_) => Freight::Word,
            Self::Stray(_) => Freight::Unread,
        }
    }
}

/// The deciding thread's end of another core.
pub(super) struct Helper {
    /// Gathered for the next flush.
    gathered: Load<Order>,
    orders: Entry<Order>,
    news: Exit<News>,
    /// What its connections carry.
    kinds: Kinds,
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
    /// Wakes the deciding thread.
    pub(super) decider: Waker,
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
            decider,
        } = start;
        let (orders, of_orders) = passage(ORDERS, Arc::clone(&counts), OF_ORDERS);
        let (reporter, news) = passage(NEWS, Arc::clone(&counts), OF_NEWS);
        let port = Port::new(socket, identity, core, cores, counts, now)?;
        let waker = Waker::new()?;
        let helping = Helping {
            core: Core::new(port, waker.clone(), work, Some(core), now),
            orders: of_orders,
            news: reporter,
            decider,
        };
        let thread = std::thread::Builder::new()
            .name(format!("media-{}", core.0))
            .spawn(move || helping.run())?;
        Ok(Self {
            gathered: Load::default(),
            orders,
            news,
            kinds: Kinds::default(),
            waker,
            thread: Some(thread),
        })
    }

    /// Gathers a packet for the next [`Helper::flush`].
    pub(super) fn send(&mut self, to: ConnectionId, outbound: Outbound) {
        let order = Order::Send(to, outbound, self.kinds.of(to));
        self.gathered.add(order);
    }

    pub(super) fn carries(&mut self, connection: ConnectionId, kind: Kind) {
        self.kinds.set(connection, kind);
        self.gathered.add(Order::Carries(connection, kind));
    }

    pub(super) fn close(&mut self, connection: ConnectionId, code: u32, reason: &str) {
        let order = Order::Close(connection, code, reason.to_owned());
        self.gathered.add(order);
    }

    /// Gives it a datagram of its that came in elsewhere.
    pub(super) fn take(&mut self, stray: Stray) {
        self.gathered.add(Order::Take(stray));
    }

    /// Hands over what was gathered.
    pub(super) fn flush(&mut self, now: Instant) {
        if !self.gathered.is_empty() {
            self.orders.bring(&mut self.gathered, now);
            self.waker.wake();
        }
    }

    /// What it had to say.
    pub(super) fn hear(&mut self, now: Instant, events: &mut Vec<Event>, strays: &mut Vec<Stray>) {
        for (_, news) in self.news.take(now) {
            match news {
                News::Packet(event, _) | News::Word(event) => events.push(event),
                News::Stray(stray) => strays.push(stray),
            }
        }
    }

    /// Its thread has ended, which it should not.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Returns when its connections were told.
    pub(super) fn stop(&mut self, now: Instant) {
        self.gathered.add(Order::Stop);
        self.flush(now);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a media thread broke");
        }
    }
}

/// The core's own end.
struct Helping {
    core: Core,
    orders: Exit<Order>,
    news: Entry<News>,
    decider: Waker,
}

impl Helping {
    /// Until it is told to stop, or nobody hears it any more.
    fn run(mut self) {
        let (mut events, mut news) = (Vec::new(), Load::default());
        let mut goes_on = true;
        while goes_on && !self.news.is_deserted() {
            let now = match self.core.wait(None) {
                Ok(now) => now,
                Err(error) => return tracing::error!(%error, "a media thread cannot wait"),
            };
            if let Err(error) = self.core.receive(&mut events) {
                return tracing::error!(%error, "a media thread cannot receive");
            }
            goes_on = self.obey(now, &mut events);
            let port = &mut self.core.port;
            for event in events.drain(..) {
                news.add(News::of(event, |whose| port.kind_of(whose)));
            }
            for stray in port.strays() {
                news.add(News::Stray(stray));
            }
            if goes_on {
                self.core.flush();
            } else {
                self.core.finish();
            }
            if !news.is_empty() {
                // What was done before took its time.
                self.news.bring(&mut news, Instant::now());
                self.decider.wake();
            }
        }
    }

    /// Does what it was told; whether it is to go on.
    fn obey(&mut self, now: Instant, events: &mut Vec<Event>) -> bool {
        let port = &mut self.core.port;
        let mut goes_on = true;
        for (since, order) in self.orders.take(now) {
            match order {
                Order::Send(to, outbound, _) => port.send(to, outbound, since),
                Order::Carries(connection, kind) => port.carries(connection, kind),
                Order::Close(connection, why, reason) => {
                    port.close(connection, why, &reason, now, events);
                }
                Order::Take(stray) => port.receive_stray(stray, now, events),
                Order::Stop => {
                    port.close_all(now, events);
                    goes_on = false;
                }
            }
        }
        goes_on
    }
}
