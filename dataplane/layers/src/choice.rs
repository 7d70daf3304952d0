//! Which frames of one scalable stream a receiver gets.
//!
//! A descriptor's switch indication promises that all later frames of a target decode if this
//! one does (AV1 RTP specification, A.4). Whether this one does depends on what the receiver
//! was sent before: in the usual full SVC every frame of a layer says "switch", and refers to
//! the layer's frame before. So what was sent is remembered, and a receiver goes over to
//! another target, up or down, at a frame that says so and refers only to what was sent.

use crate::FrameInfo;

/// Frames remembered: 2 to 8 seconds of all layers together. A multiple of 64.
const FRAMES: u16 = 256;
const WORDS: usize = FRAMES as usize / 64;

/// The choice for one receiver of one stream. 80 bytes, no allocation.
///
/// A receiver that was paused begins with a new one, since it misses what came meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    target: Option<u8>,
    waits: bool,
    /// The frame with the highest number, once it has begun.
    newest: u16,
    decided: Frames,
    taken: Frames,
}

impl Choice {
    /// Takes nothing until a frame comes that needs none before it.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            target: None,
            waits: false,
            newest: 0,
            decided: Frames([0; WORDS]),
            taken: Frames([0; WORDS]),
        }
    }

    /// The decode target that the receiver is on.
    #[must_use]
    pub const fn target(&self) -> Option<u8> {
        self.target
    }

    /// Whether the goal waits for a frame that leads to it. If it does for long, only a key
    /// frame will.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.waits
    }

    /// Whether the receiver gets this packet of a frame, when it is to have the target
    /// `goal`, or the highest that there is. Once it has begun, the answer is the same for all
    /// packets of a frame, whenever they come.
    pub fn take(&mut self, frame: &FrameInfo, goal: u8) -> bool {
        let goal = goal.min(frame.targets.count().saturating_sub(1));
        let Some(target) = self.target else {
            return self.begin(frame, goal);
        };
        let target = match self.place(frame) {
            Place::Ahead => self.switch(frame, target, goal),
            Place::Behind if self.decided.has(frame.number) => {
                return self.taken.has(frame.number);
            }
            Place::Behind => target,
            Place::Forgotten => return false,
        };
        let take = frame.targets.needed(target);
        self.decided.set(frame.number, true);
        self.taken.set(frame.number, take);
        take
    }

    /// Begins with the first packet of a frame that needs none before it. When that packet is
    /// late it is still the one to begin with: what came of the frame before it is asked for
    /// by its number, which it has only from there on.
    fn begin(&mut self, frame: &FrameInfo, goal: u8) -> bool {
        let alone = frame.references.distances().is_empty();
        let begins = frame.start && alone && frame.targets.switch(goal);
        if begins {
            self.target = Some(goal);
            self.newest = frame.number;
            self.decided.set(frame.number, true);
            self.taken.set(frame.number, true);
        }
        self.waits = !begins;
        begins
    }

    /// Goes over to the goal if this frame leads to it; the target then. Only at the newest
    /// frame: of those after an older one some were left out.
    fn switch(&mut self, frame: &FrameInfo, target: u8, goal: u8) -> u8 {
        let leads = frame.targets.switch(goal) && self.was_sent_all_for(frame);
        let target = if leads { goal } else { target };
        self.target = Some(target);
        self.waits = target != goal;
        target
    }

    fn was_sent_all_for(&self, frame: &FrameInfo) -> bool {
        let mut distances = frame.references.distances().iter();
        distances.all(|&distance| {
            distance < FRAMES && self.taken.has(frame.number.wrapping_sub(distance))
        })
    }

    /// Where a frame belongs; makes room for it when it is the newest.
    fn place(&mut self, frame: &FrameInfo) -> Place {
        let ahead = frame.number.wrapping_sub(self.newest);
        let behind = ahead.wrapping_neg();
        if behind < FRAMES {
            return Place::Behind;
        }
        // So far behind a key frame is a new beginning.
        if behind <= u16::MAX / 2 && !frame.key {
            return Place::Forgotten;
        }
        for back in 0..ahead.min(FRAMES) {
            let number = frame.number.wrapping_sub(back);
            self.decided.set(number, false);
            self.taken.set(number, false);
        }
        self.newest = frame.number;
        Place::Ahead
    }
}

enum Place {
    Ahead,
    Behind,
    Forgotten,
}

/// A bit for each of the last frames, by number.
#[derive(Debug, Clone, Default)]
struct Frames([u64; WORDS]);

impl Frames {
    const fn has(&self, number: u16) -> bool {
        let (word, bit) = Self::at(number);
        self.0[word] & bit != 0
    }

    const fn set(&mut self, number: u16, on: bool) {
        let (word, bit) = Self::at(number);
        if on {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }

    const fn at(number: u16) -> (usize, u64) {
        let place = number % FRAMES;
        (place as usize / 64, 1 << (place % 64))
    }
}
