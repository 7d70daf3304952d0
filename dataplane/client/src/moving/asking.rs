//! Asking the zone for a router: at first, and when the last one is gone.

use std::time::{Duration, Instant};

use plenum_wire::RouterId;
use plenum_wire::join::JoinRequest;

use super::{Cause, Ending, Leg, Moving, News, Output, State};
use crate::error::JoinError;

/// How long a router that failed is not asked for: until the zone has noticed too.
const AVOID: Duration = Duration::from_secs(2);
/// How long a participant that lost its router tries to come back.
const COME_BACK_WITHIN: Duration = Duration::from_mins(1);

impl Moving {
    /// The only leg is gone: ask again, for another router.
    pub(super) fn come_back(&mut self, leg: &Leg, cause: &Cause, now: Instant) {
        self.avoid(&leg.offer.router, now);
        let was_steady = leg.complete;
        if was_steady {
            self.lost(cause, now);
        } else {
            let error = JoinError::RouterUnreachable {
                router: leg.offer.router.to_string(),
                reason: cause.to_string(),
            };
            if now >= self.deadline {
                return self.end(Ending::Failed(error));
            }
            self.unusable = (!cause.is_for_lack_of_room()).then_some(error);
        }
        self.ask(now);
        self.state = State::Asking;
    }

    /// What to tell the user when the zone has no router after all. That the time was up in
    /// the middle of a question says less than what went wrong before it, too.
    fn cause_of(&mut self, error: JoinError) -> JoinError {
        let late = matches!(
            error,
            JoinError::Full { .. } | JoinError::ZoneUnreachable { .. }
        );
        self.unusable.take().filter(|_| late).unwrap_or(error)
    }

    /// How it ends when no router is found: for who was in it, the meeting's end is no failure.
    pub(super) fn ending_of(&mut self, error: JoinError) -> Ending {
        if self.joined && error.says_that_the_meeting_is_over() {
            Ending::MeetingEnded
        } else {
            Ending::Failed(self.cause_of(error))
        }
    }

    pub(super) fn lost(&mut self, cause: &Cause, now: Instant) {
        self.within = COME_BACK_WITHIN;
        self.deadline = now + self.within;
        let reason = cause.to_string();
        self.tell(News::Reconnecting { reason });
    }

    pub(super) fn ask(&mut self, now: Instant) {
        self.avoid.retain(|(_, until)| *until > now);
        let request = JoinRequest {
            name: None,
            participant: self.last.as_ref().map(|(id, _)| id.clone()),
            ticket: self.last.as_ref().map(|(_, ticket)| ticket.clone()),
            exclude: self
                .avoid
                .iter()
                .map(|(router, _)| router.clone())
                .collect(),
        };
        // The very first question is asked at once, and so is the first after a loss, but for
        // the jitter that spreads everybody who was on the same router.
        let wait = self
            .last
            .as_ref()
            .map_or(Duration::ZERO, |_| self.backoff.wait());
        self.outputs.push_back(Output::Ask {
            request: Box::new(request),
            at: now + wait,
            deadline: self.deadline,
        });
    }

    pub(super) fn avoid(&mut self, router: &RouterId, now: Instant) {
        self.avoid.retain(|(avoided, _)| avoided != router);
        self.avoid.push((router.clone(), now + AVOID));
    }
}
