//! Numbers of RTP headers, counted on past their wraps.

/// Where the count of a track is. The first number lies one wrap up, so that those just
/// before it have a place too.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Numbers {
    sequence: Option<u64>,
    timestamp: Option<u64>,
}

impl Numbers {
    /// A packet's sequence number.
    pub(super) fn sequence(&mut self, sequence: u16) -> u64 {
        let last = self.sequence.unwrap_or(u64::from(sequence) + (1 << 16));
        let step = sequence.wrapping_sub((last & 0xffff) as u16).cast_signed();
        let number = last.saturating_add_signed(step.into());
        self.sequence = Some(number.max(last));
        number
    }

    /// Its timestamp.
    pub(super) fn timestamp(&mut self, timestamp: u32) -> u64 {
        let last = self.timestamp.unwrap_or(u64::from(timestamp) + (1 << 32));
        let low = u32::try_from(last & u64::from(u32::MAX)).unwrap_or(0);
        let step = timestamp.wrapping_sub(low).cast_signed();
        let ticks = last.saturating_add_signed(step.into());
        self.timestamp = Some(ticks.max(last));
        ticks
    }
}
