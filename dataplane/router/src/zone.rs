//! The zone links: what controllers say and are told.

use std::time::Instant;

use plenum_wire::link::{FromRouter, MeetingLoad, ToRouter};
use plenum_wire::ticket::Keys;

use crate::{LinkId, Output, Shard};

impl Shard {
    pub(crate) fn link_opened(&mut self, link: LinkId, now: Instant) {
        let hello = FromRouter::Hello {
            router: self.config.router.clone(),
            pool: self.config.pool.clone(),
            boot: self.config.boot,
            endpoint: self.config.endpoint.clone(),
        };
        self.report(link, hello);
        self.reports.open(link, self.meetings.keys(), now);
        self.report_due(now);
    }

    pub(crate) fn link_message(&mut self, link: LinkId, message: ToRouter, now: Instant) {
        match message {
            ToRouter::Welcome { keys, .. } => {
                self.keys = Keys::from_keys(&self.reports.keys(link, keys));
            }
            ToRouter::SetDraining { draining } => {
                if self.drain.order(draining) {
                    self.reports.changed(None, now);
                }
            }
            ToRouter::MoveMeeting { meeting, to } => self.order_move(link, meeting, to, now),
            ToRouter::Tickets {
                meeting,
                to,
                offers,
            } => self.tickets(&meeting, &to, offers, now),
            ToRouter::EndMeeting { meeting, at } => self.end_meeting(meeting, at, now),
        }
    }

    pub(crate) fn drain_for_good(&mut self, now: Instant) {
        if self.drain.stop() {
            self.reports.changed(None, now);
        }
    }

    pub(crate) fn report(&mut self, to: LinkId, message: FromRouter) {
        let message = Box::new(message);
        self.out.push_back(Output::Link { to, message });
    }

    pub(crate) fn report_due(&mut self, now: Instant) {
        let load = self.load();
        let (meetings, moving) = (&self.meetings, &self.moving);
        let look = |name: &_| {
            Some(MeetingLoad {
                meeting: Clone::clone(name),
                participants: meetings.get(name)?.size(),
                // After the release it is there, and those who leave last are no move.
                moving_to: moving
                    .get(name)
                    .filter(|moving| !moving.released())
                    .map(|moving| moving.to.clone()),
            })
        };
        while let Some((to, report)) = self.reports.next(load, look, now) {
            let message = Box::new(report);
            self.out.push_back(Output::Link { to, message });
        }
    }
}
