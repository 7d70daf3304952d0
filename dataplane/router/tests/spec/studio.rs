//! A publisher with a camera of several layers, and those who watch it over links of which
//! the estimate is known.

use std::time::Duration;

use bytes::Bytes;
use plenum_router::{ConnectionId, Input, Output};
use plenum_wire::control::{FromClient, FromRouter, Interest, Layer, Want};
use plenum_wire::rtcp::{self, Feedback};
use plenum_wire::{Codec, Kind, Rung, rtp};

use crate::eye::Eye;
use crate::house::{Guest, House, said};

pub const MS: Duration = Duration::from_millis(1);
/// Between two pictures.
pub const PICTURE: Duration = Duration::from_millis(40);
/// The same of the RTP clock.
pub const TICKS: u32 = 3_600;
/// What the layers take, in kbit/s.
pub const KBPS: [u32; 3] = [150, 500, 1_500];
pub const HEIGHTS: [u16; 3] = [180, 360, 720];
const PACKET: usize = 1_200;

pub fn vp8() -> Codec {
    Codec {
        name: "VP8".into(),
        clock_rate: 90_000,
        payload_type: 96,
        width: 1_280,
        height: 720,
        channels: 0,
    }
}

/// As many layers as there are SSRCs.
pub fn layers(ssrcs: &[u32]) -> Vec<Layer> {
    let layer = |(at, ssrc): (usize, &u32)| Layer {
        ssrc: *ssrc,
        width: HEIGHTS[at] / 9 * 16,
        height: HEIGHTS[at],
        kbps: KBPS[at],
    };
    ssrcs.iter().enumerate().map(layer).collect()
}

pub fn simulcast(kind: Kind, ssrc: u32, ssrcs: &[u32]) -> FromClient {
    FromClient::Publish {
        kind,
        ssrc,
        codec: vp8(),
        layers: layers(ssrcs),
    }
}

pub fn want(whose: &str, kind: Kind, height: u16, priority: u8) -> FromClient {
    FromClient::Want {
        wants: vec![Want {
            participant: whose.parse().unwrap(),
            kind,
            height,
            priority,
        }],
    }
}

/// A VP8 picture of one packet, the first there is.
pub fn vp8_packet(ssrc: u32, sequence: u16, key: bool, first: bool, bytes: usize) -> Bytes {
    let part = Part {
        timestamp: 0,
        key,
        first,
        last: true,
    };
    vp8_part(ssrc, sequence, part, bytes)
}

/// What of a picture a packet is.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub timestamp: u32,
    pub key: bool,
    pub first: bool,
    pub last: bool,
}

/// One packet of a VP8 picture: RFC 7741 sections 4.2 and 4.3. Its content names it.
pub fn vp8_part(ssrc: u32, sequence: u16, part: Part, bytes: usize) -> Bytes {
    let header = rtp::Header {
        payload_type: 96,
        marker: part.last,
        sequence,
        timestamp: part.timestamp,
        ssrc,
        payload_offset: 0,
    };
    let start = if part.first { 0x10 } else { 0 };
    let mut payload = vec![start, u8::from(!part.key), 0, 0];
    payload.extend([0x9d, 0x01, 0x2a]);
    payload.extend(ssrc.to_be_bytes());
    payload.extend(sequence.to_be_bytes());
    payload.resize(payload.len().max(bytes), 0);
    rtp::write(&header, &payload)
}

/// A packet as its receiver sees it.
pub fn delivered(output: &Output) -> Option<(ConnectionId, Bytes)> {
    let Output::Forward {
        to,
        packet,
        rewrite,
        ..
    } = output
    else {
        return None;
    };
    let mut bytes = packet.to_vec();
    if let Some(rewrite) = rewrite {
        rewrite.apply(&mut bytes);
    }
    Some((*to, bytes.into()))
}

/// One layer as its publisher makes it.
#[derive(Debug)]
pub struct Made {
    pub ssrc: u32,
    pub sequence: u16,
    /// The publisher was told so, or has no room for it.
    pub paused: bool,
    /// A key frame was asked for.
    pub key: bool,
}

/// Somebody who watches.
pub struct Watcher {
    pub guest: Guest,
    pub connection: ConnectionId,
    pub eye: Eye,
    /// Bytes since somebody asked.
    pub bytes: u64,
}

/// Ann, who publishes a layered track, and those who watch.
pub struct Studio {
    pub house: House,
    pub ann: Guest,
    pub camera: ConnectionId,
    pub kind: Kind,
    pub made: Vec<Made>,
    pub watchers: Vec<Watcher>,
    /// Whether the publisher does what it is asked.
    pub obeys: bool,
    pub asked: Vec<u32>,
    /// What the publisher was told last.
    pub wanted: Vec<bool>,
    /// Of the picture that is sent.
    pub timestamp: u32,
}

/// The SSRC of the track.
pub const TRACK: u32 = 7;
/// Those of its layers.
pub const LOW: u32 = 10;
pub const MIDDLE: u32 = 11;
pub const HIGH: u32 = 12;

impl Studio {
    pub fn new(kind: Kind) -> Self {
        let mut house = House::new(100);
        let ann = house.join("4711", "ann");
        let camera = house.bind(ann, kind, Rung::Udp);
        let ssrcs = [LOW, MIDDLE, HIGH];
        house.say(ann.channel, simulcast(kind, TRACK, &ssrcs));
        house.take();
        let made = ssrcs.map(|ssrc| Made {
            ssrc,
            sequence: 65_500,
            paused: false,
            key: true,
        });
        Self {
            house,
            ann,
            camera,
            kind,
            made: made.into(),
            watchers: Vec::new(),
            obeys: true,
            asked: Vec::new(),
            wanted: vec![true; 3],
            // Soon over the wrap.
            timestamp: u32::MAX - 60_000,
        }
    }

