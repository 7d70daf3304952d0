//! What Opus says of itself: its header packets (RFC 7845) and the length of a packet
//! (RFC 6716 section 3.1).

/// RTP clock and granule rate of Opus, whatever it was recorded with; Hz.
pub(super) const RATE: u32 = 48_000;
/// What an encoder usually puts before the first sample, in samples at [`RATE`].
const PRE_SKIP: u16 = 312;

/// Channels of an `OpusHead` packet; `None` when it is none.
pub(super) fn channels(head: &[u8]) -> Option<u8> {
    let channels = *head.strip_prefix(b"OpusHead")?.get(1)?;
    (head.len() >= 19 && (1..=2).contains(&channels)).then_some(channels)
}

/// The first packet of a file.
pub(super) fn head(channels: u8) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend_from_slice(&PRE_SKIP.to_le_bytes());
    head.extend_from_slice(&RATE.to_le_bytes());
    // No gain, channel mapping family 0.
    head.extend_from_slice(&[0, 0, 0]);
    head
}

/// The second packet of a file.
pub(super) fn tags() -> Vec<u8> {
    let vendor = b"plenum";
    let mut tags = b"OpusTags".to_vec();
    tags.extend_from_slice(&[u8::try_from(vendor.len()).expect("short"), 0, 0, 0]);
    tags.extend_from_slice(vendor);
    tags.extend_from_slice(&[0; 4]);
    tags
}

/// Samples at [`RATE`] in an Opus packet; `None` when it is none.
pub(super) fn samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        silk @ 0..12 => [480, 960, 1_920, 2_880][usize::from(silk & 3)],
        hybrid @ 12..16 => [480, 960][usize::from(hybrid & 1)],
        celt => [120, 240, 480, 960][usize::from(celt & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    // A packet holds at most 120 ms.
    (1..=5_760)
        .contains(&(frame * frames))
        .then_some(frame * frames)
}
