//! A cut is made at the first packet of a key frame and at no other: asked of the packets of
//! real files, and of headers with everything that their formats allow.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use bytes::Bytes;
use plenum_layers::begins_key_frame;
use rtp::codecs::{av1::Av1Payloader, h264::H264Payloader, vp8::Vp8Payloader, vp9::Vp9Payloader};
use rtp::packetizer::Payloader;

/// The frames of an IVF file: 32 bytes of header, then each frame after 12 bytes of which the
/// first four are its length.
fn frames(name: &str) -> Vec<Bytes> {
    let path = Path::new("../../samples").join(name);
    let mut file = Bytes::from(std::fs::read(path).unwrap()).slice(32..);
    let mut frames = Vec::new();
    while !file.is_empty() {
        let length = u32::from_le_bytes(*file.first_chunk().unwrap());
        let mut frame = file.split_to(12 + length as usize);
        frames.push(frame.split_off(12));
    }
    frames
}

/// The numbers of the frames whose first packet begins a key frame; no other packet does.
fn key_frames(codec: &str, name: &str, payloader: &mut dyn Payloader) -> Vec<usize> {
    let mut found = Vec::new();
    for (number, frame) in frames(name).iter().enumerate() {
        let payloads = payloader.payload(1_140, frame).unwrap();
        for (index, payload) in payloads.iter().enumerate() {
            if begins_key_frame(codec, payload) {
                assert_eq!(index, 0, "frame {number}");
                found.push(number);
            }
        }
    }
    found
}

#[test]
fn vp8_files_begin_anew_where_their_encoder_says() {
    let keys = key_frames("VP8", "camera.ivf", &mut Vp8Payloader::default());
    assert_eq!(keys, (0..250).step_by(25).collect::<Vec<_>>());
    let mut with_ids = Vp8Payloader::default();
    with_ids.enable_picture_id = true;
    assert_eq!(key_frames("VP8", "camera.ivf", &mut with_ids), keys);
}

#[test]
fn vp9_files_begin_anew_where_their_encoder_says() {
    let keys = key_frames("VP9", "screen.ivf", &mut Vp9Payloader::default());
    assert_eq!(keys, [0, 5, 10, 15, 20, 25]);
}

#[test]
fn h264_files_begin_anew_where_their_encoder_says() {
    let keys = key_frames("H264", "camera-h264.ivf", &mut H264Payloader::default());
    assert_eq!(keys, [0, 15]);
}

#[test]
fn av1_files_begin_anew_where_their_encoder_says() {
    let keys = key_frames("AV1", "camera-av1.ivf", &mut Av1Payloader::default());
    assert_eq!(keys, [0, 15]);
}

/// Each payload with what it is.
fn check(codec: &str, payloads: &[(&[u8], bool, &str)]) {
    for (payload, begins, what) in payloads {
        assert_eq!(begins_key_frame(codec, payload), *begins, "{codec}: {what}");
        // Cut anywhere before its end a beginning is none, or still one; never a panic.
        for end in 0..payload.len() {
            assert!(
                *begins || !begins_key_frame(codec, &payload[..end]),
                "{codec}: {what}"
            );
        }
    }
}

#[test]
fn vp8_by_the_descriptor_and_the_frame() {
    check(
        "VP8",
        &[
            (&[0x10, 0x00], true, "first packet of a key frame"),
            (&[0x10, 0x01], false, "of a predicted frame"),
            (&[0x00, 0x00], false, "a later packet"),
            (&[0x11, 0x00], false, "the second partition"),
            (&[0x30, 0x00], true, "not a reference, N"),
            (&[0x90, 0x80, 0x05, 0x00], true, "short picture id"),
            (&[0x90, 0x80, 0x85, 0x01, 0x00], true, "long picture id"),
            (
                &[0x90, 0xf0, 0x85, 0x01, 0x07, 0x20, 0x00],
                true,
                "all fields",
            ),
            (
                &[0x90, 0xf0, 0x85, 0x01, 0x07, 0x20, 0x01],
                false,
                "all fields, predicted",
            ),
            (&[0x90, 0x40, 0x01, 0x00], true, "only TL0PICIDX"),
            (&[0x90, 0x10, 0x01, 0x00], true, "only KEYIDX"),
            (&[0x10], false, "nothing behind the descriptor"),
        ],
    );
}