    /// Somebody comes; the number to ask for them by.
    pub fn watch(&mut self, who: &str) -> usize {
        let guest = self.house.enter("4711", who, Interest::All);
        let connection = self.house.bind(guest, self.kind, Rung::Udp);
        self.watchers.push(Watcher {
            guest,
            connection,
            eye: Eye::default(),
            bytes: 0,
        });
        self.deal();
        self.watchers.len() - 1
    }

    pub fn estimate(&mut self, watcher: usize, kbps: u64) {
        self.house.handle(Input::Estimate {
            connection: self.watchers[watcher].connection,
            bits_per_s: kbps * 1_000,
        });
        self.deal();
    }

    pub fn says(&mut self, watcher: usize, message: FromClient) {
        let channel = self.watchers[watcher].guest.channel;
        self.house.say(channel, message);
        self.deal();
    }

    /// The watcher's RTCP.
    pub fn feedback(&mut self, watcher: usize, packet: Bytes) -> Vec<Output> {
        let Watcher {
            guest, connection, ..
        } = self.watchers[watcher];
        let flow = guest.flows.of(self.kind);
        self.house.send(connection, flow, packet);
        self.house.take()
    }

    /// The router's words reach those they are for.
    pub fn deal(&mut self) -> Vec<Output> {
        let out = self.house.take();
        self.hand(&out);
        out
    }

    fn hand(&mut self, out: &[Output]) {
        for (to, packet) in out.iter().filter_map(delivered) {
            if to == self.camera {
                self.hear(&packet);
            } else if let Some(watcher) = self.watchers.iter_mut().find(|it| it.connection == to) {
                watcher.bytes += packet.len() as u64;
                let header = rtp::Header::parse(&packet).unwrap();
                if header.ssrc == TRACK {
                    watcher.eye.look(&packet);
                }
            }
        }
        for message in said(out, self.ann.channel) {
            if let FromRouter::Wanted { layers, .. } = message {
                self.wanted.clone_from(&layers);
                for (made, wanted) in self.made.iter_mut().zip(layers) {
                    if self.obeys {
                        made.key |= made.paused && wanted;
                        made.paused = !wanted;
                    }
                }
            }
        }
    }

    fn hear(&mut self, packet: &[u8]) {
        for feedback in rtcp::feedback(packet) {
            if let Feedback::PictureLoss { media, .. } = feedback {
                self.asked.push(media);
                let made = self.made.iter_mut().find(|made| made.ssrc == media);
                made.expect("a layer's SSRC").key |= self.obeys;
            }
        }
    }

    /// One picture of each layer that is not paused.
    pub fn picture(&mut self) {
        let out = self.house.pass(PICTURE);
        self.hand(&out);
        self.timestamp = self.timestamp.wrapping_add(TICKS);
        for layer in 0..self.made.len() {
            if !self.made[layer].paused {
                self.picture_of(layer);
            }
        }
    }

    pub fn picture_of(&mut self, layer: usize) {
        let per_s = u32::try_from(1_000 / PICTURE.as_millis()).unwrap();
        let mut left = usize::try_from(KBPS[layer] * 1_000 / 8 / per_s).unwrap();
        let mut first = true;
        let key = std::mem::take(&mut self.made[layer].key);
        while left > 0 {
            let bytes = left.min(PACKET);
            left -= bytes;
            let part = Part {
                timestamp: self.timestamp,
                key,
                first,
                last: left == 0,
            };
            self.packet(layer, part, bytes);
            first = false;
        }
    }

    /// One packet of a layer, in the order of their numbers.
    pub fn packet(&mut self, layer: usize, part: Part, bytes: usize) -> Vec<Output> {
        let made = &mut self.made[layer];
        made.sequence = made.sequence.wrapping_add(1);
        let packet = vp8_part(made.ssrc, made.sequence, part, bytes);
        self.bring(packet)
    }

    /// A packet from the publisher.
    pub fn bring(&mut self, packet: Bytes) -> Vec<Output> {
        let flow = self.ann.flows.of(self.kind);
        self.house.send(self.camera, flow, packet);
        self.deal()
    }

    pub fn pictures(&mut self, during: Duration) {
        for _ in 0..during.as_millis() / PICTURE.as_millis() {
            self.picture();
        }
    }

    pub fn shows(&self, watcher: usize) -> Option<u32> {
        self.watchers[watcher].eye.shows()
    }

    /// What a watcher got on average during this, in kbit/s.
    pub fn rate(&mut self, watcher: usize, during: Duration) -> u64 {
        self.watchers[watcher].bytes = 0;
        self.pictures(during);
        self.watchers[watcher].bytes * 8 / u64::try_from(during.as_millis()).unwrap()
    }

    /// The first moment, in pictures from now, at which a watcher sees this layer.
    pub fn until_shows(&mut self, watcher: usize, layer: u32, within: Duration) -> Duration {
        let start = self.house.now;
        while self.shows(watcher) != Some(layer) {
            assert!(
                self.house.now < start + within,
                "{:?} instead of {layer} after {within:?}",
                self.shows(watcher)
            );
            self.picture();
        }
        self.house.now - start
    }
}
