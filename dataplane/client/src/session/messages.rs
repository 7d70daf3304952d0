//! What a router says on a leg's control channel.

use std::time::Instant;

use plenum_wire::control::{FromClient, FromRouter};

use super::Session;
use crate::event::Event;
use crate::moving::{Input, LegId};
use crate::speakers::Said;

impl Session {
    pub(super) fn handle_message(&mut self, id: LegId, message: FromRouter, now: Instant) {
        match message {
            FromRouter::Welcome {
                participants,
                tracks,
                ..
            } => {
                self.roster.welcome(id, participants, tracks);
                self.introduce(id, now);
                self.moving.handle(Input::Welcomed(id), now);
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
            FromRouter::Wanted { kind, layers } => {
                // Before that it is about what was published before: a router says only changes,
                // and of a new track all layers count as wanted.
                let knows = self.legs.get(&id).is_some_and(|leg| leg.knows(kind));
                if let Some(publishing) = self.publishing.get_mut(&kind)
                    && knows
                {
                    publishing.wanted.say(id, &layers);
                }
            }
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
        let wants = self.wants.all();
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.handle_welcome(now);
        for (&kind, publishing) in &self.publishing {
            leg.publish(kind, publishing.ssrc, &publishing.announcement(kind));
        }
        for (participant, kind) in &self.subscriptions {
            let (participant, kind) = (participant.clone(), *kind);
            leg.say(&FromClient::Subscribe { participant, kind });
        }
        for message in &wants {
            leg.say(message);
        }
    }
}