#[test]
fn vp9_by_the_descriptor_and_the_frame() {
    check(
        "VP9",
        &[
            (&[0x08, 0x82], true, "the least there is"),
            (&[0x08, 0x86], false, "the frame's header says predicted"),
            (&[0x48, 0x82], false, "the descriptor says predicted"),
            (&[0x00, 0x82], false, "a later packet"),
            (&[0x88, 0x05, 0x82], true, "short picture id"),
            (&[0x88, 0x85, 0x01, 0x82], true, "long picture id"),
            (
                &[0xa8, 0x05, 0x00, 0x07, 0x82],
                true,
                "lowest spatial layer, TL0PICIDX",
            ),
            (
                &[0xb8, 0x05, 0x00, 0x82],
                true,
                "lowest spatial layer, flexible",
            ),
            (
                &[0xa8, 0x05, 0x03, 0x07, 0x82],
                false,
                "the second spatial layer of a key frame",
            ),
            // Two layers with sizes, then two pictures, one with a reference.
            (
                &[
                    0x0a, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 2, 0x00, 0x24, 1, 0x82,
                ],
                true,
                "structure",
            ),
            (
                &[
                    0x0a, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 2, 0x00, 0x24, 1, 0x86,
                ],
                false,
                "predicted",
            ),
            (&[0x08, 0xb0], true, "profile 3"),
            (&[0x08, 0xb2], false, "profile 3, predicted"),
            (
                &[0x08, 0xb4],
                false,
                "profile 3, an existing frame shown again",
            ),
            (&[0x08, 0x88], false, "an existing frame shown again"),
            (&[0x08, 0x42], false, "no frame marker"),
        ],
    );
}

#[test]
fn h264_by_its_parameter_set() {
    check(
        "H264",
        &[
            (&[0x67, 0x42], true, "sequence parameter set"),
            (&[0x68, 0xce], false, "picture parameter set"),
            (
                &[0x65, 0x88],
                false,
                "a slice: its parameters were lost, or are before it",
            ),
            (&[0x41, 0x9a], false, "predicted slice"),
            (
                &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce],
                true,
                "both in one packet",
            ),
            (
                &[0x78, 0, 1, 0x06, 0, 2, 0x67, 0x42],
                true,
                "behind another unit",
            ),
            (
                &[0x78, 0, 0, 0, 2, 0x67, 0x42],
                true,
                "behind an empty unit",
            ),
            (
                &[0x78, 0, 2, 0x06, 0x67, 0, 2, 0x41, 0x67],
                false,
                "none among them",
            ),
            (&[0x78, 0, 9, 0x67, 0x42], false, "longer than the packet"),
            (&[0x7c, 0x85, 0x88], false, "first fragment of a slice"),
        ],
    );
}

#[test]
fn av1_by_the_aggregation_header() {
    check(
        "AV1",
        &[
            (&[0x18, 0x0a], true, "a new sequence"),
            (&[0x58, 0x0a], true, "that goes on in the next packet"),
            (&[0x10, 0x32], false, "within a sequence"),
            (&[0x98, 0x0a], false, "goes on from the packet before"),
        ],
    );
}

#[test]
fn of_other_codecs_nothing_begins() {
    assert!(!begins_key_frame("opus", &[0x10, 0x00]));
    assert!(
        !begins_key_frame("vp8", &[0x10, 0x00]),
        "names are written as registered"
    );
    for codec in ["VP8", "VP9", "H264", "AV1"] {
        assert!(!begins_key_frame(codec, &[]), "{codec}");
    }
}
