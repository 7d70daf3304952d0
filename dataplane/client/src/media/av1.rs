//! AV1 out of RTP: the payload format of the Alliance for Open Media, version 1.0.0,
//! back to the low-overhead bitstream format that files hold; and whether a file holds it.

/// Aggregation header: the first element goes on from the packet before.
const CONTINUES: u8 = 0x80;
/// Aggregation header: the last element goes on in the packet after.
const CONTINUED: u8 = 0x40;
/// OBU header: an extension byte follows.
const HAS_EXTENSION: u8 = 0x04;
/// OBU header: a size follows.
const HAS_SIZE: u8 = 0x02;
/// The OBU that starts a frame in a file and is left out in RTP.
const TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0x00];

/// A frame from the payloads of its packets, in order; `None` when they do not fit.
pub(super) fn frame<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut frame = TEMPORAL_DELIMITER.to_vec();
    let mut open: Option<Vec<u8>> = None;
    for payload in payloads {
        let (&header, mut rest) = payload.split_first()?;
        if (header & CONTINUES != 0) != open.is_some() {
            return None;
        }
        let count = (header >> 4) & 3;
        let mut index = 0;
        while !rest.is_empty() {
            index += 1;
            let element = if index == count {
                std::mem::take(&mut rest)
            } else {
                let (length, after) = leb128(rest)?;
                let (element, after) = after.split_at_checked(length)?;
                rest = after;
                element
            };
            let mut obu = open.take().unwrap_or_default();
            obu.extend_from_slice(element);
            if rest.is_empty() && header & CONTINUED != 0 {
                open = Some(obu);
            } else {
                append_sized(&obu, &mut frame)?;
            }
        }
    }
    open.is_none().then_some(frame)
}

/// Whether a frame of a file ends where its last OBU does: what `rtp` cuts into packets has to.
pub(super) fn is_whole(mut frame: &[u8]) -> bool {
    while let Some((&header, mut rest)) = frame.split_first() {
        if header & HAS_EXTENSION != 0 {
            let Some((_, after)) = rest.split_first() else {
                return false;
            };
            rest = after;
        }
        if header & HAS_SIZE == 0 {
            return true;
        }
        match leb128(rest).and_then(|(length, obu)| obu.get(length..)) {
            Some(after) => frame = after,
            None => return false,
        }
    }
    true
}

/// Appends an OBU with its size, as files have it.
fn append_sized(obu: &[u8], frame: &mut Vec<u8>) -> Option<()> {
    let (&header, rest) = obu.split_first()?;
    frame.push(header | HAS_SIZE);
    let mut rest = rest;
    if header & HAS_EXTENSION != 0 {
        let (&extension, after) = rest.split_first()?;
        frame.push(extension);
        rest = after;
    }
    let mut length = rest.len();
    while length >= 0x80 {
        frame.push(0x80 | low_bits(length));
        length >>= 7;
    }
    frame.push(low_bits(length));
    frame.extend_from_slice(rest);
    Some(())
}

fn low_bits(length: usize) -> u8 {
    u8::try_from(length & 0x7f).expect("seven bits")
}

/// AV1 bitstream specification, section 4.10.5: at most eight bytes.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(8).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}
