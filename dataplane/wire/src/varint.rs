//! QUIC variable-length integers, RFC 9000 section 16.

use bytes::BufMut;

/// Writes `value`, which must be below 2^62, in its shortest form.
pub(crate) fn put(value: u64, out: &mut impl BufMut) {
    match value {
        0..=0x3f => out.put_u8(u8::try_from(value).expect("below 2^6")),
        0x40..=0x3fff => out.put_u16(0x4000 | u16::try_from(value).expect("below 2^14")),
        0x4000..=0x3fff_ffff => {
            out.put_u32(0x8000_0000 | u32::try_from(value).expect("below 2^30"));
        }
        _ => out.put_u64(0xc000_0000_0000_0000 | value),
    }
}

/// Bytes that [`put`] writes for `value`.
pub(crate) const fn len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// The integer at the start of `bytes` and what follows it; `None` when cut short.
pub(crate) fn take(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let length = 1_usize << (first >> 6);
    let (number, rest) = bytes.split_at_checked(length)?;
    let value = number[1..]
        .iter()
        .fold(u64::from(first & 0x3f), |value, &byte| {
            value << 8 | u64::from(byte)
        });
    Some((value, rest))
}
