//! Whatever is in a file or comes from the network: no panic, and no more memory than the
//! bound. What is whole comes back as it was.

use std::io::Cursor;
use std::path::Path;

use bytes::Bytes;
use plenum_wire::{Codec, rtp};
use proptest::prelude::*;

use super::*;

fn any_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

fn codec(name: &str) -> Codec {
    let audio = name == "opus";
    Codec {
        name: name.to_owned(),
        clock_rate: if audio { 48_000 } else { 90_000 },
        payload_type: 96,
        width: 0,
        height: 0,
        channels: u8::from(audio) * 2,
    }
}

/// Reads all frames; how many bytes they hold.
fn read_all(path: &Path) -> Result<usize, MediaError> {
    let mut source = Source::open(path)?;
    let mut bytes = 0;
    while let Some(frame) = source.next_frame()? {
        assert!(frame.data.len() <= FRAME_BYTES);
        bytes += frame.data.len();
    }
    Ok(bytes)
}

/// A header with these fields, then these frames.
fn ivf_file(rate: u32, scale: u32, frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let header = ivf::Header {
        fourcc: *b"VP80",
        width: 640,
        height: 360,
        rate,
        scale,
    };
    let mut file = Vec::new();
    ivf::write_header(&mut file, &header, 0).unwrap();
    for (time, frame) in frames {
        ivf::write_frame(&mut file, *time, frame).unwrap();
    }
    file
}

/// An Opus packet of one frame; its first byte says how long it is.
fn opus_packet() -> impl Strategy<Value = Vec<u8>> {
    any_bytes(400).prop_map(|mut packet| {
        packet.insert(0, 0xf8);
        packet
    })
}

proptest! {
    #[test]
    fn any_bytes_are_no_ivf_or_some_of_it(bytes in any_bytes(400)) {
        let mut input = Cursor::new(&bytes);
        prop_assert!(bytes.starts_with(b"DKIF") || ivf::read_header(&mut input).is_err());
        let mut input = Cursor::new(&bytes);
        let mut total = 0;
        while let Ok(Some((_, frame))) = ivf::read_frame(&mut input) {
            total += frame.len() + 12;
        }
        prop_assert!(total <= bytes.len());
    }

    #[test]
    fn ivf_frames_come_back_as_they_were(
        frames in prop::collection::vec((any::<u64>(), any_bytes(100)), 0..20),
    ) {
        let file = ivf_file(30, 1, &frames);
        let mut input = Cursor::new(file);
        ivf::read_header(&mut input).unwrap();
        for (time, frame) in frames {
            let read = ivf::read_frame(&mut input).unwrap();
            prop_assert_eq!(read, Some((time, Bytes::from(frame))));
        }
        prop_assert_eq!(ivf::read_frame(&mut input).unwrap(), None);
    }

    #[test]
    fn any_clock_and_any_times_of_frames_are_played_or_refused(
        rate in any::<u32>(),
        scale in any::<u32>(),
        times in prop::collection::vec(any::<u32>(), 1..5),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("any.ivf");
        let frames: Vec<_> = times.iter().map(|&time| (time.into(), vec![1])).collect();
        std::fs::write(&path, ivf_file(rate, scale, &frames)).unwrap();
        if let Ok(bytes) = read_all(&path) {
            prop_assert_eq!(bytes, times.len());
        }
    }

    #[test]
    fn any_payloads_are_no_av1_frame_or_a_small_one(
        payloads in prop::collection::vec(any_bytes(60), 0..6),
    ) {
        let given: usize = payloads.iter().map(Vec::len).sum();
        if let Some(frame) = av1::frame(payloads.iter().map(Vec::as_slice)) {
            // An OBU of one byte gets a size of one byte.
            prop_assert!(frame.len() <= 2 + 2 * given, "{} of {given}", frame.len());
        }
    }

    #[test]
    fn any_bytes_are_no_ogg_or_some_of_it(
        bytes in any_bytes(400),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("any.ogg");
        let file = [b"OggS".to_vec(), bytes.clone()].concat();
        std::fs::write(&path, file).unwrap();
        let _ = read_all(&path);

        let mut recorder = Recorder::create(&path, &codec("opus")).unwrap();
        recorder.packet(opus(0, &[&[0xf8], &bytes[..]].concat())).unwrap();
        recorder.finish().unwrap();
        let mut file = std::fs::read(&path).unwrap();
        let at = at.index(file.len());
        file[at] = value;
        std::fs::write(&path, &file).unwrap();
        if let Ok(read) = read_all(&path) {
            prop_assert!(read <= file.len());
        }
    }

    #[test]
    fn opus_packets_come_back_as_they_were(
        packets in prop::collection::vec(opus_packet(), 1..120),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("voice.ogg");
        let mut recorder = Recorder::create(&path, &codec("opus")).unwrap();
        for (packet, number) in packets.iter().zip(0..) {
            recorder.packet(opus(number, packet)).unwrap();
        }
        recorder.finish().unwrap();
        let mut source = Source::open(&path).unwrap();
        for packet in packets {
            let read = source.next_frame().unwrap().unwrap();
            prop_assert_eq!(read.data, packet);
        }
        prop_assert_eq!(source.next_frame().unwrap(), None);
    }

    #[test]
    fn any_packets_are_recorded_or_left_out(
        name in prop::sample::select(vec!["opus", "VP8", "VP9", "AV1", "H264"]),
        packets in prop::collection::vec((0..40_u16, 0..3_u32, any::<bool>(), any_bytes(60)), 0..40),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(&directory.path().join("any"), &codec(name)).unwrap();
        for (sequence, timestamp, marker, payload) in packets {
            recorder.packet(packet(sequence, timestamp, marker, &payload)).unwrap();
        }
        recorder.finish().unwrap();
    }
}

