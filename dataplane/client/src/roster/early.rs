//! Packets whose track is not announced yet: media may overtake the control channel by a round
//! trip or a retransmission.

use std::collections::VecDeque;
use std::time::Duration;

use crate::moving::LegId;

use super::takeover::Incoming;

/// How many wait, and for how long.
pub(super) const PACKETS: usize = 256;
const WAIT: Duration = Duration::from_secs(1);

/// The packets of tracks that nobody knows.
#[derive(Debug, Default)]
pub(super) struct Early(VecDeque<(LegId, Incoming)>);

impl Early {
    /// Keeps a packet, in the place of one that is too old or the oldest.
    pub fn keep(&mut self, leg: LegId, incoming: Incoming) {
        let now = incoming.at;
        let too_old = |oldest: &(LegId, Incoming)| oldest.1.at + WAIT < now;
        while self.0.front().is_some_and(too_old) || self.0.len() >= PACKETS {
            self.0.pop_front();
        }
        self.0.push_back((leg, incoming));
    }

    /// Those of a source, in the order in which they came.
    pub fn take(&mut self, ssrc: u32) -> VecDeque<(LegId, Incoming)> {
        let all = std::mem::take(&mut self.0).into_iter();
        let (mine, others) = all.partition(|(_, early)| early.header.ssrc == ssrc);
        self.0 = others;
        mine
    }
}
