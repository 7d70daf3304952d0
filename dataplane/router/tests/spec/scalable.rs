//! One stream that can be taken in part: a receiver gets the frames that its layer needs.

use bytes::{BufMut, Bytes, BytesMut};
use plenum_router::{ConnectionId, Input, Output};
use plenum_wire::control::{FromClient, FromRouter, Interest, Layer};
use plenum_wire::rtcp::{self, Feedback};
use plenum_wire::rtp::{self, DEPENDENCY_DESCRIPTOR_ID};
use plenum_wire::{Codec, Kind, Rung};

use crate::house::{Guest, House, said};
use crate::studio::{MS, PICTURE, delivered, vp8, want};

const SSRC: u32 = 7;

/// One spatial and two temporal layers, by the syntax of the AV1 RTP specification, A.8.2:
/// template 0 begins, 1 goes on in the lower layer, 2 is of the higher one only.
const STRUCTURE: &str = concat!(
    "10000",                            // a structure
    "00000000001",                      // first template 0, two decode targets
    "000111",                           // same layer, one up, the last
    "101010100001",                     // needed by: SS, SS, -D
    "0100010100000",                    // refers to: nothing, 2 back, 1 back
    "0",                                // no chains
    "1",                                // sizes follow
    "00000001001111110000000010110011", // 320 x 180
);

fn descriptor(template: u8, frame: u16) -> Vec<u8> {
    let mut bytes = vec![0xc0 | template];
    bytes.extend(frame.to_be_bytes());
    if template == 0 {
        let bits: Vec<u8> = STRUCTURE.bytes().map(|bit| bit - b'0').collect();
        let byte = |bits: &[u8]| -> u8 { (0..).zip(bits).map(|(at, bit)| bit << (7 - at)).sum() };
        bytes.extend(bits.chunks(8).map(byte));
    }
    bytes
}

/// A frame of one packet, its descriptor in the two-byte form of RFC 8285.
fn packet(sequence: u16, descriptor: &[u8]) -> Bytes {
    let header = rtp::Header {
        payload_type: 96,
        marker: true,
        sequence,
        timestamp: 0,
        ssrc: SSRC,
        payload_offset: 0,
    };
    let plain = rtp::write(&header, b"a frame");
    let mut out = BytesMut::from(&plain[..12]);
    out[0] |= 0x10;
    let words = (2 + descriptor.len()).div_ceil(4);
    out.put_u16(0x1000);
    out.put_u16(u16::try_from(words).unwrap());
    out.put_slice(&[
        DEPENDENCY_DESCRIPTOR_ID,
        u8::try_from(descriptor.len()).unwrap(),
    ]);
    out.put_slice(descriptor);
    out.put_bytes(0, 4 * words - 2 - descriptor.len());
    out.put_slice(&plain[12..]);
    out.freeze()
}

/// Ann, who publishes half the frames in the lower layer and all in the higher, and Bob.
struct Stage {
    house: House,
    ann: (Guest, ConnectionId),
    bob: (Guest, ConnectionId),
    frame: u16,
    sequence: u16,
    key: bool,
    /// What Bob got: its number there, and the publisher's.
    seen: Vec<(u16, u16)>,
    newest: Option<u16>,
    told: Vec<Vec<bool>>,
}

impl Stage {
    fn new() -> Self {
        let mut house = House::new(10);
        let mut come = |who| {
            let guest = house.enter("4711", who, Interest::All);
            (guest, house.bind(guest, Kind::Video, Rung::Udp))
        };
        let (ann, bob) = (come("ann"), come("bob"));
        let layer = |kbps| Layer {
            ssrc: SSRC,
            width: 320,
            height: 180,
            kbps,
        };
        let publish = FromClient::Publish {
            kind: Kind::Video,
            ssrc: SSRC,
            codec: Codec {
                name: "AV1".into(),
                ..vp8()
            },
            layers: vec![layer(150), layer(250)],
        };
        house.say(ann.0.channel, publish);
        let mut stage = Self {
            house,
            ann,
            bob,
            frame: 65_530,
            sequence: 65_520,
            key: false,
            seen: Vec::new(),
            newest: None,
            told: Vec::new(),
        };
        stage.deal();
        stage
    }

    fn deal(&mut self) {
        let out = self.house.take();
        self.hand(&out);
    }

    fn hand(&mut self, out: &[Output]) {
        for (to, packet) in out.iter().filter_map(delivered) {
            if to == self.ann.1 {
                let asks = |it| matches!(it, Feedback::PictureLoss { media: SSRC, .. });
                self.key |= rtcp::feedback(&packet).any(asks);
                continue;
            }
            let header = rtp::Header::parse(&packet).unwrap();
            assert_eq!(header.ssrc, SSRC);
            // What comes once more is there to find out whether there is room for more.
            let ahead = |newest| header.sequence.wrapping_sub(newest) < 1 << 15;
            if self
                .newest
                .is_none_or(|newest| header.sequence != newest && ahead(newest))
            {
                self.newest = Some(header.sequence);
                self.seen.push((header.sequence, self.sequence));
            }
        }
        let told = said(out, self.ann.0.channel).into_iter();
        self.told.extend(told.filter_map(|message| match message {
            FromRouter::Wanted { layers, .. } => Some(layers),
            _ => None,
        }));
    }

