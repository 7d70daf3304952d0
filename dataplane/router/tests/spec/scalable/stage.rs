//! A stream that can be taken in part, and one who watches it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use plenum_router::{ConnectionId, Input, Output};
use plenum_wire::control::{FromClient, FromRouter, Interest, Layer};
use plenum_wire::rtcp::{self, Feedback};
use plenum_wire::rtp::{self, DEPENDENCY_DESCRIPTOR_ID};
use plenum_wire::{Codec, Kind, Rung};

use crate::house::{Guest, House, said};
use crate::studio::{PICTURE, delivered, vp8};

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

/// The same with four decode targets, of which only the last has the higher layer.
const DEEP: &str = concat!(
    "10000",
    "00000000011",
    "000111",
    "101010101010101000000001", // SSSS, SSSS, ---D
    "0100010100000",
    "00",
    "1",
    "00000001001111110000000010110011",
);

fn descriptor(template: u8, frame: u16, structure: &str) -> Vec<u8> {
    let mut bytes = vec![0xc0 | template];
    bytes.extend(frame.to_be_bytes());
    if template == 0 {
        let bits: Vec<u8> = structure.bytes().map(|bit| bit - b'0').collect();
        let byte = |bits: &[u8]| -> u8 { (0..).zip(bits).map(|(at, bit)| bit << (7 - at)).sum() };
        bytes.extend(bits.chunks(8).map(byte));
    }
    bytes
}

/// A frame of one packet, its descriptor in the two-byte form of RFC 8285.
pub fn packet(sequence: u16, descriptor: &[u8], bytes: usize) -> Bytes {
    let header = rtp::Header {
        payload_type: 96,
        marker: true,
        sequence,
        timestamp: 0,
        ssrc: SSRC,
        payload_offset: 0,
    };
    let plain = rtp::write(&header, &vec![7; bytes]);
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
pub struct Stage {
    pub house: House,
    pub ann: (Guest, ConnectionId),
    pub bob: (Guest, ConnectionId),
    frame: u16,
    pub sequence: u16,
    /// A key frame was asked for.
    pub key: bool,
    /// What Bob got: its number there, and the publisher's.
    pub seen: Vec<(u16, u16)>,
    decoder: Decoder,
    /// What was lost on the way to the router, and may come later.
    late: Vec<(Instant, Bytes)>,
    pub told: Vec<Vec<bool>>,
    /// Of a frame.
    pub bytes: usize,
    structure: &'static str,
}

impl Stage {
    pub fn new() -> Self {
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
            decoder: Decoder::default(),
            late: Vec::new(),
            told: Vec::new(),
            bytes: 7,
            structure: STRUCTURE,
        };
        stage.deal();
        stage
    }

    /// With more decode targets than layers.
    pub fn deep() -> Self {
        Self {
            structure: DEEP,
            ..Self::new()
        }
    }

    pub fn deal(&mut self) {
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
            let number = rtp::Header::parse(&packet).unwrap().sequence;
            if self.decoder.take(&packet) {
                self.seen.push((number, self.sequence));
            }
        }
        let told = said(out, self.ann.0.channel).into_iter();
        self.told.extend(told.filter_map(|message| match message {
            FromRouter::Wanted { layers, .. } => Some(layers),
            _ => None,
        }));
    }

    fn send(&mut self, template: u8, lost: bool) {
        self.frame = self.frame.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(1);
        let packet = packet(
            self.sequence,
            &descriptor(template, self.frame, self.structure),
            self.bytes,
        );
        if lost {
            self.decoder.lost.insert(self.frame);
            self.late.push((self.house.now, packet));
        } else {
            self.bring(packet);
        }
    }

    pub fn pass(&mut self, duration: Duration) {
        let out = self.house.pass(duration);
        self.hand(&out);
    }

    pub fn bring(&mut self, packet: Bytes) {
        self.house.send(self.ann.1, self.ann.0.flows.video, packet);
        self.deal();
    }

    /// What was lost comes after all, unless nobody waits for it any more.
    pub fn bring_late(&mut self) {
        let now = self.house.now;
        for (at, packet) in std::mem::take(&mut self.late) {
            if now < at + Duration::from_secs(1) {
                self.bring(packet);
            }
        }
    }

    /// Bob says something on the control channel.
    pub fn says(&mut self, message: FromClient) {
        self.house.say(self.bob.0.channel, message);
        self.deal();
    }

    /// Bob asks again for what had this number.
    pub fn misses(&mut self, number: u16) -> Vec<Output> {
        let nack = rtcp::nack(1, SSRC, &[number]);
        self.house.send(self.bob.1, self.bob.0.flows.video, nack);
        let out = self.house.take();
        self.hand(&out);
        out
    }

    /// Two frames, one of each layer.
    pub fn pair(&mut self) {
        self.pair_with([false; 2]);
    }

    /// The same, some of which are lost.
    pub fn pair_with(&mut self, lost: [bool; 2]) {
        for (higher, lost) in [false, true].into_iter().zip(lost) {
            self.pass(PICTURE);
            let key = !higher && std::mem::take(&mut self.key);
            self.send(if higher { 2 } else { u8::from(!key) }, lost);
        }
    }

    /// How many of so many pairs of frames Bob gets; that his numbers have no hole.
    pub fn gets(&mut self, pairs: u16) -> usize {
        self.seen.clear();
        for _ in 0..pairs {
            self.pair();
        }
        for pair in self.seen.windows(2) {
            assert_eq!(pair[1].0, pair[0].0.wrapping_add(1));
        }
        self.seen.len()
    }

    pub fn estimate(&mut self, kbps: u64) {
        self.house.handle(Input::Estimate {
            connection: self.bob.1,
            bits_per_s: kbps * 1_000,
        });
        self.deal();
    }
}

