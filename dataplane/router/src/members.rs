//! Coming and going, publishing and subscribing.

use std::time::Instant;

use plenum_wire::control::{ErrorCode, FromRouter, Want};
use plenum_wire::frame::close;
use plenum_wire::limits::WANTS;
use plenum_wire::{Kind, ParticipantId};

use crate::admission::explain;
use crate::control::Admitted;
use crate::moving::Moving;
use crate::participant::{Participant, Slot};
use crate::tracks::{Layered, Publication, Track};
use crate::{ChannelId, Shard};

impl Shard {
    /// A participant with a good ticket comes in, in place of an older self.
    pub(crate) fn join(&mut self, channel: ChannelId, admitted: Admitted, now: Instant) {
        let meeting = admitted.claims.meeting.clone();
        let id = admitted.claims.participant.clone();
        if let Some(older) = self
            .meetings
            .get(&meeting)
            .and_then(|meeting| meeting.members.get(&id))
        {
            let older = self.participants[*older].channel;
            self.refuse(older, ErrorCode::Replaced, now);
        }
        let slot = self
            .participants
            .insert(Participant::new(admitted, channel));
        if let Some(channel) = self.channels.get_mut(&channel) {
            channel.joined = Some(slot);
        }
        self.own_flows(slot);
        self.meetings
            .entry(meeting.clone())
            .or_default()
            .members
            .insert(id.clone(), slot);
        self.counters.joined += 1;
        self.reports.changed(Some(&meeting), now);
        self.welcome(slot);
        self.introduce_speakers(slot);
        let present = self.participants[slot].present();
        self.tell_others(slot, &FromRouter::ParticipantJoined { present });
    }

    fn welcome(&mut self, slot: Slot) {
        let newcomer = &self.participants[slot];
        let others = || {
            self.meetings[&newcomer.meeting]
                .others(slot)
                .map(|slot| &self.participants[slot])
        };
        let welcome = FromRouter::Welcome {
            meeting: newcomer.meeting.clone(),
            participant: newcomer.id.clone(),
            router: self.config.router.clone(),
            participants: others().map(Participant::present).collect(),
            tracks: others().flat_map(Participant::tracks).collect(),
        };
        self.say(newcomer.channel, welcome);
    }

    /// A participant is gone; its tracks end with it. Its control channel is closed already.
    pub(crate) fn leave(&mut self, slot: Slot, now: Instant) {
        let id = self.participants[slot].id.clone();
        // After the release of a move everybody leaves: that is no news to the others.
        let name = self.participants[slot].meeting.clone();
        let over = self.meetings.get(&name).is_some_and(|it| it.over);
        if !over && !self.moving.get(&name).is_some_and(Moving::released) {
            let left = FromRouter::ParticipantLeft {
                participant: id.clone(),
            };
            self.tell_others(slot, &left);
        }
        self.voice_leaves(slot, Kind::Audio);
        for kind in Kind::ALL {
            self.disown_flow(slot, kind, close::NONE);
        }
        let gone = self.participants.remove(slot);
        if let Some(meeting) = self.meetings.get_mut(&name) {
            meeting.members.remove(&id);
            for kind in Kind::ALL {
                let track = gone.media(kind).track.as_ref();
                for ssrc in track.into_iter().flat_map(|it| it.publication.ssrcs()) {
                    meeting.release(ssrc);
                }
            }
            // Where everybody goes nobody needs to forget anybody.
            let others = meeting.members.values().filter(|_| !over);
            let others: Vec<_> = others.copied().collect();
            for other in others {
                self.participants[other].wants.forget(&id);
                for kind in Kind::ALL {
                    self.forget(other, kind, slot);
                }
            }
        }
        self.left_move(&name, &id, now);
        if self
            .meetings
            .get(&name)
            .is_some_and(|m| m.members.is_empty())
        {
            self.meetings.remove(&name);
        }
        self.reports.changed(Some(&name), now);
    }

    /// Tells everybody in the meeting but one.
    pub(crate) fn tell_others(&mut self, than: Slot, message: &FromRouter) {
        let Some(meeting) = self.meetings.get(&self.participants[than].meeting) else {
            return;
        };
        let channels: Vec<_> = meeting
            .others(than)
            .map(|slot| self.participants[slot].channel)
            .collect();
        for channel in channels {
            self.say(channel, message.clone());
        }
    }

    /// Somebody left: one of those who stay sends it nothing and gets nothing of it.
    fn forget(&mut self, other: Slot, kind: Kind, gone: Slot) {
        if let Some(track) = self.participants[other].track_mut(kind) {
            track.forget(gone);
            self.touch_track(other, kind);
        }
        self.touch_chooser(other, kind);
    }

