//! A measured time and how much it varies.

use std::time::Duration;

/// RFC 6298 section 2: mean and variation, smoothed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Smooth(Option<(Duration, Duration)>);

impl Smooth {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn measure(&mut self, sample: Duration) {
        self.0 = Some(match self.0 {
            None => (sample, sample / 2),
            Some((mean, variation)) => (
                (mean * 7 + sample) / 8,
                (variation * 3 + mean.abs_diff(sample)) / 4,
            ),
        });
    }

    pub(crate) fn mean(&self) -> Option<Duration> {
        self.0.map(|(mean, _)| mean)
    }

    /// How far a sample is from the mean; none until there is one.
    pub(crate) fn variation(&self) -> Duration {
        self.0.map_or(Duration::ZERO, |(_, variation)| variation)
    }

    /// Longer than most samples: the RFC's timeout.
    pub(crate) fn most(&self, granularity: Duration) -> Option<Duration> {
        let (mean, variation) = self.0?;
        Some(mean + granularity.max(variation * 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_always_the_same_varies_less_and_less() {
        let mut time = Smooth::NONE;
        assert_eq!(time.most(MS), None);
        time.measure(80 * MS);
        assert_eq!((time.mean(), time.variation()), (Some(80 * MS), 40 * MS));
        assert_eq!(time.most(MS), Some(240 * MS));
        for _ in 0..50 {
            time.measure(80 * MS);
        }
        assert_eq!(time.most(MS), Some(81 * MS));
        time.measure(160 * MS);
        assert_eq!(time.mean(), Some(90 * MS));
        assert!(time.variation() >= 20 * MS);
    }
}
