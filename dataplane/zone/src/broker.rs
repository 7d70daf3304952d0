//! The four doors of the broker, and what it hears from routers.

use std::collections::VecDeque;
use std::time::Instant;

use plenum_wire::join::Endpoint;
use plenum_wire::link::{Load, MeetingLoad};
use plenum_wire::{Boot, MeetingId, PoolName, RouterId};

use crate::endings::Endings;
use crate::meetings::Meetings;
use crate::operator::Words;
use crate::routers::{FORGET, Greeted, Routers, SILENCE};
use crate::timers::{Timer, Timers};
use crate::{Action, Event, Link, Order};

/// Places the meetings of a zone on its routers.
///
/// After every [`Broker::handle`] and [`Broker::handle_timeout`], take actions from
/// [`Broker::poll`] until there are none, then wait for the next event or until
/// [`Broker::next_timeout`]. The time must never go back.
#[derive(Debug, Default)]
pub struct Broker {
    pub(crate) routers: Routers,
    pub(crate) meetings: Meetings,
    pub(crate) endings: Endings,
    pub(crate) words: Words,
    pub(crate) timers: Timers,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) version: u64,
}

impl Broker {
    /// A broker that has heard nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Something happened.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Join(join) => self.join(join, now),
            Event::RouterHello {
                link,
                router,
                pool,
                boot,
                endpoint,
            } => self.hello(link, router, (pool, boot, endpoint), now),
            Event::RouterReport {
                link,
                load,
                meetings,
                ended,
            } => self.report_heard(link, load, meetings, ended, now),
            Event::RouterLost { link } => self.lost(link, now),
            Event::TicketsWanted {
                link,
                meeting,
                to,
                participants,
            } => self.tickets_wanted(link, meeting, to, participants, now),
            Event::MoveEnded {
                link,
                meeting,
                to,
                moved,
                failed,
            } => self.move_ended(link, &meeting, &to, (moved, failed), now),
            Event::OperatorWord {
                link,
                pool,
                draining,
            } => self.operator_word(link, &pool, draining, now),
            Event::OperatorGone { link } => self.operator_gone(link),
            Event::MeetingsEnded(meetings) => self.meetings_ended(meetings, now),
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Silence(link) => self.check_silence(link, now),
                Timer::Reservation(meeting, participant) => {
                    self.lapse(&meeting, &participant, now);
                }
                Timer::Move(meeting, from) => self.check_move(&meeting, &from, now),
                Timer::Merge(meeting) => self.merge(&meeting, now),
                Timer::Forget(router) => {
                    if self.routers.forget(&router, now) {
                        self.version += 1;
                    }
                }
            }
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Broker::handle_timeout`] next, if nothing happens before.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The router on the other end of a link; its word counts as a sign of life.
    pub(crate) fn heard(&mut self, link: Link, now: Instant) -> Option<RouterId> {
        let name = self.routers.by_link(link)?.clone();
        self.routers.get_mut(&name)?.heard = now;
        Some(name)
    }

    pub(crate) fn tell(&mut self, router: &RouterId, order: Order) {
        if let Some(link) = self.routers.get(router).and_then(|known| known.link) {
            self.actions.push_back(Action::Tell { link, order });
        }
    }

    fn hello(
        &mut self,
        link: Link,
        router: RouterId,
        about: (PoolName, Boot, Endpoint),
        now: Instant,
    ) {
        if self.routers.by_link(link).is_some() {
            return;
        }
        let current = self.routers.get(&router).and_then(|known| known.link);
        if let Some(old) = current.filter(|old| *old < link) {
            self.lost(old, now);
            self.actions.push_back(Action::Close { link: old });
        }
        let wanted = self.words.wanted(&about.0, &router);
        match self.routers.greet(link, router, about, wanted, now) {
            Greeted::Stale => self.actions.push_back(Action::Close { link }),
            Greeted::Welcome => self.timers.arm(now + SILENCE, Timer::Silence(link)),
        }
        self.version += 1;
    }

    fn report_heard(
        &mut self,
        link: Link,
        load: Load,
        meetings: Vec<MeetingLoad>,
        ended: Vec<MeetingId>,
        now: Instant,
    ) {
        let Some(name) = self.heard(link, now) else {
            return;
        };
        let Some(router) = self.routers.get_mut(&name) else {
            return;
        };
        let changed = router.load != Some(load) || !router.settled || !ended.is_empty();
        router.load = Some(load);
        router.settled = true;
        let hosted = router.hosts.len();
        for meeting in ended {
            self.meeting_gone(&name, &meeting);
        }
        for meeting in meetings {
            self.meeting_heard(&name, meeting, now);
        }
        let now_hosted = self.routers.get(&name).map(|router| router.hosts.len());
        if changed || now_hosted != Some(hosted) {
            self.version += 1;
        }
        self.remind(&name, now);
        self.drain(&name, now);
    }

    fn meeting_heard(&mut self, router: &RouterId, heard: MeetingLoad, now: Instant) {
        let MeetingLoad {
            meeting,
            participants,
            moving_to,
        } = heard;
        if participants == 0 && moving_to.is_none() {
            return self.meeting_gone(router, &meeting);
        }
        let before = self
            .meetings
            .entry(&meeting)
            .at
            .insert(router.clone(), participants);
        if let Some(known) = self.routers.get_mut(router) {
            known.hosts.insert(meeting.clone());
        }
        let arrived = participants.saturating_sub(before.unwrap_or(0));
        if arrived > 0 {
            self.meetings
                .arrived(&mut self.routers, &meeting, router, arrived);
        }
        self.put_out(router, &meeting);
        self.move_heard(router, &meeting, moving_to, now);
        self.watch_for_merge(&meeting, now);
    }

    fn meeting_gone(&mut self, router: &RouterId, meeting: &MeetingId) {
        let known = self.meetings.get(meeting);
        if known.is_some_and(|known| known.leaves(router).is_some()) {
            self.end_move(meeting, router);
        }
        if let Some(known) = self.meetings.get_mut(meeting) {
            known.at.remove(router);
        }
        self.meetings.tidy(meeting);
        if let Some(known) = self.routers.get_mut(router) {
            known.hosts.remove(meeting);
        }
    }

    fn check_silence(&mut self, link: Link, now: Instant) {
        let Some(router) = self.routers.by_link(link) else {
            return;
        };
        let heard = self.routers.get(router).map_or(now, |known| known.heard);
        if now < heard + SILENCE {
            return self.timers.arm(heard + SILENCE, Timer::Silence(link));
        }
        self.lost(link, now);
        self.actions.push_back(Action::Close { link });
    }

    /// A router is out of touch: nothing is placed there, and where its meetings are is not
    /// known until it connects again and reports.
    fn lost(&mut self, link: Link, now: Instant) {
        let Some(name) = self.routers.part(link) else {
            return;
        };
        let Some(router) = self.routers.get_mut(&name) else {
            return;
        };
        let hosts = std::mem::take(&mut router.hosts);
        let expects = std::mem::take(&mut router.expects);
        let forget = router.heard.max(now) + FORGET;
        for meeting in &hosts {
            self.meeting_gone(&name, meeting);
        }
        for meeting in &expects {
            self.expect_nothing(&name, meeting);
        }
        self.timers.arm(forget, Timer::Forget(name));
        self.version += 1;
    }

    /// Nobody will arrive on this router, by a placement or by a move.
    fn expect_nothing(&mut self, router: &RouterId, meeting: &MeetingId) {
        let Some(known) = self.meetings.get_mut(meeting) else {
            return;
        };
        known.expected.retain(|_, kept| kept.router != *router);
        let ways: Vec<RouterId> = known
            .moves
            .iter()
            .filter(|(_, way)| way.to == *router)
            .map(|(from, _)| from.clone())
            .collect();
        for from in ways {
            self.end_move(meeting, &from);
        }
        if let Some(lost) = self.routers.get_mut(router) {
            (lost.reserved, lost.moving_in) = (0, 0);
            lost.expects.clear();
        }
        self.meetings.tidy(meeting);
    }
}