    pub(crate) fn publish(&mut self, slot: Slot, kind: Kind, publication: Publication) {
        let publisher = &self.participants[slot];
        let (channel, participant) = (publisher.channel, publisher.id.clone());
        let same = |track: &Track| track.publication == publication;
        if publisher.media(kind).track.as_ref().is_some_and(same) {
            return self.say(channel, FromRouter::Published { kind });
        }
        let meeting = self
            .meetings
            .get_mut(&publisher.meeting)
            .expect("a participant's meeting is here");
        if !meeting.claim(&publication.ssrcs(), slot, kind) {
            let message = explain(ErrorCode::SsrcTaken).to_owned();
            return self.object(channel, ErrorCode::SsrcTaken, message);
        }
        self.end_track(slot, kind, Some(&publication));
        let track = plenum_wire::control::Track {
            participant,
            kind,
            ssrc: publication.ssrc,
            codec: publication.codec.clone(),
            layers: publication.layers.clone(),
        };
        self.participants[slot].media_mut(kind).track = Some(Track::new(kind, publication));
        match kind {
            Kind::Audio => self.voice_enters(slot),
            Kind::Video => self.hold(slot),
            Kind::Content => {}
        }
        self.touch_track(slot, kind);
        let others: Vec<_> = self.meetings[&self.participants[slot].meeting]
            .others(slot)
            .collect();
        for other in others {
            self.refresh(slot, kind, other);
        }
        self.say(channel, FromRouter::Published { kind });
        self.tell_others(slot, &FromRouter::TrackAdded { track });
    }

    pub(crate) fn unpublish(&mut self, slot: Slot, kind: Kind) {
        if !self.end_track(slot, kind, None) {
            self.no_such_track(slot);
        }
    }

    /// Ends a track, if there is one, and gives its SSRCs back but for those of the `next`.
    fn end_track(&mut self, slot: Slot, kind: Kind, next: Option<&Publication>) -> bool {
        let Some(track) = self.participants[slot].media_mut(kind).track.take() else {
            return false;
        };
        self.voice_leaves(slot, kind);
        let publisher = &self.participants[slot];
        let kept = next.map(Publication::ssrcs).unwrap_or_default();
        if let Some(meeting) = self.meetings.get_mut(&publisher.meeting) {
            for ssrc in track.publication.ssrcs().difference(&kept) {
                meeting.release(*ssrc);
            }
        }
        let participant = publisher.id.clone();
        for subscriber in track.layered().into_iter().flat_map(Layered::subscribers) {
            self.touch(subscriber, kind);
        }
        self.tell_others(slot, &FromRouter::TrackRemoved { participant, kind });
        true
    }

    pub(crate) fn subscribe(&mut self, slot: Slot, to: &ParticipantId, kind: Kind, wanted: bool) {
        let subscriber = &self.participants[slot];
        let interest = subscriber.interest;
        let publisher = self.meetings[&subscriber.meeting]
            .members
            .get(to)
            .copied()
            .filter(|publisher| *publisher != slot);
        let track = publisher.and_then(|slot| self.participants[slot].track_mut(kind));
        match (publisher, track) {
            (Some(publisher), Some(track)) => {
                track.ask(slot, interest, wanted);
                self.refresh(publisher, kind, slot);
                self.touch_chooser(slot, kind);
            }
            _ => self.no_such_track(slot),
        }
    }

    /// How large a client shows tracks, those too that are not there yet.
    pub(crate) fn want(&mut self, slot: Slot, wants: Vec<Want>) {
        if wants.len() > WANTS {
            return self.too_many_wants(slot);
        }
        if wants.iter().any(|want| want.kind == Kind::Audio) {
            let channel = self.participants[slot].channel;
            let message = "audio has no size; say unsubscribe to hear nothing of it".to_owned();
            return self.object(channel, ErrorCode::BadMessage, message);
        }
        for want in wants {
            let (whose, kind) = (want.participant.clone(), want.kind);
            if !self.participants[slot].wants.keep(want) {
                return self.too_many_wants(slot);
            }
            let meeting = &self.meetings[&self.participants[slot].meeting];
            let publisher = meeting.members.get(&whose).copied();
            if let Some(publisher) = publisher.filter(|publisher| *publisher != slot) {
                self.refresh(publisher, kind, slot);
                self.touch_chooser(slot, kind);
            }
        }
    }

    fn too_many_wants(&mut self, slot: Slot) {
        let channel = self.participants[slot].channel;
        let message = format!(
            "at most {WANTS} wants are taken in one message and kept; height {} takes one back",
            Want::ANY_HEIGHT
        );
        self.object(channel, ErrorCode::BadMessage, message);
    }

    fn no_such_track(&mut self, slot: Slot) {
        let channel = self.participants[slot].channel;
        let message = explain(ErrorCode::UnknownTrack).to_owned();
        self.object(channel, ErrorCode::UnknownTrack, message);
    }

    /// Brings one receiver of one track up to date.
    pub(crate) fn refresh(&mut self, publisher: Slot, kind: Kind, subscriber: Slot) {
        let receiver = &self.participants[subscriber];
        let (way, interest) = (receiver.way(kind), receiver.interest);
        let shown = receiver.wants.of(&self.participants[publisher].id, kind);
        let Some(track) = self.participants[publisher].track_mut(kind) else {
            return;
        };
        let had = track.receives(subscriber);
        track.refresh(subscriber, interest, shown, way);
        let has = track.receives(subscriber);
        if track.layered().is_some() {
            self.touch(subscriber, kind);
        }
        // Of a track with layers nobody takes one before the receiver was looked at.
        if had != has {
            self.touch_track(publisher, kind);
        }
    }
}
