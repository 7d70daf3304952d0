//! The dependency descriptor, a header extension that says of each frame which decode targets
//! need it and which frames it needs: RTP Payload Format for AV1, version 1.0.0, appendix A.
//!
//! A decode target is a layer as this project counts them: the publisher lists them from the
//! lowest up. Later descriptors are short because they name a template of the structure that
//! came with the last key frame; that structure is the only memory.

mod bits;
mod frame;
mod structure;

pub use frame::{FrameInfo, References, TargetInfo};

use bits::Bits;
use structure::Structure;

/// A structure so many frames behind the last is an old key frame sent again, not a new
/// beginning: 4 to 8 seconds, longer than anything is repaired.
const LATE: u16 = 256;

/// Reads the descriptors of one stream, in the order of its packets.
#[derive(Debug, Default)]
pub struct Descriptors {
    /// With the number of the frame that brought it.
    known: Option<(u16, Structure)>,
}

/// The flags of `extended_descriptor_fields`, in their order. The fifth says that chains
/// follow at the very end, which are not read.
mod flags {
    pub(super) const STRUCTURE: u32 = 0x10;
    pub(super) const ACTIVE: u32 = 0x08;
    pub(super) const TARGETS: u32 = 0x04;
    pub(super) const REFERENCES: u32 = 0x02;
}

impl Descriptors {
    /// Knows no structure yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: None }
    }

    /// What an extension says of its packet's frame; `None` when it is broken, or speaks of
    /// a structure that did not come.
    pub fn read(&mut self, extension: &[u8]) -> Option<FrameInfo> {
        let (&[first, high, low], rest) = extension.split_first_chunk()?;
        let number = u16::from_be_bytes([high, low]);
        let mut bits = Bits::new(rest);
        let extended = if rest.is_empty() { 0 } else { bits.take(5)? };
        let says = |flag| extended & flag != 0;
        let attached = if says(flags::STRUCTURE) {
            Some(Structure::read(&mut bits)?)
        } else {
            None
        };
        let known = self.known.as_ref().map(|(_, structure)| structure);
        let structure = attached.as_ref().or(known)?;
        let mut template = *structure.template(first & 0x3f)?;
        if says(flags::ACTIVE) {
            // What the encoder leaves out at the moment; it does not come, and that is enough.
            bits.take(usize::from(structure.targets))?;
        }
        if says(flags::TARGETS) {
            template.targets = TargetInfo::read(structure.targets, &mut bits)?;
        }
        if says(flags::REFERENCES) {
            template.references = References::of_frame(&mut bits)?;
        }
        if let Some(structure) = attached {
            self.keep(number, structure);
        }
        Some(FrameInfo {
            number,
            start: first & 0x80 != 0,
            end: first & 0x40 != 0,
            key: says(flags::STRUCTURE),
            spatial: template.spatial,
            temporal: template.temporal,
            targets: template.targets,
            references: template.references,
        })
    }

    fn keep(&mut self, number: u16, structure: Structure) {
        let is_old = |(last, _): &(u16, Structure)| (1..LATE).contains(&last.wrapping_sub(number));
        if !self.known.as_ref().is_some_and(is_old) {
            self.known = Some((number, structure));
        }
    }
}
