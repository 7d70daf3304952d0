//! Moving meetings away: what [`Moving`] decides is said to clients and controllers here.

use std::time::Instant;

use plenum_wire::control::{ErrorCode, FromRouter};
use plenum_wire::join::Offer;
use plenum_wire::{MeetingId, ParticipantId, RouterId, link};

use crate::meeting::Meeting;
use crate::moving::{Moving, Overdue, Progress, Tickets};
use crate::participant::Slot;
use crate::{LinkId, Output, Shard};

impl Shard {
    /// A controller wants a meeting elsewhere.
    pub(crate) fn order_move(&mut self, from: LinkId, name: MeetingId, to: RouterId, now: Instant) {
        if self.moving.contains_key(&name) {
            return;
        }
        let Some(meeting) = self.meetings.get(&name) else {
            // It ended, or this order crossed the report that says so.
            return self.move_ended(name, to, (0, 0), 0);
        };
        if to == self.config.router {
            return self.move_ended(name, to, (0, meeting.size()), 0);
        }
        let members = meeting.members.values().map(|slot| {
            let member = &self.participants[*slot];
            link::Member {
                participant: member.id.clone(),
                admitted: member.admitted,
                vouched: member.vouched,
            }
        });
        let participants = members.collect();
        self.counters.moves.started += 1;
        self.moving
            .insert(name.clone(), Moving::order(to.clone(), now));
        self.reports.changed(Some(&name), now);
        let wanted = link::FromRouter::TicketsWanted {
            meeting: name,
            to,
            participants,
        };
        self.report(from, wanted);
    }

    /// A controller sends tickets for those in a meeting. Without one for each the move is given
    /// up at its deadline.
    pub(crate) fn tickets(
        &mut self,
        name: &MeetingId,
        to: &RouterId,
        offers: Vec<Offer>,
        now: Instant,
    ) {
        let (Some(moving), Some(meeting)) = (self.moving.get_mut(name), self.meetings.get(name))
        else {
            return;
        };
        match moving.tickets(name, to, offers, meeting.members.keys(), now) {
            Tickets::Ignored | Tickets::Incomplete => {}
            Tickets::Migrate(offers) => {
                let addressed: Vec<_> = offers
                    .into_iter()
                    .map(|offer| {
                        let slot = meeting.members[&offer.participant];
                        (self.participants[slot].channel, Box::new(offer))
                    })
                    .collect();
                for (channel, offer) in addressed {
                    self.say(channel, FromRouter::Migrate { offer });
                }
            }
        }
    }

    /// A participant carries everything over the new router.
    pub(crate) fn moved(&mut self, slot: Slot, to: &RouterId, now: Instant) {
        let participant = &self.participants[slot];
        let name = participant.meeting.clone();
        let progress = self
            .moving
            .get_mut(&name)
            .map(|moving| moving.moved(&participant.id, to));
        if progress == Some(Progress::Complete) {
            self.release(&name, now);
        }
    }

    /// A participant cannot reach the new router. What is said too late changes nothing.
    pub(crate) fn move_failed(&mut self, slot: Slot, to: &RouterId, now: Instant) {
        let name = self.participants[slot].meeting.clone();
        if self
            .moving
            .get(&name)
            .is_some_and(|moving| moving.fails(to))
        {
            self.stay(&name, now);
        }
    }

    /// A participant left the meeting here.
    pub(crate) fn left_move(&mut self, name: &MeetingId, who: &ParticipantId, now: Instant) {
        let Some(moving) = self.moving.get_mut(name) else {
            return;
        };
        if moving.left(who) == Progress::Complete {
            self.release(name, now);
        }
        if self.meetings.get(name).is_none_or(|m| m.members.is_empty())
            && let Some(moving) = self.moving.remove(name)
            && !moving.released()
        {
            // Everybody left before the tickets came.
            let took_ms = moving.took_ms(now);
            self.move_ended(name.clone(), moving.to, (0, 0), took_ms);
        }
    }

    fn release(&mut self, name: &MeetingId, now: Instant) {
        let Some(moving) = self.moving.get_mut(name) else {
            return;
        };
        let (to, took_ms) = (moving.to.clone(), moving.took_ms(now));
        let moved = moving.release(now);
        self.counters.moves.succeeded += 1;
        self.counters.moves.participants += u64::from(moved);
        self.reports.changed(Some(name), now);
        self.tell_everybody(name, &FromRouter::Release { to: to.clone() });
        self.move_ended(name.clone(), to, (moved, 0), took_ms);
    }

    fn stay(&mut self, name: &MeetingId, now: Instant) {
        let Some(moving) = self.moving.remove(name) else {
            return;
        };
        let here = self.meetings.get(name).map_or(0, Meeting::size);
        let moved = moving.moved_count().min(here);
        let to = moving.to.clone();
        self.counters.moves.failed += 1;
        self.tell_everybody(name, &FromRouter::Stay { to: to.clone() });
        // At least one, so that the zone sees that the meeting stayed.
        let failed = (here - moved).max(1);
        self.move_ended(name.clone(), to, (moved, failed), moving.took_ms(now));
        self.reports.changed(Some(name), now);
    }

    /// Those who were released and did not go are sent away: they are over there already.
    fn clear(&mut self, name: &MeetingId, now: Instant) {
        let Some(meeting) = self.meetings.get(name) else {
            return;
        };
        let channels: Vec<_> = meeting
            .members
            .values()
            .map(|slot| self.participants[*slot].channel)
            .collect();
        for channel in channels {
            self.refuse(channel, ErrorCode::GoingAway, now);
        }
    }

    pub(crate) fn moves_overdue(&mut self, now: Instant) {
        let overdue: Vec<_> = self
            .moving
            .iter()
            .filter_map(|(name, moving)| Some((name.clone(), moving.overdue(now)?)))
            .collect();
        for (name, overdue) in overdue {
            match overdue {
                Overdue::GiveUp => self.stay(&name, now),
                Overdue::Clear => self.clear(&name, now),
            }
        }
    }

    pub(crate) fn tell_everybody(&mut self, name: &MeetingId, message: &FromRouter) {
        let Some(meeting) = self.meetings.get(name) else {
            return;
        };
        let channels: Vec<_> = meeting
            .members
            .values()
            .map(|slot| self.participants[*slot].channel)
            .collect();
        for channel in channels {
            self.say(channel, message.clone());
        }
    }

    /// Tells every controller: those that did not order the move wait for its end too.
    fn move_ended(
        &mut self,
        meeting: MeetingId,
        to: RouterId,
        (moved, failed): (u32, u32),
        took_ms: u64,
    ) {
        let ended = Box::new(link::FromRouter::MoveEnded {
            meeting,
            to,
            moved,
            failed,
            took_ms,
        });
        self.out
            .extend(self.reports.open_links().map(|to| Output::Link {
                to,
                message: ended.clone(),
            }));
    }
}
