//! Whether a path has gone dead: what is sent is not answered any more. Pure.
//!
//! QUIC itself waits for seconds before it gives a connection up, because it has nowhere else
//! to go; we have other rungs.

use std::time::Duration;

/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(250);
/// So many looks in a row without an answer: a second, longer than any path takes on which
/// people could talk. Counted in looks because a program that has not run for a while has
/// not heard what is waiting for it either.
const LOOKS: u32 = 4;

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Silence {
    sent: u64,
    received: u64,
    unanswered: u32,
}

/// What a look has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing comes back any more.
    Silent,
    /// Something does again.
    Heard,
}

impl Silence {
    /// Looks at how many packets were sent and received until now; says what is new.
    pub fn look(&mut self, sent: u64, received: u64) -> Option<Change> {
        if received != self.received {
            let was_silent = self.unanswered >= LOOKS;
            (self.sent, self.received, self.unanswered) = (sent, received, 0);
            return was_silent.then_some(Change::Heard);
        }
        if sent != self.sent {
            self.unanswered = self.unanswered.saturating_add(1);
        }
        (self.unanswered == LOOKS).then_some(Change::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_second_without_an_answer_and_said_once() {
        let mut silence = Silence::default();
        assert_eq!(silence.look(10, 10), None);
        let said: Vec<_> = (11..16).map(|sent| silence.look(sent, 10)).collect();
        assert_eq!(said, [None, None, None, Some(Change::Silent), None]);
        assert_eq!(silence.look(17, 11), Some(Change::Heard));
        assert_eq!(silence.look(18, 12), None);
    }

    #[test]
    fn who_is_not_asked_need_not_answer() {
        let mut silence = Silence::default();
        silence.look(10, 10);
        assert!((0..100).all(|_| silence.look(10, 10).is_none()));
    }

    #[test]
    fn one_question_is_enough_to_wait_for_an_answer() {
        let mut silence = Silence::default();
        silence.look(10, 10);
        let said: Vec<_> = (0..4).map(|_| silence.look(11, 10)).collect();
        assert_eq!(said, [None, None, None, Some(Change::Silent)]);
    }
}
