//! What happened on each rung.

use std::sync::atomic::{AtomicU64, Ordering};

use plenum_wire::Rung;

/// Totals since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// QUIC datagrams.
    pub udp: RungCounters,
    /// TLS over TCP.
    pub tcp: RungCounters,
    /// WebSocket.
    pub tls: RungCounters,
}

impl Counters {
    /// Those of one rung.
    #[must_use]
    pub const fn of(&self, rung: Rung) -> &RungCounters {
        match rung {
            Rung::Udp => &self.udp,
            Rung::Tcp => &self.tcp,
            Rung::Tls => &self.tls,
        }
    }
}

/// Totals of one rung.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RungCounters {
    /// Connections opened.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Connections turned away: too many of one address, or of everybody.
    pub refused: u64,
    /// What was no media: failed handshakes, datagrams that are not QUIC, connections closed
    /// for bytes that are no frame.
    pub garbage: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Packets handed over to be sent.
    pub packets_out: u64,
    /// Received packets dropped because the reader of the events is too slow.
    pub dropped_in: u64,
    /// Received packets dropped because the thread that decides came for them too late.
    pub dropped_between_in: u64,
    /// Packets to send dropped because the core that sends them came for them too late.
    pub dropped_between_out: u64,
    /// Datagrams dropped unread on their way to the core that can read them. What they hold, if
    /// they hold anything, is not in `packets_in`.
    pub dropped_unread: u64,
    /// Packets dropped before sending: too old, too many, or too long for the path.
    pub dropped_out: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    udp: RungCounts,
    tcp: RungCounts,
    tls: RungCounts,
}

#[derive(Debug, Default)]
pub(crate) struct RungCounts {
    pub(crate) opened: Count,
    pub(crate) closed: Count,
    pub(crate) refused: Count,
    pub(crate) garbage: Count,
    pub(crate) packets_in: Count,
    pub(crate) packets_out: Count,
    pub(crate) dropped_in: Count,
    pub(crate) dropped_between_in: Count,
    pub(crate) dropped_between_out: Count,
    pub(crate) dropped_unread: Count,
    pub(crate) dropped_out: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    pub(crate) const fn of(&self, rung: Rung) -> &RungCounts {
        match rung {
            Rung::Udp => &self.udp,
            Rung::Tcp => &self.tcp,
            Rung::Tls => &self.tls,
        }
    }

    pub(crate) fn totals(&self) -> Counters {
        Counters {
            udp: self.udp.totals(),
            tcp: self.tcp.totals(),
            tls: self.tls.totals(),
        }
    }
}

impl RungCounts {
    fn totals(&self) -> RungCounters {
        RungCounters {
            opened: self.opened.get(),
            closed: self.closed.get(),
            refused: self.refused.get(),
            garbage: self.garbage.get(),
            packets_in: self.packets_in.get(),
            packets_out: self.packets_out.get(),
            dropped_in: self.dropped_in.get(),
            dropped_between_in: self.dropped_between_in.get(),
            dropped_between_out: self.dropped_between_out.get(),
            dropped_unread: self.dropped_unread.get(),
            dropped_out: self.dropped_out.get(),
        }
    }
}
