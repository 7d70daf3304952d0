//! Repairing loss: requests out and in.

use std::time::Instant;

use plenum_wire::Kind;
use plenum_wire::control::Track;
use plenum_wire::rtcp::{self, Feedback, Nack};
use plenum_wire::rtp::Header;

use super::Session;
use crate::event::Event;
use crate::moving::LegId;
use crate::repair::Request;
use crate::roster::Received;

impl Session {
    /// Asks the publisher of a picture for a key frame, at most twice a second; one is also
    /// asked for by itself when packets were given up. Whoever publishes may be unable to.
    pub fn want_key_frame(&mut self, track: &Track) {
        self.repair
            .want_key_frame(self.ssrc, track.ssrc, Instant::now());
        self.send_requests();
    }

    /// During a move both routers are asked for what the publisher numbered: the second answer
    /// is a copy like any other.
    pub(super) fn send_requests(&mut self) {
        while let Some(Request { kind, to, packet }) = self.repair.poll() {
            for (id, leg) in &self.legs {
                if to.is_none_or(|to| to == *id) {
                    leg.send(kind, &packet);
                }
            }
        }
    }

    /// A packet came for the first time.
    pub(super) fn take(&mut self, received: Received) {
        let Received {
            track,
            packet,
            at,
            sequence,
            numbered_by,
        } = received;
        let number = (numbered_by, sequence);
        self.stale |= self.repair.receive(track.kind, track.ssrc, number, at);
        if begins_key_frame(&track, &packet) {
            self.repair.begins_anew(track.ssrc, sequence);
        }
        if self.repair.take_broken(track.ssrc) {
            self.want_key_frame(&track);
        }
        self.events.push_back(Event::Packet { track, packet, at });
    }

    /// A router wants something of our track.
    pub(super) fn answer(&mut self, id: LegId, kind: Kind, packet: &[u8], now: Instant) {
        let (Some(leg), Some(publishing)) = (self.legs.get(&id), self.publishing.get(&kind)) else {
            return;
        };
        for message in rtcp::feedback(packet) {
            let (Feedback::Nack(Nack { media, .. }) | Feedback::PictureLoss { media, .. }) =
                message;
            let Some(layer) = publishing.layer_of(media) else {
                continue;
            };
            if let Feedback::Nack(nack) = message {
                for packet in publishing.kept.again(layer.into(), &nack, now) {
                    leg.send(kind, &packet);
                }
            } else {
                let wanted = Event::KeyFrameWanted { kind, layer };
                self.events.push_back(wanted);
            }
        }
    }
}

fn begins_key_frame(track: &Track, packet: &[u8]) -> bool {
    let payload = || packet.get(Header::parse(packet)?.payload_offset..);
    track.kind != Kind::Audio
        && payload()
            .is_some_and(|payload| plenum_layers::begins_key_frame(&track.codec.name, payload))
}
