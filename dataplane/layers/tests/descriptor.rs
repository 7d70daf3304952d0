//! What descriptors say, by bytes written from the syntax in the AV1 RTP specification,
//! version 1.0.0, appendix A.8.2, and by those of a real encoder.

use plenum_layers::{Descriptors, FrameInfo};
use proptest::prelude::*;

/// Bytes from bits, as the syntax is read: spaces are for the eye, zeros fill the last byte.
fn bytes(syntax: &[&str]) -> Vec<u8> {
    let bits: Vec<u8> = syntax
        .concat()
        .bytes()
        .filter(|it| *it != b' ')
        .map(|it| it - b'0')
        .collect();
    let byte = |bits: &[u8]| -> u8 { (0..).zip(bits).map(|(at, bit)| bit << (7 - at)).sum() };
    bits.chunks(8).map(byte).collect()
}

/// What the frame is to each target, in the letters of the specification's examples.
fn letters(frame: &FrameInfo) -> String {
    let letter = |target| match (frame.targets.needed(target), frame.targets.switch(target)) {
        (false, _) => '-',
        (_, true) => 'S',
        _ => 'x',
    };
    (0..frame.targets.count()).map(letter).collect()
}

/// One spatial and two temporal layers: whole seconds, and all frames.
fn two_temporal_layers() -> Vec<u8> {
    bytes(&[
        "1 0 000101 0000000000001010", // start, not end, template 5, frame 10
        "1 0 0 0 0",                   // a structure, nothing of the frame's own
        "000101 00001",                // first template id 5, two targets
        "00 01 11",                    // layers: the same, temporal up, end
        "10 10  10 10  00 01",         // targets: SS, SS, -D
        "0  1 0001 0  1 0000 0",       // references: none, 2 back, 1 back
        "10",                          // ns(3): one chain
        "",                            // ns(1), twice: the chain protects both
        "0000 0010 0001",              // chain: 0, 2, 1 back
        "1 0000000100111111 0000000010110011", // 320 x 180
    ])
}

#[test]
fn a_structure_and_the_frames_that_name_its_templates() {
    let mut descriptors = Descriptors::new();
    let key = descriptors.read(&two_temporal_layers()).unwrap();
    assert_eq!(
        (key.number, key.start, key.end, key.key),
        (10, true, false, true)
    );
    assert_eq!((key.spatial, key.temporal, &*letters(&key)), (0, 0, "SS"));
    assert!(key.references.distances().is_empty());

    // Template 7, frame 11, one packet.
    let high = descriptors.read(&[0b1100_0111, 0, 11]).unwrap();
    assert_eq!((high.start, high.end, high.key), (true, true, false));
    assert_eq!(
        (high.spatial, high.temporal, &*letters(&high)),
        (0, 1, "-x")
    );
    assert_eq!(high.references.distances(), [1]);

    let low = descriptors.read(&[0b0000_0110, 0, 12]).unwrap();
    assert_eq!((low.start, low.end, &*letters(&low)), (false, false, "SS"));
    assert_eq!(low.references.distances(), [2]);
    assert_eq!(
        descriptors.read(&[0b1100_1000, 0, 13]),
        None,
        "there is no template 8"
    );
    assert_eq!(descriptors.read(&[0b1100_0100, 0, 13]), None, "nor 4");
}

#[test]
fn a_frame_may_say_its_own() {
    let mut descriptors = Descriptors::new();
    descriptors.read(&two_temporal_layers()).unwrap();
    let frame = descriptors.read(&bytes(&[
        "1 1 000111 0000000000001011",
        "0 1 1 1 1", // active targets, own targets, references, chains
        "01",        // only the first is active
        "10 11",     // SR
        "01 0011  10 00010000  11 111111111111  00", // 4, 17 and 4096 back
        "00000100",  // chain: 4 back
    ]));
    let frame = frame.unwrap();
    assert_eq!((&*letters(&frame), frame.key), ("Sx", false));
    assert!(frame.targets.needed(1) && !frame.targets.switch(1));
    assert_eq!(frame.references.distances(), [4, 17, 4_096]);
    assert_eq!(
        (frame.spatial, frame.temporal),
        (0, 1),
        "its layer is its template's"
    );
}

#[test]
fn two_spatial_layers_without_chains_and_sizes() {
    let mut descriptors = Descriptors::new();
    let low = descriptors.read(&bytes(&[
        "1 1 111111 1111111111111111", // template 63
        "1 0 0 0 0",
        "111111 00001", // ids go on at 0 after 63
        "10 11",        // the second is of the next spatial layer
        "10 10  00 10",
        "0 0",
        "0", // ns(3): no chains
        "0",
    ]));
    assert_eq!(
        low.map(|it| (it.number, it.spatial, letters(&it))),
        Some((65_535, 0, "SS".into()))
    );
    let high = descriptors.read(&[0b1100_0000, 0, 0]).unwrap();
    assert_eq!((high.spatial, &*letters(&high)), (1, "-S"));
    assert!(
        !high.targets.needed(2) && !high.targets.switch(200),
        "there are two targets"
    );
}

/// Everything in one: what comes last is read right only if all before it was.
#[test]
fn a_key_frame_may_say_its_own_behind_its_structure() {
    let frame = Descriptors::new().read(&bytes(&[
        "1 1 000001 0000000000000000",
        "1 1 1 1 1",
        "000000 00010", // three targets
        "10 11",
        "10 10 10  00 10 10",
        "0  1 0000 0",
        "11",        // ns(4): three chains
        "0  10  11", // ns(3): 0, 1, 2
        "0000 0000 0000  0001 0001 0001",
        "1 0000000100111111 0000000010110011 0000001001111111 0000000101100111",
        "111",         // all are active
        "00 11 10",    // -RS
        "01 0101  00", // 6 back
        "00000000 00000000 00000000",
    ]));
    let frame = frame.unwrap();
    assert_eq!((frame.spatial, &*letters(&frame)), (1, "-xS"));
    assert_eq!(frame.references.distances(), [6]);
}

