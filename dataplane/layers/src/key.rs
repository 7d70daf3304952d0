//! Whether an RTP payload begins a picture that needs none before it: where a receiver can be
//! cut over to another stream.
//!
//! Only the first packet of such a picture says so. When it is lost, the cut waits for it to
//! be sent again: a picture without its beginning decodes as little as one that refers to
//! what the receiver never had.

/// Whether this payload is the first of a key frame. `codec` is the name registered for RTP;
/// of one that is not known nothing begins.
#[must_use]
pub fn begins_key_frame(codec: &str, payload: &[u8]) -> bool {
    match codec {
        "VP8" => vp8(payload),
        "VP9" => vp9(payload),
        "H264" => Some(h264(payload)),
        "AV1" => payload.first().map(|&header| av1(header)),
        _ => None,
    }
    .unwrap_or(false)
}

/// RFC 7741 sections 4.2 and 4.3.
fn vp8(payload: &[u8]) -> Option<bool> {
    const EXTENDED: u8 = 0x80;
    const STARTS: u8 = 0x10;
    const PARTITION: u8 = 0x07;
    let (&first, mut rest) = payload.split_first()?;
    if first & EXTENDED != 0 {
        const LEVEL_INDEX: u8 = 0x40;
        const LAYER_OR_KEY_INDEX: u8 = 0x30;
        let (&fields, after) = rest.split_first()?;
        let index = usize::from(fields & LEVEL_INDEX != 0);
        let layer = usize::from(fields & LAYER_OR_KEY_INDEX != 0);
        rest = after_picture_id(fields, after)?.get(index + layer..)?;
    }
    // The P bit of the payload header says that the frame is predicted.
    let key = rest.first()? & 1 == 0;
    Some(key && first & STARTS != 0 && first & PARTITION == 0)
}

/// VP8 and VP9 write the picture's id alike: present by the highest bit of `fields`, two bytes
/// long by its own highest bit.
fn after_picture_id(fields: u8, rest: &[u8]) -> Option<&[u8]> {
    if fields & 0x80 == 0 {
        return Some(rest);
    }
    let long = rest.first()? & 0x80 != 0;
    rest.get(1 + usize::from(long)..)
}

/// RFC 9628 section 4.2. Senders exist that never set P, so the frame's own header (VP9
/// bitstream specification, section 6.2) is asked too.
fn vp9(payload: &[u8]) -> Option<bool> {
    const PREDICTED: u8 = 0x40;
    const LAYERS: u8 = 0x20;
    const FLEXIBLE: u8 = 0x10;
    const BEGINS: u8 = 0x08;
    const STRUCTURE: u8 = 0x02;
    let (&first, rest) = payload.split_first()?;
    if first & (PREDICTED | BEGINS) != BEGINS {
        return Some(false);
    }
    let mut rest = after_picture_id(first, rest)?;
    if first & LAYERS != 0 {
        let (&layer, after) = rest.split_first()?;
        let spatial = layer >> 1 & 7;
        if spatial != 0 {
            return Some(false);
        }
        // TL0PICIDX.
        rest = after.get(usize::from(first & FLEXIBLE == 0)..)?;
    }
    if first & STRUCTURE != 0 {
        rest = after_vp9_structure(rest)?;
    }
    Some(is_vp9_key_header(*rest.first()?))
}

/// RFC 9628 section 4.2.1.
fn after_vp9_structure(structure: &[u8]) -> Option<&[u8]> {
    const SIZES: u8 = 0x10;
    const PICTURES: u8 = 0x08;
    let (&head, mut rest) = structure.split_first()?;
    if head & SIZES != 0 {
        let layers = usize::from(head >> 5) + 1;
        rest = rest.get(4 * layers..)?;
    }
    if head & PICTURES != 0 {
        let (&count, after) = rest.split_first()?;
        rest = after;
        for _ in 0..count {
            let (&picture, after) = rest.split_first()?;
            let references = usize::from(picture >> 2 & 3);
            rest = after.get(references..)?;
        }
    }
    Some(rest)
}

/// `frame_marker`, two bits of profile, a reserved bit in profile 3 only,
/// `show_existing_frame`, `frame_type`, which is 0 for a key frame.
const fn is_vp9_key_header(byte: u8) -> bool {
    let unused = if byte & 0x30 == 0x30 { 1 } else { 2 };
    let existing_and_type = byte >> unused & 3;
    byte >> 6 == 2 && existing_and_type == 0
}

/// RFC 6184 sections 5.6 and 5.7.1. Parameter sets travel in band, so a key frame begins with
/// its sequence parameter set: a decoder that comes from another layer has none that fits.
fn h264(payload: &[u8]) -> bool {
    const PARAMETERS: u8 = 7;
    const STAP_A: u8 = 24;
    let unit_type = |unit: &[u8]| unit.first().map(|header| header & 0x1f);
    match unit_type(payload) {
        Some(PARAMETERS) => true,
        Some(STAP_A) => {
            let mut units = &payload[1..];
            while let Some((length, rest)) = units.split_first_chunk() {
                let length = usize::from(u16::from_be_bytes(*length));
                let Some((unit, after)) = rest.split_at_checked(length) else {
                    return false;
                };
                if unit_type(unit) == Some(PARAMETERS) {
                    return true;
                }
                units = after;
            }
            false
        }
        _ => false,
    }
}

/// AV1 RTP specification 1.0.0, section 4.4: N is the first packet of a coded video sequence,
/// Z one that goes on from the packet before.
const fn av1(aggregation_header: u8) -> bool {
    const CONTINUES: u8 = 0x80;
    const NEW_SEQUENCE: u8 = 0x08;
    aggregation_header & (CONTINUES | NEW_SEQUENCE) == NEW_SEQUENCE
}
