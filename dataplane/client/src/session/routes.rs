//! Where the packets of our tracks go, and which of their layers.

use std::sync::Arc;
use std::time::Instant;

use plenum_wire::Kind;

use super::Session;
use crate::event::Event;
use crate::track::{Outlet, Route};
use crate::uplink::{self, padding};

impl Session {
    /// Tells the senders of tracks where their packets go now, and which.
    pub(super) fn refresh_routes(&mut self) {
        for (&kind, publishing) in &mut self.publishing {
            let outlets = self.legs.iter().filter_map(|(&id, leg)| {
                let (rung, attempt, outlet) = leg.outlet(kind)?;
                Some(((id, rung, attempt), outlet))
            });
            let (key, outlets): (Vec<_>, Vec<_>) = outlets.unzip();
            let sources = publishing.sources();
            let moved = publishing.key != key || publishing.route.borrow().sources[..] != sources;
            publishing.key = key;
            let layers = publishing.layers();
            let before = publishing.route.borrow().layers;
            if moved {
                publishing.route.send_replace(Route {
                    sources: Arc::from(sources),
                    layers,
                    outlets: Arc::from(outlets),
                });
            } else if layers != before {
                publishing.route.send_modify(|route| route.layers = layers);
            }
            if layers != before {
                let layers = layers.each(publishing.sources().len());
                self.events.push_back(Event::LayersWanted { kind, layers });
            }
        }
    }

    /// Layers that no longer fit are not sent, and what might fit is probed for.
    pub(super) fn look_at_uplinks(&mut self, now: Instant) {
        if self.uplinks_due.is_some_and(|due| due > now) {
            return;
        }
        self.uplinks_due = None;
        let kinds: Vec<Kind> = self.publishing.keys().copied().collect();
        for kind in kinds {
            if let Some(due) = self.look_at_uplink(kind, now) {
                self.uplinks_due = Some(self.uplinks_due.map_or(due, |first| first.min(due)));
            }
        }
    }

    /// When to look again; `None` for a track without layers.
    fn look_at_uplink(&mut self, kind: Kind, now: Instant) -> Option<Instant> {
        let publishing = self.publishing.get_mut(&kind)?;
        let wanted = publishing.wanted_layers();
        let uplink = publishing.uplink.as_mut()?;
        // During a move the leg that is longest there knows best what the way carries.
        let outlet = publishing.route.borrow().outlets.first().cloned();
        let estimate = outlet.as_ref().and_then(|outlet| outlet.sender.estimate());
        self.stale |= uplink.handle(estimate, wanted, now);
        let bytes = uplink.padding();
        if let Some(Outlet { sender, flow }) = outlet {
            for packet in padding(self.ssrc, bytes) {
                sender.send(flow, &packet);
            }
        }
        let wait = if bytes > 0 {
            uplink::PADDING_EVERY
        } else {
            uplink::EVERY
        };
        Some(now + wait)
    }
}
