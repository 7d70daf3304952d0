//! Which Events were published lately.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::EventType;
use serde_json::json;

use crate::apply::fingerprint;

/// What happens again within this time of the last is counted with it, as Kubernetes' own clients do.
const SERIES: SignedDuration = SignedDuration::from_mins(6);

/// What Events of one series have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Kind(String);

impl Kind {
    /// Of an Event of this type, reason and action.
    pub(super) fn of(
        (type_, reason, action): (EventType, &str, &str),
        about: &ObjectReference,
        related: Option<&ObjectReference>,
    ) -> Self {
        let kind = json!([format!("{type_:?}"), reason, action, about, related]);
        Self(fingerprint(kind.to_string().as_bytes()))
    }
}

/// When an Event happened, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: i32,
}

/// The Events of the last [`SERIES`].
#[derive(Debug, Default)]
pub(super) struct Recent(HashMap<Kind, Times>);

impl Recent {
    /// It happens: the first time, or once more.
    pub(super) fn again(&mut self, kind: &Kind, now: Timestamp) -> Times {
        self.0.retain(|_, times| now < times.last + SERIES);
        let times = self.0.entry(kind.clone()).or_insert(Times {
            first: now,
            last: now,
            count: 0,
        });
        times.last = now;
        times.count = times.count.saturating_add(1);
        *times
    }

    /// It is not known whether it was written: the next one begins anew.
    pub(super) fn forget(&mut self, kind: &Kind) {
        self.0.remove(kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str) -> ObjectReference {
        ObjectReference {
            name: Some(name.to_owned()),
            ..ObjectReference::default()
        }
    }

    fn kind(reason: &str, related: Option<&str>) -> Kind {
        let words = (EventType::Normal, reason, "Act");
        Kind::of(words, &pool("p"), related.map(pool).as_ref())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000 + seconds).unwrap()
    }

    #[test]
    fn what_happens_again_soon_is_counted_and_later_begins_anew() {
        let mut recent = Recent::default();
        let it = kind("Renewed", None);
        let counts = [0, 10, 369, 729].map(|s| recent.again(&it, at(s)));
        let expected = [(0, 1), (0, 2), (0, 3), (729, 1)].map(|(first, count)| (at(first), count));
        assert_eq!(counts.map(|times| (times.first, times.count)), expected);
        assert_eq!(counts[2].last, at(369));
        recent.forget(&it);
        assert_eq!(recent.again(&it, at(730)).count, 1);
    }

    #[test]
    fn another_reason_thing_or_type_is_another_event() {
        let warning = (EventType::Warning, "Added", "Act");
        let all = [
            kind("Added", None),
            kind("Removed", None),
            kind("Added", Some("node-1")),
            kind("Added", Some("node-2")),
            Kind::of(warning, &pool("p"), None),
            Kind::of((EventType::Normal, "Added", "Act"), &pool("q"), None),
        ];
        let mut recent = Recent::default();
        for kind in all {
            assert_eq!(recent.again(&kind, at(0)).count, 1);
        }
        assert_eq!(recent.again(&kind("Added", Some("node-1")), at(1)).count, 2);
    }

    #[test]
    fn nothing_is_kept_of_one_that_is_over() {
        let mut recent = Recent::default();
        recent.again(&kind("Added", None), at(0));
        recent.again(&kind("Removed", None), at(400));
        assert_eq!(recent.0.len(), 1);
    }
}
