//! Who is in the meeting and which tracks there are, told by one or two routers.
//!
//! Pure. What either router says is there is there. After a router died what it said still
//! holds for a while: the others are coming back like us, and to the user nobody left.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_wire::control::{Present, Track};
use plenum_wire::{Kind, ParticipantId};

use crate::dedup::{Verdict, Window};
use crate::moving::LegId;

/// How long those who were on a dead router are still shown: twice what coming back takes.
const FADE: Duration = Duration::from_secs(5);
/// How many packets wait for the announcement of their track, and for how long: media may
/// overtake the control channel by a round trip or a retransmission.
const EARLY_PACKETS: usize = 256;
const EARLY_FOR: Duration = Duration::from_secs(1);

/// A track that was silent for longer, as one without a slot among the loudest is, may have
/// gone on by any number of packets. Copies come much sooner, and in half the range of RTP's
/// sequence numbers a track of 3,000 packets a second has not yet wrapped.
const SILENCE: Duration = Duration::from_secs(10);

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
    /// A packet that came before its track was announced.
    Packet(Arc<Track>, Bytes, Instant),
}

#[derive(Debug, Default)]
struct View {
    present: BTreeMap<ParticipantId, Present>,
    tracks: BTreeMap<TrackKey, Track>,
}

#[derive(Debug)]
struct Shown {
    track: Arc<Track>,
    window: Window,
    last: Option<Instant>,
}

#[derive(Debug)]
struct Early {
    ssrc: u32,
    sequence: u16,
    packet: Bytes,
    at: Instant,
}

/// What both routers say, merged.
#[derive(Debug, Default)]
pub struct Roster {
    /// By leg; a later leg knows better.
    views: BTreeMap<LegId, View>,
    /// Legs that died, and until when they still count.
    fading: BTreeMap<LegId, Option<Instant>>,
    present: BTreeMap<ParticipantId, Present>,
    tracks: BTreeMap<TrackKey, u32>,
    by_ssrc: HashMap<u32, Shown>,
    early: VecDeque<Early>,
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

    /// Whose packet this is, if it is the first copy. One of a track that is not announced
    /// yet is kept and comes as a [`Change::Packet`].
    pub fn receive(
        &mut self,
        ssrc: u32,
        sequence: u16,
        packet: &Bytes,
        at: Instant,
    ) -> Option<Arc<Track>> {
        let Some(shown) = self.by_ssrc.get_mut(&ssrc) else {
            self.keep_early(Early {
                ssrc,
                sequence,
                packet: packet.clone(),
                at,
            });
            return None;
        };
        let last = shown.last.replace(at);
        let silent = last.is_some_and(|last| at.saturating_duration_since(last) > SILENCE);
        let verdict = if silent {
            shown.window.check_ahead(sequence)
        } else {
            shown.window.check(sequence)
        };
        match verdict {
            Verdict::New(_) => Some(Arc::clone(&shown.track)),
            Verdict::Copy | Verdict::TooOld => {
                self.copies += 1;
                None
            }
        }
    }

    fn keep_early(&mut self, early: Early) {
        while self
            .early
            .front()
            .is_some_and(|oldest| oldest.at + EARLY_FOR < early.at)
            || self.early.len() >= EARLY_PACKETS
        {
            self.early.pop_front();
        }
        self.early.push_back(early);
    }

    fn release_early(&mut self, ssrc: u32) {
        let (mine, others) = std::mem::take(&mut self.early)
            .into_iter()
            .partition(|early| early.ssrc == ssrc);
        self.early = others;
        let mine: VecDeque<Early> = mine;
        for early in mine {
            let track = self.receive(ssrc, early.sequence, &early.packet, early.at);
            if let Some(track) = track {
                let change = Change::Packet(track, early.packet, early.at);
                self.changes.push_back(change);
            }
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
        let window = Window::default();
        let shown = Shown {
            track: Arc::clone(&track),
            window,
            last: None,
        };
        self.by_ssrc.insert(ssrc, shown);
        self.changes.push_back(Change::Added(track));
        self.release_early(ssrc);
    }
}

#[cfg(test)]
mod tests;
