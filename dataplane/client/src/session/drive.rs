//! The loop: notes and time in, outputs of the state machines out.

use std::time::{Duration, Instant};

use plenum_wire::join::{JoinRequest, Offer};
use plenum_wire::{Kind, RouterId};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::settle::Settling;
use super::{BATCH, Session};
use crate::connect::Located;
use crate::event::Event;
use crate::leg::{Introduction, Leg, LegNote, Note, Wiring};
use crate::moving::{Cause, Ending, Input, LegId, News, Output};
use crate::roster::Change;
use crate::speakers::Said;
use crate::terrain::Spot;

/// With nothing to wait for any time will do.
const FAR: Duration = Duration::from_hours(1);

impl Session {
    /// Waits for something and handles it.
    pub(super) async fn step(&mut self) {
        if self.stale {
            self.stale = false;
            self.refresh_routes();
            self.arm_timer();
        }
        if self.batch.is_empty() {
            tokio::select! {
                _ = self.inbox.recv_many(&mut self.batch, BATCH) => {}
                () = self.timer.as_mut() => self.handle_timeout(Instant::now()),
                change = self.changes.next() => self.look_around(change),
            }
        }
        let mut batch = std::mem::take(&mut self.batch);
        for note in batch.drain(..) {
            self.handle(note);
        }
        self.batch = batch;
    }

    fn arm_timer(&mut self) {
        let legs = self.legs.values().filter_map(Leg::next_timeout);
        let others = [
            self.moving.next_timeout(),
            self.roster.next_timeout(),
            self.repair.next_timeout(),
            self.settling.and_then(Settling::next_timeout),
            self.uplinks_due,
        ];
        let next = legs.chain(others.into_iter().flatten()).min();
        let far = Instant::now() + FAR;
        self.timer.as_mut().reset(next.unwrap_or(far).into());
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.legs.retain(|_, leg| leg.handle_timeout(now));
        let left = self.legs.iter().filter(|(_, leg)| leg.has_left());
        left.for_each(|(&id, _)| self.roster.gone(id));
        let failures = self.legs.iter_mut();
        let failures = failures.filter_map(|(&id, leg)| Some((id, leg.take_failure()?)));
        for (id, cause) in failures.collect::<Vec<_>>() {
            self.handle_death(id, cause, now);
        }
        self.moving.handle_timeout(now);
        self.roster.handle_timeout(now);
        self.repair.handle_timeout(self.ssrc, now);
        self.send_requests();
        self.look_at_uplinks(now);
        self.look_whether_settled(now);
        self.act(now);
    }

    fn handle(&mut self, note: Note) {
        match note {
            Note::Leg(id, LegNote::Packet { header, packet, at }) => {
                match self.roster.receive(id, &header, packet, at) {
                    Some(first) => self.take(first),
                    None if self.roster.wants_key_frame(header.ssrc, at) => {
                        self.repair.want_key_frame(self.ssrc, header.ssrc, at);
                        self.send_requests();
                    }
                    None => {}
                }
                self.show_changes(at);
                self.look_whether_settled(at);
            }
            Note::Leg(id, LegNote::Feedback { kind, packet }) => {
                self.answer(id, kind, &packet, Instant::now());
            }
            Note::Answer(answer) => {
                let now = Instant::now();
                let answer = answer.map(|located| self.arrive(*located, now));
                self.moving.handle(Input::Answer(answer), now);
                self.act(now);
            }
            Note::Leg(id, note) => {
                let now = Instant::now();
                self.handle_leg(id, note, now);
                self.settle(id, now);
                self.act(now);
            }
        }
    }

    fn handle_leg(&mut self, id: LegId, note: LegNote, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        match note {
            LegNote::Control(control) => leg.handle_control(control),
            LegNote::Message(message) => self.handle_message(id, *message, now),
            LegNote::Closed(cause) => self.handle_death(id, cause, now),
            LegNote::Media {
                kind,
                rung,
                attempt,
                note,
            } => {
                leg.handle_media(kind, rung, attempt, note, now);
                if let Some(cause) = leg.take_failure() {
                    self.handle_death(id, cause, now);
                }
            }
            LegNote::Packet { .. } | LegNote::Feedback { .. } => {}
        }
    }

    /// A leg that was left needs no mourning: the state machine no longer knows it.
    pub(super) fn handle_death(&mut self, id: LegId, cause: Cause, now: Instant) {
        if self.legs.get(&id).is_some_and(Leg::was_never_heard) {
            self.connector.blame_way();
        }
        self.moving.handle(Input::Died(id, cause), now);
        self.act(now);
        if self.legs.remove(&id).is_some() {
            // It was left with a goodbye that nobody hears: nothing more comes.
            self.roster.gone(id);
            self.show_changes(now);
        }
    }

    /// Does what the state machines decided.
    pub(super) fn act(&mut self, now: Instant) {
        self.stale = true;
        while let Some(output) = self.moving.poll() {
            match output {
                Output::Ask {
                    request,
                    at,
                    deadline,
                } => self.ask(*request, at, deadline),
                Output::Open {
                    leg,
                    offer,
                    moved_from,
                } => self.open(leg, *offer, moved_from, now),
                Output::Say(leg, message) => {
                    if let Some(leg) = self.legs.get(&leg) {
                        leg.say(&message);
                    }
                }
                Output::Close { leg, bye } => self.close(leg, bye, now),
                Output::Tell(news) => self.tell(news, now),
            }
        }
        self.show_changes(now);
    }

