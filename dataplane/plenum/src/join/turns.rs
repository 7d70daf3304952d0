//! How long everybody was the active speaker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::ParticipantId;

/// Adds up turns.
#[derive(Debug, Default)]
pub struct Turns {
    active: Option<(ParticipantId, Instant)>,
    lasted: BTreeMap<ParticipantId, Duration>,
}

impl Turns {
    /// Somebody is the active speaker from now on, or nobody.
    pub fn pass(&mut self, to: Option<ParticipantId>, now: Instant) {
        let same = self.active.as_ref().map(|(who, _)| who) == to.as_ref();
        if same {
            return;
        }
        let next = to.map(|who| (who, now));
        if let Some((who, since)) = std::mem::replace(&mut self.active, next) {
            *self.lasted.entry(who).or_default() += now.saturating_duration_since(since);
        }
    }

    /// Seconds, by participant.
    pub fn finish(mut self, now: Instant) -> BTreeMap<ParticipantId, f64> {
        self.pass(None, now);
        let seconds = |lasted: Duration| (lasted.as_secs_f64() * 1_000.0).round() / 1_000.0;
        let lasted = self.lasted.into_iter();
        lasted.map(|(who, lasted)| (who, seconds(lasted))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_added_up() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let id = |who: &str| Some(who.parse().unwrap());
        let mut turns = Turns::default();
        for (who, seconds) in [("ann", 1), ("bob", 3), ("ann", 4), ("ann", 5)] {
            turns.pass(id(who), at(seconds));
        }
        let lasted = turns.finish(at(9));
        let lasted: Vec<_> = lasted.iter().map(|(who, s)| (who.as_str(), *s)).collect();
        assert_eq!(lasted, [("ann", 7.0), ("bob", 1.0)]);
    }
}
