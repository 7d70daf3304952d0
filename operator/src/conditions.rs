//! Conditions: what a resource says about itself.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be told now.
    Unknown,
}

impl Truth {
    /// As the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// One condition as decided now; times and generations are added by [`update`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The condition's type: `Ready`, `Progressing`, ...
    pub type_: &'static str,
    /// Whether it holds.
    pub truth: Truth,
    /// One `CamelCase` word for programs.
    pub reason: &'static str,
    /// A sentence for people. Nothing in it may change without cause: no ages, no counters
    /// that tick.
    pub message: String,
}

impl Verdict {
    /// A condition.
    pub fn new(
        type_: &'static str,
        truth: impl Into<Truth>,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_,
            truth: truth.into(),
            reason,
            message: message.into(),
        }
    }
}

/// The conditions to write: exactly `verdicts`, with the time of the last change of status
/// kept from `previous`, so that the same verdicts give the same conditions.
#[must_use]
pub fn update(
    previous: &[Condition],
    verdicts: &[Verdict],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    verdicts
        .iter()
        .map(|verdict| {
            let since = previous
                .iter()
                .find(|c| c.type_ == verdict.type_ && c.status == verdict.truth.as_str())
                .map_or_else(
                    || Time(whole_seconds(now)),
                    |c| c.last_transition_time.clone(),
                );
            Condition {
                type_: verdict.type_.to_owned(),
                status: verdict.truth.as_str().to_owned(),
                reason: verdict.reason.to_owned(),
                message: verdict.message.clone(),
                observed_generation: generation,
                last_transition_time: since,
            }
        })
        .collect()
}

/// The API stores seconds; anything finer would differ from what is read back, for ever.
#[must_use]
pub fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_verdict_later_changes_nothing_and_another_does() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let ready = [Verdict::new("Ready", true, "AllWell", "all is well")];
        let first = update(&[], &ready, Some(1), at(10));
        assert_eq!(update(&first, &ready, Some(1), at(20)), first);

        let broken = [Verdict::new("Ready", false, "Broken", "it broke")];
        let second = update(&first, &broken, Some(1), at(30));
        assert_eq!(second[0].last_transition_time.0, at(30));
        assert_eq!(second[0].reason, "Broken");
    }
}