#[test]
fn without_a_structure_nothing_is_known() {
    assert_eq!(Descriptors::new().read(&[0b1100_0101, 0, 1]), None);
    assert_eq!(Descriptors::new().read(&[0b1100_0101, 0]), None);
}

#[test]
fn a_broken_structure_does_not_replace_the_good_one() {
    let whole = two_temporal_layers();
    for length in 4..whole.len() {
        let mut descriptors = Descriptors::new();
        descriptors.read(&whole).unwrap();
        assert_eq!(descriptors.read(&whole[..length]), None, "{length} bytes");
        assert!(descriptors.read(&[0b1100_0111, 0, 11]).is_some());
    }
}

#[test]
fn an_old_key_frame_sent_again_changes_nothing() {
    let mut descriptors = Descriptors::new();
    let mut next = two_temporal_layers();
    descriptors.read(&next).unwrap();
    // The next key frame, 100 frames later, counts its templates from 8.
    next[0] = 0b1000_1000;
    next[2] = 110;
    next[3] = 0b1000_0001;
    next[4] = 0;
    next[4] |= two_temporal_layers()[4] & 0b0001_1111;
    assert!(descriptors.read(&next).is_some_and(|it| it.key));
    let again = descriptors.read(&two_temporal_layers());
    assert!(
        again.is_some_and(|it| it.number == 10),
        "it says what it always did"
    );
    assert!(descriptors.read(&[0b1100_1010, 0, 111]).is_some());
    // An encoder that was begun again counts from anywhere.
    let mut anew = two_temporal_layers();
    anew[1] = 0xf0;
    assert!(descriptors.read(&anew).is_some());
    assert!(descriptors.read(&[0b1100_0111, 0xf0, 11]).is_some());
}

#[test]
fn limits_of_the_syntax_are_kept() {
    let with = |layers: &str, rest: &str| {
        let head = "1 1 000000 0000000000000000 1 0 0 0 0 000000 00000";
        Descriptors::new()
            .read(&bytes(&[head, layers, rest]))
            .is_some()
    };
    let zeros = "0".repeat(800);
    let same = |count: usize| "00".repeat(count - 1) + "11";
    assert!(with(&same(64), &zeros));
    assert!(!with(&same(65), &zeros), "ids have six bits");
    assert!(with("10 10 10 11", &zeros));
    assert!(!with("10 10 10 10 11", &zeros), "spatial layers 0 to 3");
    assert!(with("01 01 01 01 01 01 01 11", &zeros));
    assert!(
        !with("01 01 01 01 01 01 01 01 11", &zeros),
        "temporal layers 0 to 7"
    );
    let references = |count: usize| "00".to_owned() + &"1 0000".repeat(count) + &zeros;
    assert!(with("11", &references(8)));
    assert!(!with("11", &references(9)), "no codec has so many");
}

/// Three spatial and three temporal layers, all dependent, 480 x 270: of Chrome, as other
/// projects' tests have it too.
#[test]
fn the_descriptors_of_a_real_encoder() {
    let hex = "c1017280081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040\
        001d954926e082b04a0941b820ac1282503157f974000ca864330e222222eca8655304224230eca87753007700\
        4200ef008601df010d";
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let key: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let mut descriptors = Descriptors::new();
    let frame = descriptors.read(&key).unwrap();
    assert_eq!(
        (frame.number, frame.key, &*letters(&frame)),
        (370, true, "SSSSSSSSS")
    );
    let seen = [
        (&[0x86, 0x01, 0x73, 0x40, 0xfc][..], 371, 1, 0, "---SSSSSS"),
        (&[0xc3, 0x01, 0x75, 0x40, 0xfc], 373, 0, 2, "--x--x--x"),
        (&[0x8b, 0x01, 0x74], 372, 2, 0, "------SSS"),
        (&[0xc2, 0x01, 0x78, 0x40, 0xfc], 376, 0, 1, "-xS-xx-xx"),
    ];
    for (extension, number, spatial, temporal, targets) in seen {
        let frame = descriptors.read(extension).unwrap();
        let read = (
            frame.number,
            frame.spatial,
            frame.temporal,
            &*letters(&frame),
        );
        assert_eq!(read, (number, spatial, temporal, targets));
    }
}

proptest! {
    /// Any bytes are read without a panic, and what is read keeps to its bounds.
    #[test]
    fn anything_may_come(
        extensions in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..8),
        structure in any::<bool>(),
    ) {
        let mut descriptors = Descriptors::new();
        for mut extension in extensions {
            if structure && extension.len() > 3 {
                extension[3] |= 0x80;
            }
            let Some(frame) = descriptors.read(&extension) else { continue };
            prop_assert!(frame.spatial <= 3 && frame.temporal <= 7);
            prop_assert!((1..=32).contains(&frame.targets.count()));
            prop_assert!(frame.references.distances().iter().all(|it| (1..=4_096).contains(it)));
            prop_assert_eq!(descriptors.read(&extension), Some(frame), "the same again");
        }
    }

    /// A good structure with any of its bits changed is read or refused.
    #[test]
    fn a_structure_may_be_damaged(at in 0..150_usize, mask in 1..=255_u8) {
        let mut damaged = two_temporal_layers();
        let at = at % damaged.len();
        damaged[at] ^= mask;
        let mut descriptors = Descriptors::new();
        descriptors.read(&damaged);
        descriptors.read(&[0b1100_0111, 0, 11]);
        prop_assert!(descriptors.read(&two_temporal_layers()).is_some());
    }
}
