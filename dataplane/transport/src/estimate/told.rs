//! Which changes of an estimate are worth telling.

use std::time::{Duration, Instant};

/// Between two tellings.
const EVERY: Duration = Duration::from_millis(100);
/// Smaller changes are none: in percent.
const CHANGE: u64 = 5;

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Told(Option<(u64, Instant)>);

impl Told {
    /// Whether to tell this one; if so it is taken to be told.
    pub(crate) fn is_news(&mut self, bits_per_s: u64, now: Instant) -> bool {
        let news = self.0.is_none_or(|(told, at)| {
            now.saturating_duration_since(at) >= EVERY
                && bits_per_s.abs_diff(told) * 100 > told * CHANGE
        });
        if news {
            self.0 = Some((bits_per_s, now));
        }
        news
    }

    /// Whether [`Told::is_news`] may say yes, whatever the estimate.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.0
            .is_none_or(|(_, at)| now.saturating_duration_since(at) >= EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_then_what_changes_at_most_ten_times_a_second() {
        let start = Instant::now();
        let mut told = Told::default();
        assert!(told.is_news(1_000_000, start));
        assert!(!told.is_news(2_000_000, start + EVERY / 2), "too early");
        assert!(!told.is_news(1_050_000, start + EVERY), "too little");
        assert!(told.is_news(1_060_000, start + EVERY));
        assert!(!told.is_due(start + EVERY));
        assert!(told.is_due(start + 2 * EVERY));
        assert!(told.is_news(1_000_000, start + 2 * EVERY));
    }
}
