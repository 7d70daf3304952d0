//! The streams of the examples, as descriptors that the real reader has read.

use plenum_layers::{Descriptors, FrameInfo};

/// One line of an example: layers from the one before (0 the same, 1 temporal up, 2 spatial
/// up, 3 the last), targets in letters, references.
struct Template {
    next: u8,
    targets: &'static str,
    references: &'static [u8],
}

const fn template(next: u8, targets: &'static str, references: &'static [u8]) -> Template {
    Template {
        next,
        targets,
        references,
    }
}

/// A stream: its templates, which of them a key frame's frames are, and the others after it
/// over and over.
pub struct Stream {
    templates: &'static [Template],
    key: &'static [u8],
    cycle: &'static [u8],
}

pub const L1T3: Stream = Stream {
    templates: &[
        template(0, "SSS", &[]),
        template(1, "SSS", &[4]),
        template(1, "-DS", &[2]),
        template(0, "--D", &[1]),
        template(3, "--D", &[1]),
    ],
    key: &[0, 3, 2, 4],
    cycle: &[1, 3, 2, 4],
};

/// Each spatial layer needs the one below and its own frame before.
pub const L3T1: Stream = Stream {
    templates: &[
        template(0, "SSS", &[]),
        template(2, "SRR", &[3]),
        template(0, "-SS", &[1]),
        template(2, "-SR", &[3, 1]),
        template(0, "--S", &[1]),
        template(3, "--S", &[3, 1]),
    ],
    key: &[0, 2, 4],
    cycle: &[1, 3, 5],
};

/// Spatial layers that need each other only at key frames.
pub const L2T1_KEY: Stream = Stream {
    templates: &[
        template(0, "SS", &[]),
        template(2, "S-", &[2]),
        template(0, "-S", &[1]),
        template(3, "-S", &[2]),
    ],
    key: &[0, 2],
    cycle: &[1, 3],
};

/// Only its first frame.
pub const L3T3: Stream = Stream {
    templates: &[template(3, "SSSSSSSSS", &[])],
    key: &[0],
    cycle: &[0],
};

impl Stream {
    fn structure(&self) -> String {
        let mut bits = vec![format!("000000{:05b}", self.templates[0].targets.len() - 1)];
        let templates = || self.templates.iter();
        bits.extend(templates().map(|it| format!("{:02b}", it.next)));
        let letters = templates().flat_map(|it| it.targets.chars());
        bits.extend(letters.map(|letter| format!("{:02b}", "-DSR".find(letter).unwrap())));
        for template in templates() {
            let references = template.references.iter();
            bits.extend(references.map(|distance| format!("1{:04b}", distance - 1)));
            bits.push("0".into());
        }
        // No chains, no sizes, and zeros to fill the last byte.
        bits.concat() + "0000000000000000"
    }

    /// What follows the first three bytes of a key frame's descriptor.
    pub fn key_frame_fields(&self) -> Vec<u8> {
        let bits = "10000".to_owned() + &self.structure();
        let byte = |at| u8::from_str_radix(&bits[8 * at..8 * at + 8], 2).unwrap();
        (0..bits.len() / 8).map(byte).collect()
    }

    /// So many frames from a key frame with this number on, and a second key frame with
    /// frame `again`.
    pub fn frames(&self, first: u16, count: u16, again: Option<u16>) -> Vec<FrameInfo> {
        let mut descriptors = Descriptors::new();
        let mut at: usize = 0;
        let frame = |index| {
            let key = again == Some(index);
            at = if key { 0 } else { at };
            let template = match at.checked_sub(self.key.len()) {
                None => self.key[at],
                Some(after) => self.cycle[after % self.cycle.len()],
            };
            let number = first.wrapping_add(index).to_be_bytes();
            let mut extension = vec![0xc0 | template, number[0], number[1]];
            if at == 0 {
                extension.extend(self.key_frame_fields());
            }
            at += 1;
            descriptors.read(&extension).unwrap()
        };
        (0..count).map(frame).collect()
    }
}
