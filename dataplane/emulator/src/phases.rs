//! How bad a path is, and how that changes: pure.

use std::str::FromStr;
use std::time::Duration;

use crate::Conditions;

/// Longest time that can be written, a day: longer ones are mistakes.
const LONGEST: Duration = Duration::from_hours(24);

/// Both directions of a path.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Path {
    /// Towards the server.
    pub up: Conditions,
    /// Back.
    pub down: Conditions,
}

/// A path from some time on, as text: `after=20s,delay=50ms,down-rate=500k,loss=10%`.
///
/// | key | value | meaning |
/// |---|---|---|
/// | `after` | `20s`, `500ms` | when it begins; the start if not given |
/// | `delay`, `jitter`, `queue` | `50ms` | see [`Conditions`] |
/// | `loss`, `reorder` | `10%` | of all packets |
/// | `rate` | `500k`, `3M` | bit/s |
///
/// `down-` or `up-` in front of any but `after` is for that direction only. What is not given
/// is as on a perfect path, whatever it was before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phase {
    /// Since the start.
    pub after: Duration,
    /// How it is from then on.
    pub path: Path,
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut phase = Self {
            after: Duration::ZERO,
            path: Path::default(),
        };
        for item in text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let (key, value) = item
                .split_once('=')
                .ok_or_else(|| format!("write KEY=VALUE, not {item:?}"))?;
            if key == "after" {
                phase.after = time(value)?;
                continue;
            }
            let Path { up, down } = &mut phase.path;
            match (key.strip_prefix("up-"), key.strip_prefix("down-")) {
                (Some(key), _) => set(up, key, value)?,
                (_, Some(key)) => set(down, key, value)?,
                _ => {
                    set(up, key, value)?;
                    set(down, key, value)?;
                }
            }
        }
        Ok(phase)
    }
}

fn set(conditions: &mut Conditions, key: &str, value: &str) -> Result<(), String> {
    match key {
        "delay" => conditions.delay = time(value)?,
        "jitter" => conditions.jitter = time(value)?,
        "queue" => conditions.queue = time(value)?,
        "loss" => conditions.loss = share(value)?,
        "reorder" => conditions.reorder = share(value)?,
        "rate" => conditions.rate = Some(rate(value)?),
        _ => {
            return Err(format!(
                "there is no {key:?}: write after, delay, jitter, queue, loss, reorder or rate, \
                 all but after also with up- or down- in front"
            ));
        }
    }
    Ok(())
}

fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("write a time such as 50ms or 20s, not {text:?}");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, Duration::from_millis(1)),
        None => (
            text.strip_suffix('s').ok_or_else(wrong)?,
            Duration::from_secs(1),
        ),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    unit.checked_mul(number)
        .filter(|time| *time <= LONGEST)
        .ok_or_else(wrong)
}

fn share(text: &str) -> Result<f64, String> {
    let percent = text
        .strip_suffix('%')
        .and_then(|number| number.parse::<f64>().ok());
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("write a share such as 10%, not {text:?}"))
}

fn rate(text: &str) -> Result<u64, String> {
    let (number, unit) = if let Some(number) = text.strip_suffix('k') {
        (number, 1_000)
    } else if let Some(number) = text.strip_suffix('M') {
        (number, 1_000_000)
    } else {
        (text, 1)
    };
    let number = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    number
        .filter(|rate| *rate > 0)
        .ok_or_else(|| format!("write bits a second such as 500k or 3M, not {text:?}"))
}

/// A path over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases(Vec<Phase>);

impl Phases {
    /// In whatever order; before the first the path is perfect.
    #[must_use]
    pub fn new(mut phases: Vec<Phase>) -> Self {
        phases.sort_by_key(|phase| phase.after);
        Self(phases)
    }

    /// How the path is so long after the start.
    #[must_use]
    pub fn at(&self, since: Duration) -> Path {
        let begun = self.0.iter().rev().find(|phase| phase.after <= since);
        begun.map_or_else(Path::default, |phase| phase.path)
    }
}

impl From<Path> for Phases {
    /// It stays as it is.
    fn from(path: Path) -> Self {
        let after = Duration::ZERO;
        Self(vec![Phase { after, path }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_phase_is_written_in_one_line() {
        let phase: Phase = "after=20s, delay=50ms,down-rate=500k,up-loss=2.5%"
            .parse()
            .unwrap();
        assert_eq!(phase.after, 20_000 * MS);
        let Path { up, down } = phase.path;
        assert_eq!((up.delay, down.delay), (50 * MS, 50 * MS));
        assert_eq!((up.rate, down.rate), (None, Some(500_000)));
        assert!((up.loss - 0.025).abs() < 1e-9 && down.loss == 0.0);
        let perfect: Phase = "".parse().unwrap();
        assert_eq!(perfect.path, Path::default());
    }

    #[test]
    fn what_cannot_be_read_says_what_to_write() {
        for (text, says) in [
            ("delay", "KEY=VALUE"),
            ("delay=50", "50ms or 20s"),
            ("loss=0.1", "10%"),
            ("loss=110%", "10%"),
            ("rate=0", "500k or 3M"),
            ("rate=99999999999999999999", "500k or 3M"),
            ("after=9999999s", "50ms or 20s"),
            ("up-after=1s", "there is no"),
        ] {
            let error = text.parse::<Phase>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn the_last_phase_that_has_begun_counts() {
        let phase = |text: &str| text.parse().unwrap();
        let phases = Phases::new(vec![
            phase("after=20s,rate=3M"),
            phase("after=10s,rate=500k"),
        ]);
        let rate = |s| phases.at(Duration::from_secs(s)).down.rate;
        assert_eq!(
            [0, 9, 10, 19, 20, 99].map(rate),
            [
                None,
                None,
                Some(500_000),
                Some(500_000),
                Some(3_000_000),
                Some(3_000_000)
            ]
        );
    }
}
