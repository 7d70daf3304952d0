//! How large a picture was, over time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Heights that are told apart: the layers of some tracks. What is beyond is counted as none,
/// so that no publisher can make the figures large.
const MOST: usize = 16;

/// For how long pictures of which height were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heights {
    lasted: BTreeMap<u16, Duration>,
    /// Times that the height changed while the picture was seen.
    pub switches: u64,
}

impl Heights {
    /// Adds another track's.
    pub fn add(&mut self, other: &Self) {
        for (&height, &lasted) in &other.lasted {
            self.lasts(height, lasted);
        }
        self.switches += other.switches;
    }

    /// Each height's share of the time, in thousandths.
    #[must_use]
    pub fn per_mille(&self) -> BTreeMap<u16, u64> {
        let whole: Duration = self.lasted.values().sum();
        let share = |lasted: &Duration| {
            u64::try_from(lasted.as_micros() * 1_000 / whole.as_micros().max(1)).unwrap_or(0)
        };
        let shares = self.lasted.iter();
        shares.map(|(&height, it)| (height, share(it))).collect()
    }

    fn lasts(&mut self, height: u16, lasted: Duration) {
        if self.lasted.contains_key(&height) || self.lasted.len() < MOST {
            *self.lasted.entry(height).or_default() += lasted;
        }
    }
}

/// The height of one picture as it goes on.
#[derive(Debug, Default)]
pub(super) struct Height {
    /// And since when it is.
    now: Option<(u16, Instant)>,
    past: Heights,
}

impl Height {
    /// A frame of this height is shown.
    pub fn show(&mut self, height: u16, at: Instant) {
        let Some((before, since)) = self.now else {
            self.now = Some((height, at));
            return;
        };
        if before != height {
            self.past.lasts(before, at.saturating_duration_since(since));
            self.past.switches += 1;
            self.now = Some((height, at));
        }
    }

    /// The picture is no longer sent on.
    pub fn pause(&mut self, at: Instant) {
        self.past = self.figures(at);
        self.now = None;
    }

    /// Until `end`.
    pub fn figures(&self, end: Instant) -> Heights {
        let mut heights = self.past.clone();
        if let Some((height, since)) = self.now {
            heights.lasts(height, end.saturating_duration_since(since));
        }
        heights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_height_has_its_share_and_changes_are_counted() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut height = Height::default();
        for (seconds, shown) in [(0, 180), (1, 180), (2, 720), (6, 180)] {
            height.show(shown, at(seconds));
        }
        height.pause(at(8));
        height.show(360, at(100));
        let heights = height.figures(at(108));
        let shares: Vec<_> = heights.per_mille().into_iter().collect();
        assert_eq!(shares, [(180, 250), (360, 500), (720, 250)]);
        assert_eq!(heights.switches, 2, "a pause is none");
    }

    #[test]
    fn a_publisher_of_many_sizes_makes_no_more_figures() {
        let mut height = Height::default();
        let now = Instant::now();
        (1..1_000).for_each(|shown| height.show(shown, now));
        assert_eq!(height.figures(now).per_mille().len(), MOST);
    }

    #[test]
    fn nothing_seen_has_no_shares() {
        assert!(Heights::default().per_mille().is_empty());
    }
}
