use super::*;

const MS: Duration = Duration::from_millis(1);

/// Frames of two packets at 25 a second, the first of 50 a key frame.
struct Sender {
    start: Instant,
    /// Of the first frame.
    ticks: u32,
    picture: Picture,
}

impl Sender {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            ticks: 0,
            picture: Picture::new(90_000, None),
        }
    }

    /// Packet `number` comes `late` after it was sent.
    fn comes(&mut self, number: u16, late: Duration) {
        let frame = u32::from(number / 2);
        let header = Header {
            payload_type: 96,
            marker: number % 2 == 1,
            sequence: number.wrapping_add(65_530),
            timestamp: self.ticks + frame * 3_600,
            ssrc: 1,
            payload_offset: 12,
        };
        let at = self.start + 40 * MS * frame + late;
        let height = Some(360);
        let key = number.is_multiple_of(100).then_some(KeyFrame { height });
        self.picture.receive(&header, key, at);
    }

    fn figures(&self, frame: u32) -> PictureFigures {
        self.picture.figures(self.start + 40 * MS * frame)
    }
}

#[test]
fn what_comes_is_shown_and_a_late_packet_delays_it() {
    let mut sender = Sender::new();
    for number in 0..20 {
        sender.comes(number, 30 * MS);
    }
    for number in 21..28 {
        sender.comes(number, 30 * MS);
    }
    assert_eq!(sender.figures(13).frames, 10);
    // Number 20 was due with frame 10; it comes 150 ms later.
    sender.comes(20, 180 * MS);
    let figures = sender.figures(14);
    assert_eq!((figures.frames, figures.freezes), (14, 0), "{figures:?}");
}

#[test]
fn a_frame_that_is_late_is_a_freeze() {
    let mut sender = Sender::new();
    for number in (0..20).chain(21..40) {
        sender.comes(number, 30 * MS);
    }
    sender.comes(20, 430 * MS);
    let figures = sender.figures(20);
    assert_eq!((figures.frames, figures.freezes), (20, 1), "{figures:?}");
    assert_eq!(figures.longest, 440 * MS);
}

#[test]
fn what_never_comes_freezes_until_a_key_frame() {
    let mut sender = Sender::new();
    for number in (0..20).chain(21..100) {
        sender.comes(number, 30 * MS);
    }
    assert!(sender.picture.wants_key_frame());
    assert_eq!(sender.figures(49).freezes, 1, "it stands");
    for number in 100..110 {
        sender.comes(number, 30 * MS);
    }
    let figures = sender.figures(55);
    assert_eq!((figures.frames, figures.freezes), (15, 1), "{figures:?}");
    // From frame 9 to frame 50.
    assert_eq!(figures.longest, 41 * 40 * MS);
}

#[test]
fn a_whole_key_frame_is_not_kept_waiting() {
    // The end of the frame before it is missing, or its beginning.
    for missing in [99, 96] {
        let mut sender = Sender::new();
        for number in (0..missing).chain(missing + 1..102) {
            sender.comes(number, 30 * MS);
        }
        let figures = sender.figures(52);
        let before = u64::from(missing / 2);
        assert_eq!(figures.frames, before + 1, "{figures:?}");
        assert_eq!(figures.freezes, 0, "{figures:?}");
    }
}

#[test]
fn of_a_steady_picture_every_pause_is_a_freeze_whatever_the_numbers_say() {
    let paused = |steady: bool, goes_on: bool| {
        let mut sender = Sender::new();
        if steady {
            sender.picture = sender.picture.steady(40 * MS);
        }
        (0..100).for_each(|number| sender.comes(number, 30 * MS));
        // 3 s later numbers go on as if nothing had been, with a key frame.
        sender.start += 3_000 * MS;
        sender.ticks = 270_000;
        if goes_on {
            (100..200).for_each(|number| sender.comes(number, 30 * MS));
            assert_eq!(sender.figures(100).frames, 100);
        }
        let figures = sender.figures(100);
        (figures.freezes, figures.longest)
    };
    assert_eq!(paused(true, true), (1, 3_040 * MS));
    assert_eq!(paused(true, false), (1, 5_010 * MS));
    assert_eq!(paused(false, true).0, 0, "its publisher may have paused");
}

/// Packets without a hole: of which moment, whether they end a frame or begin a key frame.
fn shown(packets: &[(u32, bool, bool)]) -> u64 {
    let start = Instant::now();
    let mut picture = Picture::new(90_000, None);
    for (sequence, &(timestamp, marker, key)) in (0..).zip(packets) {
        let header = Header {
            payload_type: 96,
            marker,
            sequence,
            timestamp,
            ssrc: 1,
            payload_offset: 12,
        };
        let key = key.then_some(KeyFrame { height: None });
        picture.receive(&header, key, start);
    }
    picture.figures(start).frames
}

#[test]
fn a_frame_that_is_left_for_a_key_frame_is_not_shown_and_the_key_frame_is() {
    let whole = [(0, false, true), (0, true, false)];
    let left = (3_600, false, false);
    let key = [(3_601, false, true), (3_601, true, false)];
    let all = [&whole[..], &[left], &key].concat();
    assert_eq!(shown(&all), 2);
    assert_eq!(shown(&all[..4]), 1);
}

#[test]
fn a_frame_whose_higher_layer_is_left_out_ends_where_the_next_begins() {
    let frame = |number: u32| (number * 3_600, false, number == 0);
    let frames: Vec<_> = (0..10).map(frame).collect();
    assert_eq!(shown(&frames), 9);
}
