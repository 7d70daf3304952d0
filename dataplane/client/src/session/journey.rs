//! What traces see of a join: everything from asking for a router to media on it, each time.

use plenum_wire::RouterId;
use tracing::field::{Empty, debug, display};
use tracing::{Span, debug_span};

use crate::connect::Way;
use crate::moving::Ending;

/// A join that goes on; none while the participant has a router. Its span ends with it.
#[derive(Debug, Default)]
pub(super) struct Journey {
    span: Option<Span>,
    /// There was one before: this is a return.
    returns: bool,
}

impl Journey {
    /// A router is asked for.
    pub fn ask(&mut self) -> Span {
        let returns = self.returns;
        let span = self.span.get_or_insert_with(
            || debug_span!(parent: None, "join", returns, zone = Empty, route = Empty, outcome = Empty, reason = Empty, otel.status_code = Empty),
        );
        debug_span!(parent: &*span, "find router")
    }

    /// A zone has offered one.
    pub fn arrive(&self, way: &Way) {
        if let Some(span) = &self.span {
            span.record("zone", display(&way.zone));
            span.record("route", debug(way.route));
        }
    }

    /// A router is gone to, in a journey or by a move of the meeting.
    pub fn enter(&self, router: &RouterId) -> Span {
        let parent = self.span.as_ref().and_then(Span::id);
        debug_span!(parent: parent, "enter router", otel.kind = "client", %router)
    }

    /// The participant is there.
    pub fn arrived(&mut self) {
        self.end("joined", None);
    }

    /// It is over, and why: a participant that was there when it left has no journey.
    pub fn ended(&mut self, ending: &Ending) {
        match ending {
            Ending::Left => self.end("left", None),
            Ending::Replaced => self.end("replaced", None),
            Ending::MeetingEnded => self.end("ended", None),
            Ending::Failed(error) => self.end("failed", Some(error.name())),
        }
    }

    /// These names are an interface: docs/observability.md.
    fn end(&mut self, outcome: &'static str, reason: Option<String>) {
        if let Some(span) = self.span.take() {
            span.record("outcome", outcome);
            if let Some(reason) = reason {
                span.record("reason", reason);
                span.record("otel.status_code", "ERROR");
            }
        }
        self.returns = true;
    }
}

impl Drop for Journey {
    /// Nobody waits for the end.
    fn drop(&mut self) {
        self.ended(&Ending::Left);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::error::JoinError;

    /// What was told of spans, whichever.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<BTreeMap<String, String>>>);

    impl Visit for Told {
        fn record_str(&mut self, field: &Field, value: &str) {
            let mut told = self.0.lock().unwrap();
            told.insert(field.name().to_owned(), value.to_owned());
        }

        fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
    }

    impl Subscriber for Told {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut self.clone());
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    /// The outcome, the reason and the status of a journey that ends like this.
    fn told(end: impl FnOnce(Journey)) -> [Option<String>; 3] {
        let told = Told::default();
        tracing::subscriber::with_default(told.clone(), || {
            let mut journey = Journey::default();
            drop(journey.ask());
            end(journey);
        });
        let told = told.0.lock().unwrap();
        ["outcome", "reason", "otel.status_code"].map(|name| told.get(name).cloned())
    }

    #[test]
    fn a_join_that_failed_says_why() {
        let error = JoinError::RouterUnreachable {
            router: "a".to_owned(),
            reason: "refused".to_owned(),
        };
        let failed = Ending::Failed(error);
        assert_eq!(
            told(|mut journey| journey.ended(&failed)),
            ["failed", "router_unreachable", "ERROR"].map(|it| Some(it.to_owned()))
        );
    }

    #[test]
    fn a_join_that_did_not_fail_has_an_outcome_and_no_reason() {
        type End = fn(Journey);
        let table: [(End, &str); 5] = [
            (|mut journey| journey.arrived(), "joined"),
            (|mut journey| journey.ended(&Ending::Left), "left"),
            (|mut journey| journey.ended(&Ending::Replaced), "replaced"),
            (|mut journey| journey.ended(&Ending::MeetingEnded), "ended"),
            (drop, "left"),
        ];
        for (end, outcome) in table {
            assert_eq!(told(end), [Some(outcome.to_owned()), None, None]);
        }
    }
}
