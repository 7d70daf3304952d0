use std::collections::BTreeSet;

use plenum_wire::rtp;
use proptest::prelude::*;

use super::*;

const OLD: LegId = LegId(3);
const NEW: LegId = LegId(4);
const MS: Duration = Duration::from_millis(1);

/// The payload of packet `part` of a frame of three in a layer; the first 25th of them are
/// key frames. VP8 (RFC 7741): a descriptor and the frame's tag.
fn payload(frame: u32, part: u16, layer: u8) -> Vec<u8> {
    let starts = part == 0;
    let key = frame.is_multiple_of(25);
    let tag = u8::from(!key);
    let mut payload = vec![
        u8::from(starts) << 4,
        tag,
        0,
        0,
        0x9d,
        1,
        0x2a,
        64,
        1,
        180,
        0,
    ];
    payload.extend_from_slice(&frame.to_be_bytes());
    payload.extend_from_slice(&[layer, u8::try_from(part).unwrap()]);
    payload
}

/// A router numbers from its own start, and sends one layer.
struct Router {
    leg: LegId,
    sequence: u16,
    layer: u8,
}

struct Viewer {
    start: Instant,
    takeover: Takeover,
    seen: Vec<(u16, u32, u8, u8)>,
}

impl Viewer {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            takeover: Takeover::default(),
            seen: Vec::new(),
        }
    }

    /// The router sends a frame, whose packets come `late` after they were captured.
    fn frame(&mut self, router: &mut Router, frame: u32, late: Duration) {
        for part in 0..3 {
            self.packet(router, frame, part, late);
        }
    }

    fn packet(&mut self, router: &mut Router, frame: u32, part: u16, late: Duration) {
        let header = Header {
            payload_type: 96,
            marker: part == 2,
            sequence: router.sequence,
            timestamp: (frame * 3_600).wrapping_sub(90_000),
            ssrc: 7,
            payload_offset: 12,
        };
        router.sequence = router.sequence.wrapping_add(1);
        let incoming = Incoming {
            header,
            packet: rtp::write(&header, &payload(frame, part, router.layer)),
            at: self.start + 40 * MS * frame + late,
        };
        self.takeover.receive(router.leg, "VP8", incoming);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(passed) = self.takeover.poll() {
            let header = Header::parse(&passed.packet).unwrap();
            let payload = &passed.packet[header.payload_offset..];
            let (frame, part) = (payload[14], payload[16]);
            let frame = u32::from(frame) | u32::from(payload[13]) << 8;
            self.seen.push((header.sequence, frame, part, payload[15]));
        }
    }

    /// Frames and their layers, each whole; fails where a number is missing or comes twice.
    fn frames(&self) -> Vec<(u32, u8)> {
        for pair in self.seen.windows(2) {
            assert_eq!(pair[1].0, pair[0].0.wrapping_add(1), "{:?}", self.seen);
        }
        let frames = self.seen.chunks(3).map(|parts| {
            let (_, frame, _, layer) = parts[0];
            for (part, seen) in (0..).zip(parts) {
                assert_eq!((seen.1, seen.2, seen.3), (frame, part, layer));
            }
            (frame, layer)
        });
        frames.collect()
    }
}

fn routers(old: u8, new: u8) -> [Router; 2] {
    let router = |leg, sequence, layer| Router {
        leg,
        sequence,
        layer,
    };
    [router(OLD, 65_500, old), router(NEW, 9_000, new)]
}

/// Both routers send frames 10 to 60, the new one from its first key frame on, each so late.
fn meet([old, new]: &mut [Router; 2], late: [Duration; 2]) -> Viewer {
    let mut viewer = Viewer::new();
    let mut sent: Vec<(Duration, u32, bool)> = Vec::new();
    for frame in 10..60 {
        sent.push((40 * MS * frame + late[0], frame, false));
        if frame >= 25 {
            sent.push((40 * MS * frame + late[1], frame, true));
        }
    }
    sent.sort();
    for (_, frame, is_new) in sent {
        let (router, late) = if is_new {
            (&mut *new, late[1])
        } else {
            (&mut *old, late[0])
        };
        viewer.frame(router, frame, late);
    }
    viewer
}

#[test]
fn the_same_layer_goes_on_without_a_seam_whichever_way_is_faster() {
    for late in [[10, 10], [10, 90], [90, 10]] {
        let mut viewer = meet(&mut routers(1, 1), late.map(|ms| ms * MS));
        assert_eq!(viewer.takeover.current, Some(NEW));
        viewer.seen.sort_by_key(|seen| seen.0.wrapping_sub(65_500));
        let frames: Vec<_> = (10..60).map(|frame| (frame, 1)).collect();
        assert_eq!(viewer.frames(), frames, "{late:?}");
    }
}

#[test]
fn another_layer_takes_over_at_its_key_frame() {
    for late in [[11, 10], [50, 10], [40, 20]] {
        let viewer = meet(&mut routers(2, 0), late.map(|ms| ms * MS));
        let old = (10..25).map(|frame| (frame, 2));
        let both: Vec<_> = old.chain((25..60).map(|frame| (frame, 0))).collect();
        assert_eq!(viewer.frames(), both, "{late:?}");
    }
}

#[test]
fn another_layer_that_comes_later_than_the_old_one_goes_back_by_that() {
    for (late, last) in [([10, 10], 25), ([10, 60], 26)] {
        let viewer = meet(&mut routers(2, 0), late.map(|ms| ms * MS));
        let old = (10..=last).map(|frame| (frame, 2));
        let both: Vec<_> = old.chain((25..60).map(|frame| (frame, 0))).collect();
        assert_eq!(viewer.frames(), both, "{late:?}");
    }
}

