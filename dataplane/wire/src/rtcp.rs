//! As much of RTCP as repairing loss needs: generic NACK (RFC 4585 section 6.2.1) and
//! picture loss indication (section 6.3.1), in compound packets.
//!
//! Reading allocates nothing and passes over what it does not know; what is cut short or
//! contradicts itself ends the compound. Writing puts an empty receiver report in front, as
//! RFC 3550 section 6.1 wants it.
//!
//! ```
//! use plenum_wire::rtcp::{self, Feedback};
//!
//! let packet = rtcp::nack(1, 7, &[65_535, 3]);
//! let Some(Feedback::Nack(nack)) = rtcp::feedback(&packet).next() else { panic!() };
//! assert_eq!((nack.sender, nack.media), (1, 7));
//! assert_eq!(nack.sequences().collect::<Vec<_>>(), [65_535, 3]);
//! ```

use bytes::{BufMut, Bytes, BytesMut};

/// Pairs of a packet id and the mask of the 16 after it that one NACK has at most: 276 bytes.
/// Who misses more asks for the rest in the next one.
pub const NACK_PAIRS: usize = 64;

/// Transport layer feedback and its generic NACK.
const RTPFB: u8 = 205;
const GENERIC_NACK: u8 = 1;
/// Payload-specific feedback and its picture loss indication.
const PSFB: u8 = 206;
const PICTURE_LOSS: u8 = 1;
/// Header, sender and media source of a feedback message.
const FEEDBACK_BYTES: usize = 12;

/// What a receiver wants of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feedback<'a> {
    /// Packets again.
    Nack(Nack<'a>),
    /// A picture that needs none before it.
    PictureLoss {
        /// Who asks.
        sender: u32,
        /// Of which track.
        media: u32,
    },
}

/// Packets that a receiver misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender: u32,
    /// Of which track.
    pub media: u32,
    pairs: &'a [u8],
}

impl<'a> Nack<'a> {
    /// The sequence numbers, in the order in which they were written.
    pub fn sequences(&self) -> impl Iterator<Item = u16> + 'a {
        self.pairs.chunks_exact(4).flat_map(|pair| {
            let first = u16::from_be_bytes([pair[0], pair[1]]);
            let mask = u16::from_be_bytes([pair[2], pair[3]]);
            let others = (0..16_u16).filter(move |bit| mask >> bit & 1 == 1);
            std::iter::once(first).chain(others.map(move |bit| first.wrapping_add(bit + 1)))
        })
    }
}

/// The feedback in a compound packet; everything else in it is passed over.
#[must_use]
pub const fn feedback(compound: &[u8]) -> Messages<'_> {
    Messages { rest: compound }
}

/// See [`feedback`].
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Feedback<'a>;

    fn next(&mut self) -> Option<Feedback<'a>> {
        while let Some((packet, rest)) = split(self.rest) {
            self.rest = rest;
            if let Some(feedback) = read(packet) {
                return Some(feedback);
            }
        }
        self.rest = &[];
        None
    }
}

/// The first packet of a compound without its padding, and what is behind it.
fn split(compound: &[u8]) -> Option<(&[u8], &[u8])> {
    let header: &[u8; 4] = compound.first_chunk()?;
    if header[0] >> 6 != 2 {
        return None;
    }
    let words = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let (packet, rest) = compound.split_at_checked(4 + 4 * words)?;
    let padded = header[0] & 0x20 != 0;
    let padding = if padded { *packet.last()? } else { 0 };
    let body = packet.len().checked_sub(4 + usize::from(padding))?;
    Some((&packet[..4 + body], rest))
}

fn read(packet: &[u8]) -> Option<Feedback<'_>> {
    let (fixed, pairs) = packet.split_first_chunk::<FEEDBACK_BYTES>()?;
    let sender = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
    let media = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
    match (fixed[1], fixed[0] & 0x1f) {
        (RTPFB, GENERIC_NACK) => Some(Feedback::Nack(Nack {
            sender,
            media,
            pairs,
        })),
        (PSFB, PICTURE_LOSS) => Some(Feedback::PictureLoss { sender, media }),
        _ => None,
    }
}

/// Asks for packets again. Numbers in the order of sending make the shortest message; those
/// that do not fit [`NACK_PAIRS`] are left out.
#[must_use]
pub fn nack(sender: u32, media: u32, sequences: &[u16]) -> Bytes {
    let mut out = report(sender, FEEDBACK_BYTES + 4 * NACK_PAIRS);
    let start = out.len();
    put_feedback(&mut out, GENERIC_NACK, RTPFB, (sender, media));
    let mut left = sequences.iter().copied().peekable();
    let mut pairs = 0;
    while let Some(first) = left.next().filter(|_| pairs < NACK_PAIRS) {
        let mut mask = 0_u16;
        while let Some(bit) = left.peek().and_then(|next| bit_after(first, *next)) {
            mask |= 1 << bit;
            left.next();
        }
        out.put_u16(first);
        out.put_u16(mask);
        pairs += 1;
    }
    let words = u16::try_from((out.len() - start) / 4 - 1).expect("at most 66");
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    out.freeze()
}

/// Asks for a picture that needs none before it.
#[must_use]
pub fn picture_loss(sender: u32, media: u32) -> Bytes {
    let mut out = report(sender, FEEDBACK_BYTES);
    put_feedback(&mut out, PICTURE_LOSS, PSFB, (sender, media));
    out.freeze()
}

/// The bit of a mask that stands for `number` behind `first`.
fn bit_after(first: u16, number: u16) -> Option<u16> {
    let distance = number.wrapping_sub(first);
    (1..=16).contains(&distance).then(|| distance - 1)
}

/// A receiver report about nothing, with room behind it.
fn report(sender: u32, room: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(8 + room);
    out.put_slice(&[0x80, 201, 0, 1]);
    out.put_u32(sender);
    out
}

fn put_feedback(out: &mut BytesMut, format: u8, payload_type: u8, (sender, media): (u32, u32)) {
    out.put_slice(&[0x80 | format, payload_type, 0, 2]);
    out.put_u32(sender);
    out.put_u32(media);
}
