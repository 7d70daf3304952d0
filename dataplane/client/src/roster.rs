//! Who is in the meeting and which tracks there are, told by one or two routers.
//!
//! Pure. What either router says is there is there. After a router died what it said still
//! holds for a while: the others are coming back like us, and to the user nobody left. Each
//! packet comes once: tracks whose publisher numbers them by number, those with layers by
//! `takeover`.

mod early;
mod stream;
mod takeover;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_wire::control::{Present, Track};
use plenum_wire::rtp::Header;
use plenum_wire::{Kind, ParticipantId};

use crate::moving::LegId;
use early::Early;
use stream::Stream;
use takeover::{Incoming, Passed};

/// How long those who were on a dead router are still shown: twice what coming back takes.
const FADE: Duration = Duration::from_secs(5);
/// Legs that are gone and may still have packets in an inbox: more than end within a second.
const GONE: usize = 16;

type TrackKey = (ParticipantId, Kind);

/// A change that the user sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Somebody is there.
    Came(Present),
    /// Somebody is no longer there.
    Left(ParticipantId),
    /// There is a track.
    Added(Arc<Track>),
    /// It is over.
    Removed(Arc<Track>),
    /// A packet that had to wait, as one that came before its track was announced.
    Packet(Received),
}

/// A packet for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Whose, and which.
    pub track: Arc<Track>,
    /// As it was sent, but for the numbers of tracks with layers, which go on through moves.
    pub packet: Bytes,
    /// When it came.
    pub at: Instant,
    /// As it was numbered by who is asked for it again.
    pub sequence: u16,
    /// Who that is; `None` for whoever routes the publisher's own numbers.
    pub numbered_by: Option<LegId>,
}

#[derive(Debug, Default)]
struct View {
    present: BTreeMap<ParticipantId, Present>,
    tracks: BTreeMap<TrackKey, Track>,
}

/// What both routers say, merged.
#[derive(Debug, Default)]
pub struct Roster {
    /// By leg; a later leg knows better.
    views: BTreeMap<LegId, View>,
    /// Legs that died, and until when they still count.
    fading: BTreeMap<LegId, Option<Instant>>,
    /// Legs that a track with layers is no longer taken from.
    gone: BTreeSet<LegId>,
    present: BTreeMap<ParticipantId, Present>,
    tracks: BTreeMap<TrackKey, u32>,
    by_ssrc: HashMap<u32, Stream>,
    early: Early,
    changes: VecDeque<Change>,
    copies: u64,
}

impl Roster {
    /// A router let us in and said what is there.
    pub fn welcome(&mut self, leg: LegId, present: Vec<Present>, tracks: Vec<Track>) {
        for present in present {
            self.came(leg, present);
        }
        for track in tracks {
            self.track_added(leg, track);
        }
    }

    /// Somebody came.
    pub fn came(&mut self, leg: LegId, present: Present) {
        let id = present.participant.clone();
        let view = self.views.entry(leg).or_default();
        view.present.insert(id.clone(), present);
        self.weigh_participant(&id);
    }

    /// Somebody left.
    pub fn left(&mut self, leg: LegId, id: &ParticipantId) {
        for (_, view) in self.views_up_to(leg) {
            view.present.remove(id);
            view.tracks.retain(|(owner, _), _| owner != id);
        }
        for kind in Kind::ALL {
            self.weigh_track(&(id.clone(), kind));
        }
        self.weigh_participant(id);
    }

    /// A track began.
    pub fn track_added(&mut self, leg: LegId, track: Track) {
        let key = (track.participant.clone(), track.kind);
        let view = self.views.entry(leg).or_default();
        view.tracks.insert(key.clone(), track);
        self.weigh_track(&key);
    }

    /// A track ended.
    pub fn track_removed(&mut self, leg: LegId, participant: &ParticipantId, kind: Kind) {
        let key = (participant.clone(), kind);
        for (_, view) in self.views_up_to(leg) {
            view.tracks.remove(&key);
        }
        self.weigh_track(&key);
    }

    /// A leg was left in good order: only the others' word counts.
    pub fn close(&mut self, leg: LegId) {
        self.fading.remove(&leg);
        let Some(view) = self.views.remove(&leg) else {
            return;
        };
        view.tracks.keys().for_each(|key| self.weigh_track(key));
        for id in view.present.keys() {
            self.weigh_participant(id);
        }
    }

    /// A leg died: what it said holds until some time after [`Roster::back`].
    pub fn died(&mut self, leg: LegId) {
        if self.views.contains_key(&leg) {
            self.fading.insert(leg, None);
        }
    }

    /// We are on another router again; the others have some time to come there too.
    pub fn back(&mut self, now: Instant) {
        for until in self.fading.values_mut() {
            until.get_or_insert(now + FADE);
        }
    }

    /// Forgets what faded.
    pub fn handle_timeout(&mut self, now: Instant) {
        let over = |until: &Option<Instant>| until.is_some_and(|until| until <= now);
        let legs = self.fading.iter().filter(|(_, until)| over(until));
        let legs: Vec<LegId> = legs.map(|(&leg, _)| leg).collect();
        for leg in legs {
            self.close(leg);
        }
    }

