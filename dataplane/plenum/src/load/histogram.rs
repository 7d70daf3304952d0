//! Durations in buckets: memory is bounded whatever is measured for however long.

use std::time::Duration;

/// Buckets for each doubling: a quantile is at most 1/32 = 3 % too high.
const PER_DOUBLING_BITS: u32 = 5;
const PER_DOUBLING: u64 = 1 << PER_DOUBLING_BITS;
/// Durations above are counted as this: 71 minutes in microseconds.
const LONGEST: u64 = (1 << 32) - 1;

/// Counts of durations, by microseconds in buckets that grow with their value.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    /// As long as the highest bucket used.
    counts: Vec<u64>,
    total: u64,
    max: Duration,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(LONGEST);
        let bucket = bucket(micros.min(LONGEST));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
        self.max = self.max.max(duration);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The duration that this share of all, 0 to 1, does not exceed; `None` without any.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        #[allow(clippy::cast_precision_loss)] // exact up to 2^53 durations
        let wanted = share * self.total as f64;
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            #[allow(clippy::cast_precision_loss)]
            let reached = seen as f64 >= wanted;
            reached && seen > 0
        })?;
        Some(Duration::from_micros(upper_bound(bucket)).min(self.max))
    }

    /// The longest, exactly; `None` without any.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (self.total > 0).then_some(self.max)
    }
}

fn bucket(micros: u64) -> usize {
    let doublings = (micros | (PER_DOUBLING - 1)).ilog2() + 1 - PER_DOUBLING_BITS;
    let within = micros >> doublings.saturating_sub(1);
    let start = match doublings {
        0 => 0,
        n => u64::from(n - 1) * PER_DOUBLING,
    };
    usize::try_from(start + within).unwrap_or(usize::MAX)
}

/// The highest number of microseconds in a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * PER_DOUBLING {
        return bucket;
    }
    let doublings = bucket / PER_DOUBLING - 1;
    let within = bucket % PER_DOUBLING + PER_DOUBLING;
    ((within + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.record(Duration::from_micros(value));
        }
        histogram
    }

    #[test]
    fn every_value_falls_into_a_bucket_that_ends_at_most_3_percent_above_it() {
        let mut value = 0;
        while value < LONGEST {
            let bound = upper_bound(bucket(value));
            assert!(bound >= value, "{value} in a bucket up to {bound}");
            assert!(
                bound - value <= value / 32,
                "{value} in a bucket up to {bound}"
            );
            value = value * 33 / 32 + 1;
        }
    }

    #[test]
    fn buckets_follow_each_other() {
        for value in 0..100_000 {
            let step = bucket(value + 1) - bucket(value);
            assert!(step <= 1, "between {value} and the next {step} buckets");
        }
    }

    #[test]
    fn quantiles_of_a_known_series() {
        let histogram = micros(1..=1_000);
        let at = |share| histogram.quantile(share).unwrap().as_micros();
        assert!((500..=516).contains(&at(0.5)), "{}", at(0.5));
        assert!((990..=1_000).contains(&at(0.99)), "{}", at(0.99));
        assert_eq!(at(1.0), 1_000);
        assert_eq!(histogram.max(), Some(Duration::from_millis(1)));
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().max(), None);
    }

    #[test]
    fn merged_is_as_if_counted_together() {
        let mut low = micros(1..=500);
        low.merge(&micros(501..=1_000));
        let whole = micros(1..=1_000);
        for share in [0.1, 0.5, 0.9, 0.99] {
            assert_eq!(low.quantile(share), whole.quantile(share));
        }
    }
}