    fn send(&mut self, template: u8) {
        self.frame = self.frame.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(1);
        let packet = packet(self.sequence, &descriptor(template, self.frame));
        let flow = self.ann.0.flows.video;
        self.house.send(self.ann.1, flow, packet);
        self.deal();
    }

    /// Two frames, one of each layer.
    fn pair(&mut self) {
        for higher in [false, true] {
            let out = self.house.pass(PICTURE);
            self.hand(&out);
            let key = !higher && std::mem::take(&mut self.key);
            self.send(if higher { 2 } else { u8::from(!key) });
        }
    }

    /// How many of so many pairs of frames Bob gets; that his numbers have no hole.
    fn gets(&mut self, pairs: u16) -> usize {
        self.seen.clear();
        for _ in 0..pairs {
            self.pair();
        }
        for pair in self.seen.windows(2) {
            assert_eq!(pair[1].0, pair[0].0.wrapping_add(1));
        }
        self.seen.len()
    }

    fn estimate(&mut self, kbps: u64) {
        self.house.handle(Input::Estimate {
            connection: self.bob.1,
            bits_per_s: kbps * 1_000,
        });
        self.deal();
    }
}

#[test]
fn it_begins_with_a_key_frame_that_is_asked_for() {
    let mut stage = Stage::new();
    assert!(stage.key);
    stage.key = false;
    assert_eq!(stage.gets(3), 0);
    stage.key = true;
    assert_eq!(stage.gets(10), 20);
}

#[test]
fn half_the_room_is_half_the_frames_without_a_hole_or_a_key_frame() {
    let mut stage = Stage::new();
    stage.pair();
    stage.estimate(200);
    assert_eq!(stage.gets(10), 10);
    stage.estimate(400);
    // The ladder's patience is a second, 12 pairs and a half.
    assert!((32..=38).contains(&stage.gets(25)));
    assert_eq!(stage.gets(10), 20);
    assert_eq!(
        stage.house.shard.counters().of(Kind::Video).key_frames_out,
        1
    );
}

#[test]
fn the_higher_layer_alone_is_no_longer_wanted() {
    let mut stage = Stage::new();
    stage.estimate(200);
    stage.gets(26);
    assert_eq!(stage.told, [[true, false]]);
    stage.estimate(400);
    stage.gets(13);
    assert_eq!(stage.told.last(), Some(&vec![true, true]));
}

#[test]
fn what_is_missing_is_found_by_the_number_that_went_out() {
    let mut stage = Stage::new();
    stage.pair();
    stage.estimate(200);
    stage.gets(10);
    let (number, sequence) = stage.seen[4];
    let nack = rtcp::nack(1, SSRC, &[number]);
    let flow = stage.bob.0.flows.video;
    stage.house.send(stage.bob.1, flow, nack);
    let out = stage.house.take();
    let [
        Output::Forward {
            packet, rewrite, ..
        },
    ] = &out[..]
    else {
        panic!("{out:?}")
    };
    assert_eq!(rewrite.map(|rewrite| rewrite.sequence), Some(number));
    let header = rtp::Header::parse(packet).unwrap();
    assert_eq!(header.sequence, sequence);
}

#[test]
fn after_a_pause_it_begins_anew_and_the_numbers_go_on() {
    let mut stage = Stage::new();
    stage.gets(5);
    let last = stage.seen.last().unwrap().0;
    let channel = stage.bob.0.channel;
    stage.house.say(channel, want("ann", Kind::Video, 0, 0));
    assert_eq!(stage.gets(5), 0);
    stage.house.pass(600 * MS);
    stage.house.say(channel, want("ann", Kind::Video, 180, 0));
    stage.deal();
    assert!(stage.key);
    assert_eq!(stage.gets(5), 10);
    assert_eq!(stage.seen[0].0, last.wrapping_add(1));
}

#[test]
fn what_says_nothing_of_its_layer_goes_to_all_who_see_something() {
    let mut stage = Stage::new();
    stage.pair();
    stage.estimate(200);
    stage.gets(3);
    stage.seen.clear();
    for descriptor in [&[][..], &[0xff, 0, 0], &[1]] {
        stage.sequence = stage.sequence.wrapping_add(1);
        let packet = packet(stage.sequence, descriptor);
        stage
            .house
            .send(stage.ann.1, stage.ann.0.flows.video, packet);
        stage.deal();
    }
    assert_eq!(stage.seen.len(), 3);
}
