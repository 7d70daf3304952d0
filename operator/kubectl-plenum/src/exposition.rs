//! Metrics as text, in the formats of Prometheus and `OpenMetrics`: as much of them as our own
//! pods write.

/// Samples kept of one page: ours have some 100.
const SAMPLES: usize = 5_000;

/// What a pod said at `/metrics`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    name: String,
    /// As they are written: `kind="audio",reason="shed"`.
    labels: String,
    value: f64,
}

impl Sample {
    /// Quotes in a value are escaped, so that nothing in one looks like this.
    fn has(&self, label: &str, value: &str) -> bool {
        let wanted = format!(",{label}=\"{value}\"");
        format!(",{}", self.labels).contains(&wanted)
    }
}

impl Page {
    /// Lines that are no samples are left out, and what is beyond 5,000 samples.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(sample).take(SAMPLES).collect();
        Self { samples }
    }

    /// The sum of all samples of this name, whatever their labels; `None` without any.
    #[must_use]
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.sum_where(name, |_| true)
    }

    /// The sum of those samples of this name whose label has one of these values; `None` without
    /// any.
    #[must_use]
    pub fn sum_of(&self, name: &str, label: &str, values: &[&str]) -> Option<f64> {
        self.sum_where(name, |sample| values.iter().any(|it| sample.has(label, it)))
    }

    fn sum_where(&self, name: &str, counts: impl Fn(&Sample) -> bool) -> Option<f64> {
        let samples = self.samples.iter();
        let mut values = samples
            .filter(|sample| sample.name == name && counts(sample))
            .map(|sample| sample.value)
            .peekable();
        values.peek()?;
        Some(values.sum())
    }

    /// The same as a count: no fraction, never negative.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest number that fits"
    )]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.sum(name).map(|value| value as u64)
    }
}

/// `name{labels} value [timestamp]`; a label's value may hold spaces and braces.
fn sample(line: &str) -> Option<Sample> {
    let (name, labels, rest) = if let Some((name, labelled)) = line.split_once('{') {
        let (labels, rest) = labelled.rsplit_once('}')?;
        (name, labels, rest)
    } else {
        let (name, rest) = line.split_once(' ')?;
        (name, "", rest)
    };
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Sample {
        name: name.to_owned(),
        labels: labels.to_owned(),
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_added_up_whatever_their_labels() {
        let page = Page::parse(
            "# HELP plenum_bytes_in Bytes\n# TYPE plenum_bytes_in counter\n\
             plenum_bytes_in_total{kind=\"audio\"} 10\n\
             plenum_bytes_in_total{kind=\"a } b\"} 5.5 1700000000\n\
             plenum_participants 7\nplenum_broken\nplenum_odd{ x\n# EOF\n",
        );
        assert_eq!(page.sum("plenum_bytes_in_total"), Some(15.5));
        assert_eq!(page.count("plenum_participants"), Some(7));
        assert_eq!(page.sum("plenum_broken"), None);
        assert_eq!(page.count("plenum_missing"), None);
    }

    #[test]
    fn samples_are_told_apart_by_a_label() {
        let page = Page::parse(
            "d_total{reason=\"a\"} 1\nd_total{kind=\"x\",reason=\"b\"} 2\n\
             d_total{reason=\"ab\"} 4\nd_total{unreason=\"a\"} 8\n\
             d_total{kind=\",reason=\\\"a\\\"\",reason=\"c\"} 16\nd_total 32\n",
        );
        assert_eq!(page.sum_of("d_total", "reason", &["a", "b"]), Some(3.0));
        assert_eq!(page.sum_of("d_total", "reason", &["d"]), None);
        assert_eq!(page.sum("d_total"), Some(63.0));
    }

    #[test]
    fn a_page_without_end_is_cut() {
        let page = Page::parse(&"a 1\n".repeat(10_000));
        assert_eq!(page.count("a"), Some(5_000));
    }
}