/// Says whether what Bob gets can be decoded, and complains about his numbers.
#[derive(Default)]
struct Decoder {
    /// Of the frame that had each number.
    numbers: BTreeMap<u16, u16>,
    frames: BTreeSet<u16>,
    /// Frames that did not reach the router when they should have.
    lost: BTreeSet<u16>,
    newest: Option<(u16, u16)>,
}

impl Decoder {
    /// Takes a packet; whether it is the newest.
    fn take(&mut self, packet: &Bytes) -> bool {
        let header = rtp::Header::parse(packet).unwrap();
        assert_eq!(header.ssrc, SSRC);
        let mut extensions = rtp::extensions(packet);
        let Some((_, &[template, high, low, ..])) = extensions.next() else {
            return true;
        };
        let frame = u16::from_be_bytes([high, low]);
        let before = *self.numbers.entry(header.sequence).or_insert(frame);
        assert_eq!(before, frame, "{} twice, and not the same", header.sequence);
        self.frames.insert(frame);
        let needs = match template & 0x3f {
            0 => None,
            back => Some(frame.wrapping_sub(u16::from(3 - back))),
        };
        let there = |frame| self.frames.contains(&frame) || self.lost.contains(&frame);
        assert!(needs.is_none_or(there), "{frame} without {needs:?}");
        self.goes_on(header.sequence, frame)
    }

    /// Numbers are missing only for what was lost.
    fn goes_on(&mut self, number: u16, frame: u16) -> bool {
        if let Some((last, shown)) = self.newest {
            let ahead = number.wrapping_sub(last);
            if ahead == 0 || ahead > 1 << 15 {
                return false;
            }
            // After a pause it may begin with what came late: all that was lost till now counts.
            let since = |frame: &&u16| frame.wrapping_sub(shown) < 1 << 15;
            let lost = self.lost.iter().filter(since).count();
            assert!(usize::from(ahead) <= lost + 1, "{last}, then {number}");
        }
        self.newest = Some((number, frame));
        true
    }
}
