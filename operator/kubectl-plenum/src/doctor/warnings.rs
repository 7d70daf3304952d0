//! What Kubernetes warns of now. A cluster may keep Events for days, and a refusal of last week
//! says nothing of today.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Event;

use crate::snapshot::Snapshot;

/// Controllers of Kubernetes try again after pauses of 1,000 s at most (client-go's rate limiter
/// of failures), and tell of it once in five minutes at least: what was not said for longer is
/// over.
const NEWS: SignedDuration = SignedDuration::from_mins(30);

/// Warnings that were said of late.
pub(super) fn of_now(snapshot: &Snapshot) -> impl Iterator<Item = &Event> {
    let now = snapshot.now;
    let is_news = move |at: Timestamp| now.duration_since(at) <= NEWS;
    snapshot
        .events
        .iter()
        .filter(move |event| said_at(event).is_some_and(is_news))
}

/// When it was said last. Which of these there are depends on who says it, and how often.
pub(super) fn said_at(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref();
    let again = series.and_then(|series| series.last_observed_time.as_ref());
    let again = again.or(event.event_time.as_ref()).map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let made = event.metadata.creation_timestamp.as_ref();
    again.max(last).or(made.map(|time| time.0))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn is_of_now(times: &Value) -> bool {
        let mut event = json!({"metadata": {}, "involvedObject": {}});
        let fields = times.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(fields);
        let mut snapshot = Snapshot::at(NOW.parse().unwrap());
        snapshot.events.items = vec![serde_json::from_value(event).unwrap()];
        of_now(&snapshot).count() == 1
    }

    #[test]
    fn a_warning_counts_from_when_it_was_said_last_whoever_says_it() {
        let (week, just) = ("2026-11-15T12:00:00Z", "2026-11-22T11:50:00Z");
        let (long, short) = ("2026-11-15T12:00:00.000000Z", "2026-11-22T11:50:00.000000Z");
        assert!(is_of_now(
            &json!({"firstTimestamp": week, "lastTimestamp": just})
        ));
        assert!(!is_of_now(&json!({"lastTimestamp": week})));
        assert!(is_of_now(&json!({"eventTime": short})));
        let series = json!({"count": 7, "lastObservedTime": short});
        assert!(is_of_now(&json!({"eventTime": long, "series": series})));
        assert!(!is_of_now(&json!({"eventTime": long})));
        assert!(is_of_now(&json!({"metadata": {"creationTimestamp": just}})));
        assert!(!is_of_now(&json!({})));
    }
}
