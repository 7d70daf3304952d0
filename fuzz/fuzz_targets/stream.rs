//! Frames of rung `tcp`: however TCP cuts the bytes, the same packets come out.

#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use plenum_wire::{FlowId, frame};

type Read = (Vec<(FlowId, Bytes)>, Option<frame::FrameError>);

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let (mut received, mut packets) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        received.extend_from_slice(piece);
        loop {
            match frame::decode_stream(&mut received) {
                Ok(Some(packet)) => packets.push(packet),
                Ok(None) => break,
                Err(error) => return (packets, Some(error)),
            }
        }
    }
    (packets, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = read(std::iter::once(bytes));
    assert_eq!(whole, read(bytes.chunks(usize::from(cut) + 1)));

    let mut written = BytesMut::new();
    for (flow, packet) in &whole.0 {
        frame::encode_stream(*flow, packet, &mut written);
    }
    assert_eq!(read(std::iter::once(&written[..])), (whole.0, None));
});
