//! The sending end of a published track.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use plenum_transport::dial::MediaSender;
use plenum_wire::{FlowId, Kind};
use tokio::sync::watch;

use crate::repair::Kept;

/// One way out.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub sender: MediaSender,
    pub flow: FlowId,
}

/// Where a track goes now, and as what.
#[derive(Clone)]
pub(crate) struct Route {
    /// The source that the routers know.
    pub ssrc: u32,
    /// Every way out: two during a move.
    pub outlets: Arc<[Outlet]>,
}

/// Sends a track's packets. Kept through moves and reconnections; clones send the same track.
#[derive(Clone)]
pub struct TrackSender {
    pub(crate) kind: Kind,
    pub(crate) route: watch::Receiver<Route>,
    pub(crate) kept: Kept,
}

impl TrackSender {
    /// The source that the track's packets must name in their RTP header. Ask again for each
    /// frame: it changes when another router knows somebody with the same one.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.route.borrow().ssrc
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Sends one RTP packet, on both legs during a move. Never waits: a packet is dropped
    /// when it is too long or the connection is full, as any network may drop it. `false`
    /// only when no router is connected. Kept for a second, for who asks for it again.
    pub fn send(&self, packet: &Bytes) -> bool {
        self.kept.keep(packet, Instant::now());
        let route = self.route.borrow();
        let mut sent = false;
        for outlet in route.outlets.iter() {
            sent |= outlet.sender.send(outlet.flow, packet);
        }
        sent
    }
}
