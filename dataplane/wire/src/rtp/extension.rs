//! RTP header extensions (RFC 8285), and of those that are ours the audio level (RFC 6464).
//!
//! Read in place, nothing is copied. An extension means the same in all of Plenum: its id is
//! in `docs/protocol.md`, and nothing is negotiated.

use bytes::{BufMut, Bytes, BytesMut};

use super::Header;

/// The id of the audio level, RFC 6464.
pub const AUDIO_LEVEL_ID: u8 = 1;
/// The id of the dependency descriptor, AV1 RTP specification, appendix A.
pub const DEPENDENCY_DESCRIPTOR_ID: u8 = 2;

/// RFC 8285 section 4.2.
const ONE_BYTE: u16 = 0xbede;
/// RFC 8285 section 4.3; the last four bits are the application's.
const TWO_BYTE: u16 = 0x1000;

/// How loud an audio packet is, RFC 6464.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender takes it for a voice.
    pub voice: bool,
    /// Decibels below the loudest that can be written down, 0 to 127 (-dBov); 127 is silence.
    pub below: u8,
}

impl AudioLevel {
    /// Nothing to hear.
    pub const SILENCE: Self = Self {
        voice: false,
        below: 127,
    };

    /// The level that a packet says; `None` when it says none.
    #[must_use]
    pub fn read(packet: &[u8]) -> Option<Self> {
        let (_, data) = extensions(packet).find(|(id, _)| *id == AUDIO_LEVEL_ID)?;
        let &[byte] = data else { return None };
        Some(Self {
            voice: byte & 0x80 != 0,
            below: byte & 0x7f,
        })
    }

    const fn byte(self) -> u8 {
        let below = if self.below > 127 { 127 } else { self.below };
        (self.voice as u8) << 7 | below
    }
}

/// The header extensions of an RTP packet, as far as they can be read.
#[must_use]
pub fn extensions(packet: &[u8]) -> Extensions<'_> {
    block(packet).unwrap_or(Extensions {
        left: &[],
        one_byte: true,
    })
}

fn block(packet: &[u8]) -> Option<Extensions<'_>> {
    let first = *packet.first()?;
    if first & 0x10 == 0 || Header::parse(packet).is_none() {
        return None;
    }
    let at = 12 + 4 * usize::from(first & 0x0f);
    let (&[a, b, c, d], rest) = packet.get(at..)?.split_first_chunk()?;
    let bytes = 4 * usize::from(u16::from_be_bytes([c, d]));
    let one_byte = match u16::from_be_bytes([a, b]) {
        ONE_BYTE => true,
        profile if profile & 0xfff0 == TWO_BYTE => false,
        _ => return None,
    };
    let left = rest.get(..bytes)?;
    Some(Extensions { left, one_byte })
}

/// Id and data of each extension, in order. Ends early where the bytes make no sense.
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    left: &'a [u8],
    one_byte: bool,
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Zeros are padding.
        while let Some((0, rest)) = self.left.split_first() {
            self.left = rest;
        }
        let (&head, rest) = std::mem::take(&mut self.left).split_first()?;
        let (id, bytes, rest) = if self.one_byte {
            // Id 15 is reserved, and id 0 with a length is none: what follows is not to be
            // read.
            match head >> 4 {
                0 | 15 => return None,
                id => (id, usize::from(head & 0x0f) + 1, rest),
            }
        } else {
            let (&bytes, rest) = rest.split_first()?;
            (head, usize::from(bytes), rest)
        };
        let (data, rest) = rest.split_at_checked(bytes)?;
        self.left = rest;
        Some((id, data))
    }
}

/// [`write`](super::write) with the audio level, in the one-byte form.
#[must_use]
pub fn write_with_level(header: &Header, level: AudioLevel, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(12 + 8 + payload.len());
    super::put_fixed(header, 0x90, &mut out);
    out.put_u16(ONE_BYTE);
    out.put_u16(1);
    // Id and length less one, the level, and padding to a word.
    out.put_slice(&[AUDIO_LEVEL_ID << 4, level.byte(), 0, 0]);
    out.put_slice(payload);
    out.freeze()
}