fn packet(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Bytes {
    let header = rtp::Header {
        // Below those that with a marker read as RTCP.
        payload_type: 33,
        marker,
        sequence,
        timestamp,
        ssrc: 1,
        payload_offset: 12,
    };
    rtp::write(&header, payload)
}

fn opus(number: u16, payload: &[u8]) -> Bytes {
    packet(number, u32::from(number) * 960, false, payload)
}

/// One packet that goes on over page after page.
#[test]
fn an_ogg_packet_without_an_end_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("endless.ogg");
    let mut file = ogg_page(2, 0, &ogg_opus::head(2));
    file.extend(ogg_page(0, 1, &ogg_opus::tags()));
    let full = vec![7; 255 * 255];
    for number in 2..200 {
        let continued = u8::from(number > 2);
        // A page whose packet ends with a full segment goes on in the next.
        file.extend(ogg_page(continued, number, &full));
    }
    std::fs::write(&path, file).unwrap();
    let error = read_all(&path).unwrap_err().to_string();
    assert!(error.contains("longer than 8 MiB"), "{error}");
}

/// RFC 3533 section 6.
fn ogg_page(kind: u8, number: u32, data: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(kind);
    page.extend_from_slice(&u64::MAX.to_le_bytes());
    page.extend_from_slice(&1_u32.to_le_bytes());
    page.extend_from_slice(&number.to_le_bytes());
    page.extend_from_slice(&[0; 4]);
    let mut segments = vec![255; data.len() / 255];
    let rest = data.len() % 255;
    if rest > 0 {
        segments.push(u8::try_from(rest).unwrap());
    }
    page.push(u8::try_from(segments.len()).unwrap());
    page.extend(segments);
    page.extend_from_slice(data);
    let checksum = crc(&page).to_le_bytes();
    page[22..26].copy_from_slice(&checksum);
    page
}

/// The polynomial 0x04c11db7, most significant bit first, from zero.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc: u32, _| {
            let carry = if crc & 1 << 31 == 0 { 0 } else { 0x04c1_1db7 };
            crc << 1 ^ carry
        })
    })
}

/// What `rtp` panics on must not get there.
#[test]
fn a_stray_byte_behind_h264_units_costs_the_frame() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.ivf");
    let mut recorder = Recorder::create(&path, &codec("H264")).unwrap();
    for (number, payload) in [
        &b"\x18\0\x02\x41a"[..],
        b"\x18\0\x02\x41a\0",
        b"\x18\0\x03\x41a",
    ]
    .into_iter()
    .enumerate()
    {
        let number = u16::try_from(number).unwrap();
        let timestamp = u32::from(number) * 3_000;
        recorder
            .packet(packet(number, timestamp, true, payload))
            .unwrap();
    }
    assert_eq!(recorder.finish().unwrap().frames, 1);
}

#[test]
fn an_av1_file_whose_frame_ends_inside_an_obu_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.ivf");
    let av1 = |frame: &[u8]| {
        let mut file = ivf_file(30, 1, &[(0, frame.to_vec())]);
        file[8..12].copy_from_slice(b"AV01");
        std::fs::write(&path, file).unwrap();
        read_all(&path)
    };
    assert_eq!(av1(b"\x12\0\x32\x02ab").unwrap(), 6);
    assert_eq!(av1(b"\x12\0\x36\x08\x82\0ab").unwrap(), 8);
    for cut in [
        &b"\x32\x03ab"[..],
        b"\x32",
        b"\x36",
        b"\x32\x80\x80",
        b"\x32\xff\xff\xff\x7fab",
    ] {
        assert!(
            matches!(av1(cut), Err(MediaError::Format { .. })),
            "{cut:?}"
        );
    }
}
