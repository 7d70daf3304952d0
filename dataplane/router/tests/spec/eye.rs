//! Looks at what a receiver of a track with layers gets.

use std::collections::BTreeMap;

use bytes::Bytes;
use plenum_wire::rtp;

/// What somebody sees of one track: complains where a decoder would.
#[derive(Debug, Default)]
pub struct Eye {
    /// By number, what it was.
    seen: BTreeMap<u64, Bytes>,
    last: Option<Seen>,
    pub cuts: u32,
    pub packets: u32,
    pub copies: u32,
}

/// The newest packet that an eye saw.
#[derive(Debug, Clone, Copy)]
struct Seen {
    number: u64,
    layer: u32,
    /// As the publisher counts the layer's packets.
    sequence: u16,
    timestamp: u32,
    /// It ends its picture.
    last: bool,
}

impl Eye {
    /// Takes a packet of [`vp8_packet`](crate::studio::vp8_packet). Numbers go on as the publisher's did, so that what is
    /// missing was lost on the way to the router; or a picture begins, and nothing is missing.
    pub fn look(&mut self, packet: &Bytes) {
        let header = rtp::Header::parse(packet).unwrap();
        let payload = packet.slice(header.payload_offset..);
        let number = self.unwrap(header.sequence);
        self.packets += 1;
        if let Some(before) = self.seen.get(&number) {
            assert_eq!(*before, payload, "number {number} twice, and not the same");
            self.copies += 1;
            return;
        }
        let seen = Seen {
            number,
            layer: u32::from_be_bytes(payload[7..11].try_into().unwrap()),
            sequence: u16::from_be_bytes([payload[11], payload[12]]),
            timestamp: header.timestamp,
            last: header.marker,
        };
        if self.last.is_none_or(|last| number > last.number) {
            let begins = payload[0] == 0x10 && payload[1] & 1 == 0;
            self.goes_on(seen, begins);
            self.last = Some(seen);
        }
        self.seen.insert(number, payload);
        if self.seen.len() > 1_000 {
            self.seen.pop_first();
        }
    }

    fn goes_on(&mut self, now: Seen, begins: bool) {
        let by_itself = self.last.is_some_and(|last| {
            let came = now.sequence.wrapping_sub(last.sequence);
            now.layer == last.layer && now.number - last.number == u64::from(came)
        });
        if !by_itself {
            let next = self.last.is_none_or(|last| now.number == last.number + 1);
            assert!(begins && next, "{:?} and then {now:?}", self.last);
            let apart = |last: Seen| last.last || last.timestamp != now.timestamp;
            let apart = self.last.is_none_or(apart);
            assert!(apart, "{now:?} begins inside {:?}", self.last);
            self.cuts += 1;
        }
    }

    /// The SSRC of the layer that is shown.
    pub fn shows(&self) -> Option<u32> {
        self.last.map(|last| last.layer)
    }

    /// A number seen some packets ago.
    pub fn number(&self, back: u16) -> Option<u16> {
        let newest = u16::try_from(self.last?.number % (1 << 16)).unwrap();
        Some(newest.wrapping_sub(back))
    }

    fn unwrap(&self, sequence: u16) -> u64 {
        let newest = self
            .last
            .map_or(u64::from(sequence) + (1 << 16), |last| last.number);
        let ahead = sequence.wrapping_sub(u16::try_from(newest % (1 << 16)).unwrap());
        newest.wrapping_add_signed(i64::from(ahead.cast_signed()))
    }
}