    /// When [`Roster::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.fading.values().flatten().min().copied()
    }

    /// The next change.
    pub fn poll(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// How many second copies were removed.
    #[must_use]
    pub const fn copies(&self) -> u64 {
        self.copies
    }

    /// Whether there is a track of this kind.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        self.tracks.keys().any(|(_, track)| *track == kind)
    }

    /// Takes a packet, and returns it if it is the first copy and need not wait. Others come
    /// as a [`Change::Packet`].
    pub fn receive(
        &mut self,
        leg: LegId,
        header: &Header,
        packet: Bytes,
        at: Instant,
    ) -> Option<Received> {
        let header = *header;
        let incoming = Incoming { header, packet, at };
        let Some(stream) = self.by_ssrc.get_mut(&header.ssrc) else {
            self.early.keep(leg, incoming);
            return None;
        };
        if stream.is_numbered_by_routers() && self.gone.contains(&leg) {
            return None;
        }
        let first = stream.receive(leg, incoming);
        self.copies += stream.take_copies();
        let first = first.map(|passed| received(stream, passed));
        release(stream, &mut self.changes);
        first
    }

    /// Whether a track cannot go on from one router to the other without a key frame.
    #[must_use]
    pub fn wants_key_frame(&self, ssrc: u32, now: Instant) -> bool {
        let stream = self.by_ssrc.get(&ssrc);
        stream.is_some_and(|stream| stream.wants_key_frame(now))
    }

    /// Whether nothing of what comes now would be missed without the other legs.
    #[must_use]
    pub fn has_pictures_of(&self, leg: LegId, now: Instant) -> bool {
        let mut streams = self.by_ssrc.values();
        streams.all(|stream| !stream.needs_another(leg, now))
    }

    /// Nothing comes from a leg any more: it died, or what was on its way when it was left has
    /// come. What is still in an inbox is worth nothing to tracks with layers: they would wait
    /// for what follows it.
    pub fn gone(&mut self, leg: LegId) {
        if !self.gone.insert(leg) {
            return;
        }
        if self.gone.len() > GONE {
            self.gone.pop_first();
        }
        for stream in self.by_ssrc.values_mut() {
            stream.gone(leg);
            release(stream, &mut self.changes);
        }
    }

    fn release_early(&mut self, ssrc: u32) {
        for (leg, Incoming { header, packet, at }) in self.early.take(ssrc) {
            let received = self.receive(leg, &header, packet, at);
            self.changes.extend(received.map(Change::Packet));
        }
    }

    /// A leg's own view and, where an end is reported, those of dead legs: they would
    /// otherwise keep alive who left for good.
    fn views_up_to(&mut self, leg: LegId) -> impl Iterator<Item = (&LegId, &mut View)> {
        let fading = &self.fading;
        let views = self.views.iter_mut();
        views.filter(move |(id, _)| **id == leg || fading.contains_key(id))
    }

    fn weigh_participant(&mut self, id: &ParticipantId) {
        let said = self
            .views
            .values()
            .rev()
            .find_map(|view| view.present.get(id));
        match (said.cloned(), self.present.contains_key(id)) {
            (Some(present), false) => {
                self.present.insert(id.clone(), present.clone());
                self.changes.push_back(Change::Came(present));
            }
            (None, true) => {
                self.present.remove(id);
                self.changes.push_back(Change::Left(id.clone()));
            }
            _ => {}
        }
    }

    fn weigh_track(&mut self, key: &TrackKey) {
        let said = self
            .views
            .values()
            .rev()
            .find_map(|view| view.tracks.get(key));
        let said = said.cloned();
        let shown = self.tracks.get(key).copied();
        if said.as_ref().map(|track| track.ssrc) == shown {
            return;
        }
        if let Some(shown) = shown.and_then(|ssrc| self.by_ssrc.remove(&ssrc)) {
            self.tracks.remove(key);
            self.changes.push_back(Change::Removed(shown.track));
        }
        if let Some(track) = said {
            self.show(key.clone(), track);
        }
    }

    fn show(&mut self, key: TrackKey, track: Track) {
        let ssrc = track.ssrc;
        let track = Arc::new(track);
        self.tracks.insert(key, ssrc);
        self.by_ssrc.insert(ssrc, Stream::new(Arc::clone(&track)));
        self.changes.push_back(Change::Added(track));
        self.release_early(ssrc);
    }
}

/// What no longer waits.
fn release(stream: &mut Stream, changes: &mut VecDeque<Change>) {
    while let Some(passed) = stream.poll() {
        changes.push_back(Change::Packet(received(stream, passed)));
    }
}

fn received(stream: &Stream, passed: Passed) -> Received {
    let Passed {
        leg,
        sequence,
        packet,
        at,
    } = passed;
    Received {
        track: Arc::clone(&stream.track),
        packet,
        at,
        sequence,
        numbered_by: stream.is_numbered_by_routers().then_some(leg),
    }
}

#[cfg(test)]
mod tests;
