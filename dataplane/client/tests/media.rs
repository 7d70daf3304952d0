//! What is recorded is what was played: frame for frame, for every codec.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use plenum_client::media::{Frame, Packetizer, Recorded, Recorder, Source};
use plenum_wire::Codec;
use plenum_wire::rtp::AudioLevel;

fn sample(name: &str) -> PathBuf {
    Path::new("../../samples").join(name)
}

fn frames(path: &Path) -> (Codec, Vec<Frame>) {
    let mut source = Source::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push(frame);
    }
    (source.codec().clone(), frames)
}

/// The packets of a file; the first sequence numbers lie before the wrap.
fn packets(codec: &Codec, frames: &[Frame]) -> Vec<Bytes> {
    let mut packetizer = Packetizer::new(codec, 7, u16::MAX - 20).unwrap();
    frames
        .iter()
        .flat_map(|frame| packetizer.packets(frame).unwrap())
        .collect()
}

fn record(codec: &Codec, packets: impl IntoIterator<Item = Bytes>, path: &Path) -> Recorded {
    let mut recorder = Recorder::create(path, codec).unwrap();
    for packet in packets {
        recorder.packet(packet).unwrap();
    }
    recorder.finish().unwrap()
}

/// Annex B with three-byte start codes made four bytes long, as recordings have them.
fn canonical(codec: &Codec, frame: &Frame) -> Bytes {
    if codec.name != "H264" {
        return frame.data.clone();
    }
    let mut out = Vec::new();
    let mut zeros = 0;
    for &byte in &frame.data[..] {
        if byte == 1 && zeros == 2 && out.len() >= 2 {
            out.insert(out.len() - 2, 0);
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out.into()
}

fn played_and_recorded(name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (codec, played) = frames(&sample(name));
    assert!(played.len() >= 25, "{name} has {} frames", played.len());
    let sent = packets(&codec, &played);
    // What QUIC carries over every path: `LEAST_MTU` of the transport without QUIC's own.
    assert!(sent.iter().all(|packet| packet.len() <= 1_186));

    let path = directory.path().join(name);
    let recorded = record(&codec, sent.clone(), &path);

    assert_eq!(recorded.packets, sent.len() as u64);
    assert_eq!(recorded.lost, 0);
    let (read_codec, read) = frames(&path);
    assert_eq!(read_codec, codec);
    assert_eq!(read.len(), played.len());
    for (index, (read, played)) in read.iter().zip(&played).enumerate() {
        assert!(
            read.data == canonical(&codec, played),
            "{name}: frame {index} differs"
        );
        assert_eq!(read.due, played.due, "{name}: frame {index}");
    }
}

#[test]
fn opus() {
    played_and_recorded("alice.ogg");
}

#[test]
fn vp8() {
    played_and_recorded("camera.ivf");
}

#[test]
fn vp9() {
    played_and_recorded("screen.ivf");
}

#[test]
fn av1() {
    played_and_recorded("camera-av1.ivf");
}

#[test]
fn h264() {
    played_and_recorded("camera-h264.ivf");
}

#[test]
fn audio_says_whether_there_is_something_to_hear() {
    let (codec, mut played) = frames(&sample("alice.ogg"));
    played.truncate(2);
    // As an encoder sends in silence, RFC 6716 section 2.1.9.
    played[1].data = Bytes::from_static(&[0xf8]);
    let levels: Vec<_> = packets(&codec, &played)
        .iter()
        .map(|packet| AudioLevel::read(packet).unwrap())
        .collect();
    assert!(levels[0].voice && levels[0].below < 40);
    assert_eq!(levels[1], AudioLevel::SILENCE);
}

#[test]
fn packets_out_of_order_and_twice_are_put_right() {
    let directory = tempfile::tempdir().unwrap();
    let (codec, played) = frames(&sample("camera.ivf"));
    let mut sent = packets(&codec, &played);
    for pair in sent[1..].chunks_mut(7) {
        pair.reverse();
    }
    let twice = sent
        .iter()
        .flat_map(|packet| [packet.clone(), packet.clone()]);
    let path = directory.path().join("camera.ivf");
    let recorded = record(&codec, twice, &path);
    assert_eq!(recorded.lost, 0);
    assert_eq!(recorded.packets, sent.len() as u64);
    assert_eq!(frames(&path).1.len(), played.len());
}

#[test]
fn a_packet_that_was_repaired_a_second_later_lands_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let (codec, played) = frames(&sample("alice.ogg"));
    let mut sent = packets(&codec, &played);
    let repaired = sent.remove(20);
    sent.insert(70, repaired);
    let path = directory.path().join("alice.ogg");
    let recorded = record(&codec, sent, &path);
    assert_eq!(recorded.lost, 0);
    let data =
        |frames: Vec<Frame>| -> Vec<Bytes> { frames.into_iter().map(|frame| frame.data).collect() };
    assert!(data(frames(&path).1) == data(played));
}

#[test]
fn a_lost_packet_costs_its_frame_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let (codec, played) = frames(&sample("camera.ivf"));
    let mut sent = packets(&codec, &played);
    sent.remove(sent.len() / 2);
    let path = directory.path().join("camera.ivf");
    let recorded = record(&codec, sent, &path);
    assert_eq!(recorded.lost, 1);
    assert_eq!(frames(&path).1.len(), played.len() - 1);
}

#[test]
fn what_was_not_sent_is_a_silence_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let (codec, played) = frames(&sample("alice.ogg"));
    let played = &played[..200];
    let sent = packets(&codec, played);
    let path = directory.path().join("alice.ogg");
    let mut recorder = Recorder::create(&path, &codec).unwrap();
    for packet in &sent[..50] {
        recorder.packet(packet.clone()).unwrap();
    }
    recorder.pause().unwrap();
    for packet in &sent[150..] {
        recorder.packet(packet.clone()).unwrap();
    }
    let result = recorder.finish().unwrap();
    assert_eq!((result.packets, result.lost), (100, 0));
    let heard = [&played[..50], &played[150..]].concat();
    let read = frames(&path).1;
    let data = |frames: &[Frame]| frames.iter().map(|f| f.data.clone()).collect::<Vec<_>>();
    assert_eq!(data(&read), data(&heard));
}

#[test]
fn a_file_played_again_goes_on_in_time() {
    let mut source = Source::open(&sample("alice.ogg")).unwrap();
    let mut last = source.next_frame().unwrap().unwrap();
    while let Some(frame) = source.next_frame().unwrap() {
        last = frame;
    }
    source.rewind().unwrap();
    let again = source.next_frame().unwrap().unwrap();
    assert_eq!(again.due.saturating_sub(last.due).as_millis(), 20);
    assert_eq!(again.timestamp, last.timestamp + 960);
}

#[test]
fn what_is_no_media_file_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes, expected) in [
        ("text.ogg", &b"hello world"[..], "Ogg Opus or an IVF"),
        ("cut.ivf", b"DKIF\0\0", "failed to fill"),
        (
            "zero.ivf",
            &[&b"DKIF\0\0\x20\0VP80"[..], &[0; 20]].concat(),
            "no IVF",
        ),
        ("cut.ogg", b"OggS\0\x02", ""),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = Source::open(&path).err().unwrap().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.contains(name), "{error}");
    }
    let missing = Source::open(&directory.path().join("missing.ogg"));
    assert!(missing.err().unwrap().to_string().contains("missing.ogg"));
}
