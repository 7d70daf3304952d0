//! How long nothing was heard of somebody who was there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_client::is_heard;
use plenum_wire::ParticipantId;

/// The longest time between two audio packets of each, in whichever order they came: also
/// over a change of the rung, of the network or of the router.
#[derive(Debug, Default)]
pub struct Gaps {
    voices: BTreeMap<ParticipantId, Voice>,
}

#[derive(Debug, Default)]
struct Voice {
    /// None: what follows is no gap.
    last: Option<Instant>,
    longest: Duration,
}

impl Gaps {
    /// A packet of somebody's audio came.
    pub fn packet(&mut self, of: &ParticipantId, at: Instant) {
        let voice = self.voices.entry(of.clone()).or_default();
        let since = voice.last.map(|last| at.saturating_duration_since(last));
        voice.longest = voice.longest.max(since.unwrap_or_default());
        voice.last = voice.last.max(Some(at));
    }

    /// The routers send on the audio of these, and of nobody else: silence is no gap.
    pub fn heard(&mut self, slots: &[Option<ParticipantId>]) {
        for (who, voice) in &mut self.voices {
            if !is_heard(slots, who) {
                voice.last = None;
            }
        }
    }

    /// Somebody left, and may come back.
    pub fn left(&mut self, who: &ParticipantId) {
        if let Some(voice) = self.voices.get_mut(who) {
            voice.last = None;
        }
    }

    /// In milliseconds, by participant.
    pub fn finish(self) -> BTreeMap<ParticipantId, u128> {
        let voices = self.voices.into_iter();
        voices
            .map(|(who, voice)| (who, voice.longest.as_millis()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(who: &str) -> ParticipantId {
        who.parse().unwrap()
    }

    #[test]
    fn the_longest_wait_for_a_packet_counts() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        for ms in [0, 20, 320, 300, 340] {
            gaps.packet(&id("ann"), start + Duration::from_millis(ms));
        }
        gaps.packet(&id("bob"), start);
        assert_eq!(gaps.finish(), [(id("ann"), 300), (id("bob"), 0)].into());
    }

    #[test]
    fn silence_and_absence_are_no_gaps() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut gaps = Gaps::default();
        gaps.packet(&id("ann"), at(0));
        gaps.heard(&[Some(id("bob"))]);
        gaps.packet(&id("ann"), at(10));
        gaps.heard(&[None]);
        gaps.packet(&id("ann"), at(11));
        gaps.left(&id("ann"));
        gaps.packet(&id("ann"), at(20));
        assert_eq!(gaps.finish(), [(id("ann"), 1_000)].into());
    }
}
