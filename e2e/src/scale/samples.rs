//! Reading metrics: counters, and quantiles of histograms.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::bench::Usage;

/// Everything that was exported at a moment.
#[derive(Debug, Clone)]
pub(super) struct Samples {
    /// When.
    pub at: Instant,
    /// CPU time and memory.
    pub usage: Usage,
    /// Most memory since the start, in bytes.
    pub peak_bytes: u64,
    values: BTreeMap<String, f64>,
}

impl Default for Samples {
    /// Those of a process that is about to start.
    fn default() -> Self {
        Self {
            at: Instant::now(),
            usage: Usage {
                cpu: std::time::Duration::ZERO,
                rss_bytes: 0,
            },
            peak_bytes: 0,
            values: BTreeMap::new(),
        }
    }
}

impl Samples {
    pub(super) fn read(text: &str, usage: Usage, peak_bytes: u64) -> Self {
        let values = text.lines().filter(|line| !line.starts_with('#'));
        let values = values.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Self {
            at: Instant::now(),
            usage,
            peak_bytes,
            values: values.collect(),
        }
    }

    /// Before the process said anything.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn series<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let of_name = move |(series, value): (&'a String, &f64)| {
            let labels = series.strip_prefix(name)?.strip_prefix('{')?;
            Some((labels.strip_suffix('}')?, *value))
        };
        self.values.iter().filter_map(of_name)
    }

    /// All series of a metric added up.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.series(name).map(|(_, value)| value).sum()
    }

    /// The value of the series with this label.
    pub(super) fn of(&self, name: &str, label: &str, value: &str) -> f64 {
        let wanted = format!("{label}=\"{value}\"");
        let found = self.series(name).find(|(labels, _)| *labels == wanted);
        found.map_or(0.0, |(_, value)| value)
    }

    /// How many series of a metric are above zero.
    pub(super) fn positive(&self, name: &str) -> usize {
        self.series(name).filter(|(_, value)| *value > 0.0).count()
    }

    /// Writes so far, without the Lease's.
    pub(super) fn writes(&self) -> f64 {
        self.sum("plenum_operator_writes_total")
    }

    /// By how much each series of a counter grew since `before`, where it did.
    pub(super) fn grown(&self, before: &Self, name: &str) -> BTreeMap<String, f64> {
        let old: BTreeMap<&str, f64> = before.series(name).collect();
        let grown = |(labels, value): (&str, f64)| {
            let by = value - old.get(labels).copied().unwrap_or_default();
            (by > 0.0).then(|| (labels.replace('"', ""), by))
        };
        self.series(name).filter_map(grown).collect()
    }

    /// Bounds of the histogram's buckets and how many observations since `before` each has, of
    /// the series with `controller`.
    pub(super) fn buckets(&self, before: &Self, name: &str, controller: &str) -> Vec<(f64, f64)> {
        let read = |samples: &Self| -> BTreeMap<String, f64> {
            let name = format!("{name}_bucket");
            let ours = format!("controller=\"{controller}\"");
            let series = samples.series(&name);
            let ours = series.filter(|(labels, _)| labels.split(',').any(|one| one == ours));
            let bound = |labels: &str| {
                let bound = labels.split(',').find_map(|one| one.strip_prefix("le=\""));
                bound.map(|bound| bound.trim_end_matches('"').to_owned())
            };
            ours.filter_map(|(labels, value)| Some((bound(labels)?, value)))
                .collect()
        };
        let old = read(before);
        let mut all: Vec<(f64, f64)> = read(self)
            .into_iter()
            .map(|(bound, value)| {
                let value = value - old.get(&bound).copied().unwrap_or_default();
                (bound.parse().unwrap_or(f64::INFINITY), value)
            })
            .collect();
        all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        all
    }
}

/// The quantile of cumulative buckets, by linear interpolation within the one it falls into, as
/// Prometheus does; `None` without observations. Beyond the last bound it is that bound.
pub(super) fn quantile(buckets: &[(f64, f64)], part: f64) -> Option<f64> {
    let total = buckets.last().map(|(_, count)| *count)?;
    if total <= 0.0 {
        return None;
    }
    let rank = part * total;
    let (mut low, mut below) = (0.0, 0.0);
    for &(bound, count) in buckets {
        if count >= rank && count > below {
            if bound.is_infinite() {
                return Some(low);
            }
            return Some(low + (bound - low) * (rank - below) / (count - below));
        }
        (low, below) = (bound, count);
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TEXT: &str = r#"# TYPE x_duration_seconds histogram
x_duration_seconds_bucket{le="0.1",controller="pool"} 90
x_duration_seconds_bucket{le="0.2",controller="pool"} 100
x_duration_seconds_bucket{le="+Inf",controller="pool"} 100
x_duration_seconds_bucket{le="0.1",controller="zone"} 1
x_writes_total{kind="Node",verb="apply"} 7
x_writes_total{kind="Pod",verb="status"} 5
x_depth{controller="pool"} 0
"#;

    fn samples(text: &str) -> Samples {
        let usage = Usage {
            cpu: Duration::ZERO,
            rss_bytes: 0,
        };
        Samples::read(text, usage, 0)
    }

    #[test]
    fn series_are_told_apart_by_their_labels() {
        let now = samples(TEXT);
        assert!((now.sum("x_writes_total") - 12.0).abs() < 1e-9);
        assert!((now.of("x_duration_seconds_bucket", "controller", "pool")).abs() < 1e-9);
        assert_eq!(now.positive("x_writes_total"), 2);
        assert_eq!(now.positive("x_depth"), 0);
        let before = samples("x_writes_total{kind=\"Node\",verb=\"apply\"} 7\n");
        let grown = now.grown(&before, "x_writes_total");
        assert_eq!(grown.keys().collect::<Vec<_>>(), ["kind=Pod,verb=status"]);
    }

    #[test]
    fn a_quantile_is_found_within_its_bucket() {
        let now = samples(TEXT);
        let buckets = now.buckets(&Samples::default(), "x_duration_seconds", "pool");
        assert_eq!(buckets.len(), 3);
        let near = |part, wanted: f64| {
            let found = quantile(&buckets, part).unwrap();
            assert!((found - wanted).abs() < 1e-9, "{found} for {wanted}");
        };
        near(0.45, 0.05);
        near(0.95, 0.15);
        near(1.0, 0.2);
        assert_eq!(
            quantile(&now.buckets(&now, "x_duration_seconds", "pool"), 0.5),
            None
        );
    }
}
