//! The task of a leg's control channel: dials, then passes on what the router says.

use plenum_transport::channel::Received;
use plenum_wire::control::{ErrorCode, FromRouter};
use tracing::{Instrument as _, Span};

use super::{LegNote, Note, Wiring};
use crate::moving::Cause;

/// `entering` is around the dialling, so that the router knows whose trace this is.
pub(super) async fn run(wiring: Wiring, entering: Span) {
    let note = |note| wiring.notes.send(Note::Leg(wiring.leg, note));
    let dialling = wiring.dialer.control(&wiring.endpoint);
    let channel = match dialling.instrument(entering).await {
        Ok(channel) => channel,
        Err(error) => {
            let cause = Cause::Broke(format!("the control channel could not be opened: {error}"));
            // A session that is gone needs no notes.
            let _ = note(LegNote::Closed(cause)).await;
            return;
        }
    };
    let (sender, mut receiver) = channel.split();
    let mut told = note(LegNote::Control(sender)).await;
    let mut last_words = None;
    while told.is_ok() {
        let next = match receiver.next().await {
            Received::Message(message) => {
                if let FromRouter::Error { code, message } = &message
                    && code.close().is_some()
                {
                    last_words = Some((*code, message.clone()));
                }
                LegNote::Message(Box::new(message))
            }
            Received::Bad(bad) => {
                // A newer router may say more than we know.
                tracing::debug!(%bad, "a message from the router was not understood");
                continue;
            }
            Received::Closed { code, reason } => {
                let cause = cause(last_words, code, &reason);
                let _ = note(LegNote::Closed(cause)).await;
                return;
            }
        };
        told = note(next).await;
    }
}

/// The router's own words before its close code, and that before how the connection ended.
fn cause(last_words: Option<(ErrorCode, String)>, code: Option<u16>, reason: &str) -> Cause {
    if let Some((code, message)) = last_words {
        return Cause::Said(code, message);
    }
    let known = CLOSING
        .into_iter()
        .find(|known| code.is_some() && known.close() == code);
    match known {
        Some(known) => Cause::Said(known, reason.to_owned()),
        // rustls adds an address of its documentation for programmers.
        None if reason.contains("close_notify") => {
            Cause::Broke("the router closed the control channel without a word".to_owned())
        }
        None => Cause::Broke(format!("the control channel ended: {reason}")),
    }
}

/// The errors that end a channel.
const CLOSING: [ErrorCode; 11] = [
    ErrorCode::HelloExpected,
    ErrorCode::TicketForged,
    ErrorCode::TicketForeign,
    ErrorCode::TicketExpired,
    ErrorCode::RouterFull,
    ErrorCode::RouterDraining,
    ErrorCode::RouterOverloaded,
    ErrorCode::Replaced,
    ErrorCode::MeetingEnded,
    ErrorCode::TooFast,
    ErrorCode::GoingAway,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_code_says_as_much_as_an_error_message() {
        assert_eq!(
            cause(None, Some(4503), "full"),
            Cause::Said(ErrorCode::RouterFull, "full".to_owned())
        );
        assert!(matches!(cause(None, None, "reset"), Cause::Broke(_)));
        assert!(matches!(cause(None, Some(1011), "?"), Cause::Broke(_)));
        let words = Some((ErrorCode::Replaced, "again".to_owned()));
        assert!(matches!(
            cause(words, Some(4503), ""),
            Cause::Said(ErrorCode::Replaced, _)
        ));
    }
}
