//! What other participants send, put together again by who records it: any payloads, in any
//! order, of every codec.
//!
//! The first byte chooses the codec; then come packets, each a byte of length, a byte of
//! header bits and a payload.

#![no_main]

use std::path::Path;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use plenum_client::media::Recorder;
use plenum_wire::{Codec, rtp};

const CODECS: [&str; 5] = ["opus", "VP8", "VP9", "AV1", "H264"];

/// The packets that the bytes stand for.
fn packets(mut rest: &[u8]) -> Vec<Bytes> {
    let (mut sequence, mut timestamp) = (0xfffe_u16, 0_u32);
    let mut packets = Vec::new();
    while let [length, bits, after @ ..] = rest {
        let (payload, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        sequence = sequence.wrapping_add(u16::from(bits >> 4));
        timestamp = timestamp.wrapping_add(u32::from(bits >> 1 & 7) * 3_000);
        let header = rtp::Header {
            payload_type: 96,
            marker: bits & 1 != 0,
            sequence,
            timestamp,
            ssrc: 1,
            payload_offset: 12,
        };
        packets.push(rtp::write(&header, payload));
    }
    packets
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, bytes)) = bytes.split_first() else {
        return;
    };
    let name = CODECS[usize::from(first) % CODECS.len()];
    let codec = Codec {
        name: name.into(),
        clock_rate: 90_000,
        payload_type: 96,
        width: 64,
        height: 64,
        channels: 2,
    };
    let path = format!("/dev/shm/plenum-recording-{}", std::process::id());
    let mut recorder = Recorder::create(Path::new(&path), &codec).expect("a file in memory");
    for packet in packets(bytes) {
        recorder.packet(packet).expect("written");
    }
    let recorded = recorder.finish().expect("written");
    assert!(recorded.frames <= recorded.packets);
});
