//! What traces see of a join: everything from asking for a router to media on it, each time.

use plenum_wire::RouterId;
use tracing::field::{Empty, debug, display};
use tracing::{Span, debug_span};

use crate::connect::Way;

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
            || debug_span!(parent: None, "join", returns, zone = Empty, route = Empty, outcome = Empty),
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

    /// The participant is there, or has given up.
    pub fn end(&mut self, outcome: &'static str) {
        if let Some(span) = self.span.take() {
            span.record("outcome", outcome);
        }
        self.returns = true;
    }
}
