//! Repairing loss: requests out and in.

use std::time::Instant;

use plenum_wire::Kind;
use plenum_wire::control::Track;
use plenum_wire::rtcp::{self, Feedback};

use super::Session;
use crate::event::Event;
use crate::moving::LegId;

impl Session {
    /// Asks the publisher of a picture for a key frame, at most twice a second; one is also
    /// asked for by itself when packets were given up. Whoever publishes may be unable to.
    pub fn want_key_frame(&mut self, track: &Track) {
        self.repair
            .want_key_frame(self.ssrc, track.ssrc, Instant::now());
        self.send_requests();
    }

    /// During a move both routers are asked: the second answer is a copy like any other.
    pub(super) fn send_requests(&mut self) {
        while let Some((kind, packet)) = self.repair.poll() {
            for leg in self.legs.values() {
                leg.send(kind, &packet);
            }
        }
    }

    /// A router wants something of our track.
    pub(super) fn answer(&mut self, id: LegId, kind: Kind, packet: &[u8], now: Instant) {
        let (Some(leg), Some(publishing)) = (self.legs.get(&id), self.publishing.get(&kind)) else {
            return;
        };
        for message in rtcp::feedback(packet) {
            match message {
                Feedback::Nack(nack) if nack.media == publishing.ssrc => {
                    for packet in publishing.kept.again(&nack, now) {
                        leg.send(kind, &packet);
                    }
                }
                Feedback::PictureLoss { media, .. } if media == publishing.ssrc => {
                    self.events.push_back(Event::KeyFrameWanted { kind });
                }
                _ => {}
            }
        }
    }
}