    fn show_changes(&mut self, now: Instant) {
        while let Some(change) = self.roster.poll() {
            self.show(change, now);
        }
        self.take_wants_back();
    }

    fn ask(&mut self, mut request: JoinRequest, at: Instant, deadline: Instant) {
        request.name.clone_from(&self.config.name);
        let connector = self.connector.clone();
        let notes = self.notes.clone();
        let span = self.journey.ask();
        let (tell, waiting) = watch::channel(None);
        self.waiting = waiting;
        let asking = async move {
            tokio::time::sleep_until(at.into()).await;
            let answer = connector.locate(request, deadline, tell).await;
            // A session that is gone needs no answer.
            let _ = notes.send(Note::Answer(answer)).await;
        };
        let task = tokio::spawn(asking.instrument(span));
        self.asking = Some(AbortOnDropHandle::new(task));
    }

    /// A zone has a router for us.
    fn arrive(&mut self, located: Located, now: Instant) -> Box<Offer> {
        self.connector.arrive(&located);
        self.journey.arrive(&located.way);
        self.network = located.network;
        self.way = Some((located.way, now));
        self.endpoint = Some(located.offer.endpoint.clone());
        located.offer
    }

    /// The last step of a join is over.
    fn settled_in(&mut self, now: Instant) {
        self.connector.praise_way();
        self.journey.arrived();
        if let Some((way, since)) = &mut self.way {
            way.steps.media.get_or_insert(now - *since);
        }
    }

    fn open(&mut self, id: LegId, offer: Offer, moved_from: Option<RouterId>, now: Instant) {
        let introduction = Introduction {
            name: self.config.name.clone(),
            subscribe: self.config.subscribe,
            moved_from,
        };
        let network = self.connector.towards(&self.network, &offer);
        let direct = network.route().is_direct();
        self.look_towards(&offer.endpoint, direct);
        let wiring = Wiring {
            leg: id,
            dialer: network.dialer().clone(),
            endpoint: offer.endpoint.clone(),
            terrain: self.network.terrain().clone(),
            spot: Spot::towards(offer.endpoint.addresses.first().copied(), direct),
            notes: self.notes.clone(),
        };
        let entering = self.journey.enter(&offer.router);
        let mut leg = Leg::open(
            wiring,
            offer,
            introduction,
            self.config.rungs,
            self.ssrc,
            entering,
        );
        for kind in Kind::ALL {
            if self.config.kinds.contains(&kind)
                || self.publishing.contains_key(&kind)
                || self.roster.has(kind)
            {
                leg.want(kind, now);
            }
        }
        self.legs.insert(id, leg);
    }

    pub(super) fn tell_speakers(&mut self, news: Option<Said>) {
        let event = news.map(|Said { slots, active }| Event::Speakers { slots, active });
        self.events.extend(event);
    }

    fn close(&mut self, id: LegId, bye: bool, now: Instant) {
        let news = self.speakers.gone(id);
        self.tell_speakers(news);
        for publishing in self.publishing.values_mut() {
            publishing.wanted.forget(id);
        }
        if !bye {
            self.legs.remove(&id);
            self.roster.died(id);
            self.roster.gone(id);
            return;
        }
        self.roster.close(id);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.retire(now);
        }
    }

    fn tell(&mut self, news: News, now: Instant) {
        let event = match news {
            News::Joined {
                participant,
                router,
            } => {
                self.participant = Some(participant.clone());
                self.settled_in(now);
                // What was already there when the router let us in comes after it.
                return self.events.push_front(Event::Joined {
                    participant,
                    router,
                });
            }
            News::MoveStarted { to } => Event::MoveStarted { to },
            News::MoveEnded { ok, router } => {
                if ok {
                    self.connector.praise_way();
                    self.roster.back(now);
                }
                Event::MoveEnded { ok, router }
            }
            News::Reconnecting { reason } => Event::Reconnecting { reason },
            News::Reconnected { router } => {
                self.settled_in(now);
                self.roster.back(now);
                Event::Reconnected { router }
            }
            News::Ended(ending) => {
                self.end(ending.clone(), now);
                Event::Ended(ending)
            }
        };
        self.events.push_back(event);
    }

    fn end(&mut self, ending: Ending, now: Instant) {
        self.asking = None;
        self.journey.ended(&ending);
        for leg in self.legs.values_mut() {
            leg.leave(now);
        }
        self.ended = Some(ending);
    }

    fn show(&mut self, change: Change, now: Instant) {
        let event = match change {
            Change::Came(present) => Event::ParticipantJoined(present),
            Change::Left(participant) => {
                self.wants.forget(&participant);
                Event::ParticipantLeft(participant)
            }
            Change::Added(track) => {
                // The connection of a kind is opened when there is something to carry.
                for leg in self.legs.values_mut() {
                    leg.want(track.kind, now);
                }
                Event::TrackAdded(track)
            }
            Change::Removed(track) => {
                self.repair.forget(track.ssrc);
                Event::TrackRemoved(track)
            }
            Change::Packet(received) => return self.take(received),
        };
        self.events.push_back(event);
    }
}
