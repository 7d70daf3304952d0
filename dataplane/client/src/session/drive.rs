//! The loop: notes and time in, outputs of the state machines out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_wire::control::{FromClient, FromRouter};
use plenum_wire::join::{JoinRequest, Offer};
use plenum_wire::{Kind, RouterId};
use tokio_util::task::AbortOnDropHandle;

use super::{BATCH, Session};
use crate::event::Event;
use crate::leg::{Introduction, Leg, LegNote, Note, Wiring};
use crate::moving::{Cause, Ending, Input, LegId, News, Output};
use crate::roster::Change;
use crate::speakers::Said;
use crate::track::Route;

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
        ];
        let next = legs.chain(others.into_iter().flatten()).min();
        let far = Instant::now() + FAR;
        self.timer.as_mut().reset(next.unwrap_or(far).into());
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.legs.retain(|_, leg| leg.handle_timeout(now));
        let failures = self.legs.iter_mut();
        let failures = failures.filter_map(|(&id, leg)| Some((id, leg.take_failure()?)));
        for (id, cause) in failures.collect::<Vec<_>>() {
            self.handle_death(id, cause, now);
        }
        self.moving.handle_timeout(now);
        self.roster.handle_timeout(now);
        self.repair.handle_timeout(self.ssrc, now);
        self.send_requests();
        self.act(now);
    }

    fn handle(&mut self, note: Note) {
        match note {
            Note::Leg(
                _,
                LegNote::Packet {
                    ssrc,
                    sequence,
                    packet,
                    at,
                },
            ) => {
                if let Some(track) = self.roster.receive(ssrc, sequence, &packet, at) {
                    self.stale |= self.repair.receive(track.kind, ssrc, sequence, at);
                    self.events.push_back(Event::Packet { track, packet, at });
                }
            }
            Note::Leg(id, LegNote::Feedback { kind, packet }) => {
                self.answer(id, kind, &packet, Instant::now());
            }
            Note::Answer(answer) => {
                let now = Instant::now();
                self.moving.handle(Input::Answer(answer), now);
                self.act(now);
            }
            Note::Leg(id, note) => {
                let now = Instant::now();
                self.handle_leg(id, note, now);
                if self.legs.get(&id).is_some_and(Leg::is_complete) {
                    self.moving.handle(Input::Complete(id), now);
                }
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
    fn handle_death(&mut self, id: LegId, cause: Cause, now: Instant) {
        self.moving.handle(Input::Died(id, cause), now);
        self.act(now);
        self.legs.remove(&id);
    }

    fn handle_message(&mut self, id: LegId, message: FromRouter, now: Instant) {
        match message {
            FromRouter::Welcome {
                participants,
                tracks,
                ..
            } => {
                self.roster.welcome(id, participants, tracks);
                self.introduce(id, now);
            }
            FromRouter::ParticipantJoined { present } if self.is_me(&present) => {}
            FromRouter::ParticipantJoined { present } => self.roster.came(id, present),
            FromRouter::ParticipantLeft { participant } => self.roster.left(id, &participant),
            FromRouter::TrackAdded { track } => self.roster.track_added(id, track),
            FromRouter::TrackRemoved { participant, kind } => {
                self.roster.track_removed(id, &participant, kind);
            }
            FromRouter::Published { kind } => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.handle_published(kind);
                }
            }
            // What is published has one layer, which goes on whoever watches.
            FromRouter::Wanted { .. } => {}
            FromRouter::MediaBound { kind, rung } => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.handle_bound(kind, rung, now);
                }
                self.events.push_back(Event::Bound { kind, rung });
            }
            FromRouter::Speakers { slots, active } => {
                let news = self.speakers.say(id, Said { slots, active });
                self.tell_speakers(news);
            }
            FromRouter::Migrate { offer } => self.moving.handle(Input::Migrate(id, offer), now),
            FromRouter::Release { to } => self.moving.handle(Input::Release(id, to), now),
            FromRouter::Stay { to } => self.moving.handle(Input::Stay(id, to), now),
            FromRouter::Error { code, message } => self.handle_objection(id, code, message),
        }
    }

    /// Everything that a new router must hear after its welcome.
    fn introduce(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.handle_welcome(now);
        for (&kind, publishing) in &self.publishing {
            leg.publish(kind, publishing.ssrc, &publishing.codec);
        }
        for (participant, kind) in &self.subscriptions {
            let (participant, kind) = (participant.clone(), *kind);
            leg.say(&FromClient::Subscribe { participant, kind });
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
        while let Some(change) = self.roster.poll() {
            self.show(change, now);
        }
    }

    fn ask(&mut self, mut request: JoinRequest, at: Instant, deadline: Instant) {
        request.name.clone_from(&self.config.name);
        let (zone, meeting) = (self.zone.clone(), self.config.meeting.clone());
        let notes = self.notes.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            let answer = zone.ask(&meeting, &request, deadline.into()).await;
            // A session that is gone needs no answer.
            let _ = notes.send(Note::Answer(answer)).await;
        });
        self.asking = Some(AbortOnDropHandle::new(task));
    }

    fn open(&mut self, id: LegId, offer: Offer, moved_from: Option<RouterId>, now: Instant) {
        let introduction = Introduction {
            name: self.config.name.clone(),
            subscribe: self.config.subscribe,
            moved_from,
        };
        let wiring = Wiring {
            leg: id,
            dialer: self.config.network.dialer.clone(),
            endpoint: offer.endpoint.clone(),
            notes: self.notes.clone(),
        };
        let mut leg = Leg::open(wiring, offer, introduction, self.config.rungs, self.ssrc);
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

    fn tell_speakers(&mut self, news: Option<Said>) {
        let event = news.map(|Said { slots, active }| Event::Speakers { slots, active });
        self.events.extend(event);
    }

    fn close(&mut self, id: LegId, bye: bool, now: Instant) {
        let news = self.speakers.gone(id);
        self.tell_speakers(news);
        if !bye {
            self.legs.remove(&id);
            self.roster.died(id);
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
                // What was already there when the router let us in comes after it.
                return self.events.push_front(Event::Joined {
                    participant,
                    router,
                });
            }
            News::MoveStarted { to } => Event::MoveStarted { to },
            News::MoveEnded { ok, router } => {
                if ok {
                    self.roster.back(now);
                }
                Event::MoveEnded { ok, router }
            }
            News::Reconnecting { reason } => Event::Reconnecting { reason },
            News::Reconnected { router } => {
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
        for leg in self.legs.values_mut() {
            leg.leave(now);
        }
        self.ended = Some(ending);
    }

    fn show(&mut self, change: Change, now: Instant) {
        self.events.push_back(match change {
            Change::Came(present) => Event::ParticipantJoined(present),
            Change::Left(participant) => Event::ParticipantLeft(participant),
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
            Change::Packet(track, packet, at) => Event::Packet { track, packet, at },
        });
    }

    /// Tells the senders of tracks where their packets go now.
    pub(super) fn refresh_routes(&mut self) {
        for (&kind, publishing) in &mut self.publishing {
            let outlets = self.legs.iter().filter_map(|(&id, leg)| {
                let (rung, attempt, outlet) = leg.outlet(kind)?;
                Some(((id, rung, attempt), outlet))
            });
            let (key, outlets): (Vec<_>, Vec<_>) = outlets.unzip();
            let ssrc = publishing.ssrc;
            if publishing.key != key || publishing.route.borrow().ssrc != ssrc {
                publishing.key = key;
                let outlets = Arc::from(outlets);
                publishing.route.send_replace(Route { ssrc, outlets });
            }
        }
    }
}
