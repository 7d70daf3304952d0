use plenum_wire::rtp;

use super::*;
use crate::media::Source;

fn vp8() -> Codec {
    Codec {
        name: "VP8".to_owned(),
        clock_rate: 90_000,
        payload_type: 96,
        width: 64,
        height: 64,
        channels: 0,
    }
}

#[test]
fn what_is_seen_in_two_sizes_is_written_twice_and_takes_the_time_of_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.ivf");
    let mut recorder = Recorder::create(&path, &vp8()).unwrap();
    let timestamps = [u32::MAX - 3_599, 0, u32::MAX - 3_599, 0, 3_600];
    for (sequence, timestamp) in (0..).zip(timestamps) {
        let header = Header {
            payload_type: 96,
            marker: true,
            sequence,
            timestamp,
            ssrc: 1,
            payload_offset: 12,
        };
        recorder
            .packet(rtp::write(&header, &[0x10, 7, 7, 7, 7]))
            .unwrap();
    }
    assert_eq!(recorder.finish().unwrap().frames, 5);
    let mut source = Source::open(&path).unwrap();
    let frames = std::iter::from_fn(|| source.next_frame().unwrap());
    let times: Vec<u32> = frames.map(|frame| frame.timestamp).collect();
    assert_eq!(times, [0, 3_600, 3_601, 3_602, 7_200]);
}

/// Frames written of packets without a hole: of which moment, whether they end a frame, and
/// what they hold.
fn written(packets: &[(u32, bool, &[u8])]) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::create(&directory.path().join("a.ivf"), &vp8()).unwrap();
    for (sequence, &(timestamp, marker, payload)) in (0..).zip(packets) {
        let header = Header {
            payload_type: 96,
            marker,
            sequence,
            timestamp,
            ssrc: 1,
            payload_offset: 12,
        };
        recorder.packet(rtp::write(&header, payload)).unwrap();
    }
    recorder.finish().unwrap().frames
}

#[test]
fn a_frame_without_an_end_is_whole_unless_a_key_frame_took_its_place() {
    let (key, delta): (&[u8], &[u8]) = (&[0x10, 0, 7, 7, 7], &[0x10, 1, 7, 7, 7]);
    let first = (0, true, key);
    let open = (3_600, false, delta);
    assert_eq!(written(&[first, open, (7_200, true, delta)]), 3);
    assert_eq!(written(&[first, open, (3_601, true, key)]), 2);
}

#[test]
fn a_frame_that_never_ends_is_given_up_and_the_next_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::create(&directory.path().join("a.ivf"), &vp8()).unwrap();
    // VP8 payload descriptor with and without the bit that starts a partition.
    let payload = |first: bool| [vec![u8::from(first) << 4], vec![7; 1_000]].concat();
    let mut header = Header {
        payload_type: 96,
        marker: false,
        sequence: 0,
        timestamp: 0,
        ssrc: 1,
        payload_offset: 12,
    };
    let mut most = 0;
    for number in 0..20_000 {
        let packet = rtp::write(&header, &payload(number == 0));
        recorder.packet(packet).unwrap();
        most = most.max(recorder.held);
        header.sequence = header.sequence.wrapping_add(1);
    }
    assert!(most <= FRAME_BYTES, "{most}");
    (header.timestamp, header.marker) = (3_000, true);
    recorder
        .packet(rtp::write(&header, &payload(true)))
        .unwrap();
    assert_eq!(recorder.finish().unwrap().frames, 1);
}
