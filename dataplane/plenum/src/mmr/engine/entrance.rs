//! The last step of a join, as its trace shows it: what a router answers to the first words.

use plenum_router::ChannelId;
use plenum_wire::control::FromRouter;
use tracing::Span;
use tracing::field::debug;

/// Who comes in, while that is decided. Its span ends with it. Once for each join, and nothing
/// where no traces are made: media knows of no spans.
#[derive(Default)]
pub(super) struct Entrance(Option<(ChannelId, Span)>);

impl Entrance {
    pub(super) fn of(channel: ChannelId, span: Span) -> Self {
        Self((!span.is_none()).then_some((channel, span)))
    }

    /// Something is said to a client.
    pub(super) fn told(&self, to: ChannelId, message: &FromRouter) {
        let Some((_, span)) = self.0.as_ref().filter(|(channel, _)| *channel == to) else {
            return;
        };
        match message {
            FromRouter::Welcome { router, .. } => {
                span.record("router", tracing::field::display(router));
                span.record("outcome", "welcome");
            }
            FromRouter::Error { code, .. } => {
                span.record("outcome", debug(code));
            }
            _ => {}
        }
    }
}
