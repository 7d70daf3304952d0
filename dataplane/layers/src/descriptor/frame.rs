//! What a descriptor says of a frame, as plain values.

use super::bits::Bits;

/// AV1 has seven (`REFS_PER_FRAME`), VP9 three.
const REFERENCES: usize = 8;

/// A frame, as each of its packets says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameInfo {
    /// Counts frames, all layers together, in the order of decoding.
    pub number: u16,
    /// This packet is the frame's first.
    pub start: bool,
    /// This packet is the frame's last.
    pub end: bool,
    /// A structure is attached: the first packet of a key frame.
    pub key: bool,
    /// Spatial layer, 0 to 3.
    pub spatial: u8,
    /// Temporal layer, 0 to 7.
    pub temporal: u8,
    /// What the frame is needed for.
    pub targets: TargetInfo,
    /// Which frames it needs.
    pub references: References,
}

/// What a frame is to each decode target: AV1 RTP specification, table A.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TargetInfo {
    count: u8,
    /// Two bits each, the first target lowest.
    indications: u64,
}

impl TargetInfo {
    const NOT_PRESENT: u64 = 0;
    const SWITCH: u64 = 2;

    /// `frame_dtis`, or one line of `template_dtis`.
    pub(super) fn read(count: u8, bits: &mut Bits<'_>) -> Option<Self> {
        let mut indications = 0;
        for target in 0..count {
            indications |= u64::from(bits.take(2)?) << (2 * target);
        }
        Some(Self { count, indications })
    }

    /// How many decode targets there are, 1 to 32.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.count
    }

    /// The decode target that is meant by one of so many layers. A stream with no more targets
    /// than layers has one for each. Of more, which are listed by spatial and then by temporal
    /// layer, they are at equal distances up to the last: three layers of L3T3, which has nine,
    /// are its three sizes at the full frame rate.
    #[must_use]
    pub fn of_layer(self, layer: u8, layers: u8) -> u8 {
        if self.count <= layers {
            return layer;
        }
        let up_to = (u16::from(layer) + 1) * u16::from(self.count) / u16::from(layers.max(1));
        u8::try_from(up_to.saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// The layer that a decode target is: the highest one that is not above it.
    #[must_use]
    pub fn layer_of(self, target: u8, layers: u8) -> u8 {
        if self.count <= layers {
            return target;
        }
        let mut layers_down = (0..layers).rev();
        let layer = layers_down.find(|layer| self.of_layer(*layer, layers) <= target);
        layer.unwrap_or(0)
    }

    const fn indication(self, target: u8) -> u64 {
        if target < self.count {
            self.indications >> (2 * target) & 3
        } else {
            Self::NOT_PRESENT
        }
    }

    /// Who is on this target needs the frame.
    #[must_use]
    pub const fn needed(self, target: u8) -> bool {
        self.indication(target) != Self::NOT_PRESENT
    }

    /// Who can decode this frame can decode all later ones of the target. It takes more than
    /// that: see [`Choice`](crate::Choice).
    #[must_use]
    pub const fn switch(self, target: u8) -> bool {
        self.indication(target) == Self::SWITCH
    }
}

/// The frames that a frame refers to, at most 8, as distances back from its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct References {
    count: usize,
    distances: [u16; REFERENCES],
}

impl References {
    /// The distances, each 1 to 4,096.
    #[must_use]
    pub fn distances(&self) -> &[u16] {
        &self.distances[..self.count]
    }

    fn push(&mut self, distance: u32) -> Option<()> {
        *self.distances.get_mut(self.count)? = u16::try_from(distance).ok()?;
        self.count += 1;
        Some(())
    }

    /// One line of `template_fdiffs`.
    pub(super) fn of_template(bits: &mut Bits<'_>) -> Option<Self> {
        let mut references = Self::default();
        while bits.flag()? {
            references.push(bits.take(4)? + 1)?;
        }
        Some(references)
    }

    /// `frame_fdiffs`.
    pub(super) fn of_frame(bits: &mut Bits<'_>) -> Option<Self> {
        let mut references = Self::default();
        loop {
            match bits.take(2)? {
                0 => return Some(references),
                size => references.push(bits.take(4 * size as usize)? + 1)?,
            }
        }
    }
}