#[test]
fn two_legs_that_find_no_common_place_ask_for_a_key_frame() {
    let [mut old, mut new] = routers(2, 0);
    let mut viewer = Viewer::new();
    for frame in 30..40 {
        viewer.frame(&mut old, frame, MS);
        viewer.frame(&mut new, frame, MS);
        let now = viewer.start + 40 * MS * frame;
        let long = frame >= 38;
        assert_eq!(viewer.takeover.wants_key_frame(now), long, "{frame}");
    }
}

#[test]
fn a_leg_is_needed_as_long_as_the_picture_is_its_and_moves() {
    let mut viewer = Viewer::new();
    let now = viewer.start + 40 * MS * 60;
    assert!(!viewer.takeover.needs_another(NEW, now), "nothing came");
    let [mut old, mut new] = routers(2, 0);
    (40..60).for_each(|frame| viewer.frame(&mut old, frame, MS));
    assert!(viewer.takeover.needs_another(NEW, now));
    assert!(!viewer.takeover.needs_another(OLD, now));
    assert!(
        !viewer.takeover.needs_another(NEW, now + STILL),
        "it stands"
    );
    viewer.frame(&mut new, 75, MS);
    viewer.frame(&mut old, 75, MS);
    assert!(!viewer.takeover.needs_another(NEW, now + 600 * MS));
}

#[test]
fn when_the_old_router_dies_the_next_key_frame_of_the_other_goes_on() {
    let [mut old, mut new] = routers(2, 0);
    let mut viewer = Viewer::new();
    for frame in 30..40 {
        viewer.frame(&mut old, frame, MS);
    }
    viewer.takeover.gone(OLD);
    for frame in 40..60 {
        viewer.frame(&mut new, frame, MS);
        let asks = frame < 50;
        assert_eq!(viewer.takeover.wants_key_frame(viewer.start), asks);
    }
    let old = (30..40).map(|frame| (frame, 2));
    let both: Vec<_> = old.chain((50..60).map(|frame| (frame, 0))).collect();
    assert_eq!(viewer.frames(), both);
}

#[test]
fn a_move_that_fails_goes_back_to_the_old_router() {
    let [mut old, mut new] = routers(1, 1);
    let mut viewer = Viewer::new();
    for frame in 20..60 {
        viewer.frame(&mut old, frame, MS);
        match frame {
            25..45 => viewer.frame(&mut new, frame, MS),
            45 => viewer.takeover.gone(NEW),
            _ => {}
        }
    }
    assert_eq!(viewer.takeover.current, Some(OLD));
    let all: Vec<_> = (20..60).map(|frame| (frame, 1)).collect();
    assert_eq!(viewer.frames(), all);
}

#[test]
fn copies_and_what_nobody_waits_for_are_left_out_and_bounded() {
    let [mut old, _] = routers(1, 1);
    let mut viewer = Viewer::new();
    for _ in 0..2 {
        old.sequence = 65_500;
        viewer.frame(&mut old, 30, MS);
    }
    assert_eq!(viewer.takeover.take_copies(), 3);
    let mut older = Router {
        leg: LegId(1),
        sequence: 0,
        layer: 2,
    };
    for frame in 31..1_000 {
        viewer.frame(&mut older, frame, MS);
    }
    assert_eq!(
        viewer.takeover.other.as_ref().unwrap().waiting.len(),
        WAITING
    );
    assert_eq!(viewer.frames(), [(30, 1)]);
}

/// Which router sends its next frame, and who is gone in the end.
fn history() -> impl Strategy<Value = (Vec<bool>, Option<LegId>, [u8; 2])> {
    let sends = prop::collection::vec(any::<bool>(), 0..150);
    let gone = prop::sample::select(vec![None, Some(OLD), Some(NEW)]);
    (sends, gone, [0..2_u8, 0..2_u8])
}

proptest! {
    /// However far apart two routers are, in the same layer or not: no number comes twice, and
    /// in the end every frame comes, of the newer router while it is there.
    #[test]
    fn any_two_routers_make_one_stream((sends, gone, layers) in history()) {
        let [mut old, mut new] = routers(layers[0], layers[1]);
        let mut viewer = Viewer::new();
        let mut next = [20, 20];
        viewer.frame(&mut old, 19, MS);
        for is_new in sends {
            let router = if is_new { &mut new } else { &mut old };
            let frame = &mut next[usize::from(is_new)];
            viewer.frame(router, *frame, MS);
            *frame += 1;
            prop_assert!(viewer.takeover.marks.len() <= MARKS);
            let other = viewer.takeover.other.as_ref();
            prop_assert!(other.is_none_or(|other| other.waiting.len() <= WAITING));
        }
        if let Some(leg) = gone {
            viewer.takeover.gone(leg);
            viewer.collect();
        }
        let from = next[0].max(next[1]);
        for frame in from..from + 60 {
            for router in [&mut old, &mut new] {
                if gone != Some(router.leg) {
                    viewer.frame(router, frame, MS);
                }
            }
        }
        let numbers: BTreeSet<u16> = viewer.seen.iter().map(|seen| seen.0).collect();
        prop_assert_eq!(numbers.len(), viewer.seen.len());
        let stays = if gone == Some(NEW) { OLD } else { NEW };
        prop_assert_eq!(viewer.takeover.current, Some(stays));
        viewer.seen.drain(..viewer.seen.len() - 60);
        let last: Vec<(u32, u8)> = viewer.frames();
        let layer = if stays == NEW { new.layer } else { old.layer };
        let expected: Vec<_> = (from + 40..from + 60).map(|frame| (frame, layer)).collect();
        prop_assert_eq!(last, expected);
    }
}
