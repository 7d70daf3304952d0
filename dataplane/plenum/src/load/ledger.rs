//! Everything one participant measured.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_client::media::key_frame;
use plenum_client::quality::Judge;
use plenum_client::{Ending, Event, is_heard};
use plenum_wire::control::{Track, Want};
use plenum_wire::rtp::Header;
use plenum_wire::{Kind, ParticipantId, RouterId, Rung};

use super::account::Account;
use super::board::{Board, Count};
use super::camera::INTERVAL;
use super::figures::Figures;
use super::gap::Moves;
use super::happening::What;
use super::payload::Epoch;
use super::sight::Sight;

/// One track that is received.
#[derive(Debug)]
struct Receiving {
    track: Arc<Track>,
    account: Account,
    judge: Judge,
    /// Of pictures.
    sight: Option<Sight>,
    /// Of the picture, as the timeline knows it.
    height: Option<u16>,
    /// Or seen. What comes while it is not is left over, and judged by nobody.
    heard: bool,
    /// The sender's count, once it has begun.
    sent: Option<Arc<Count>>,
}

/// One participant's books.
pub struct Ledger {
    board: Arc<Board>,
    epoch: Epoch,
    meeting: usize,
    name: String,
    tracks: BTreeMap<u32, Receiving>,
    /// Who is among the loudest, once the routers have said so.
    slots: Option<Vec<Option<ParticipantId>>>,
    rungs: BTreeMap<Kind, Rung>,
    moves: Moves,
    /// The longest gap of the move under way.
    move_gap: Duration,
    router: Option<RouterId>,
    away_since: Option<Instant>,
    /// When publishers stopped: nobody misses what would have come.
    quiet: Option<Instant>,
    /// What is known so far.
    pub figures: Figures,
}

impl Ledger {
    /// Empty books for a participant, named as in the report.
    #[must_use]
    pub fn new(board: Arc<Board>, epoch: Epoch, meeting: usize, name: String) -> Self {
        Self {
            board,
            epoch,
            meeting,
            name,
            tracks: BTreeMap::new(),
            slots: None,
            rungs: BTreeMap::new(),
            moves: Moves::default(),
            move_gap: Duration::ZERO,
            router: None,
            away_since: None,
            quiet: None,
            figures: Figures::default(),
        }
    }

    /// Enters what happened.
    pub fn enter(&mut self, event: Event, now: Instant) {
        match event {
            Event::Packet { track, packet, at } => self.receive(&track, &packet, at),
            Event::TrackAdded(track) => self.open(&track, now),
            Event::TrackRemoved(track) => self.close(track.ssrc, now),
            Event::Bound { kind, rung } => {
                self.rungs.insert(kind, rung);
            }
            Event::Speakers { slots, .. } => self.hear_of(slots, now),
            Event::MoveStarted { .. } => {
                self.moves.start();
                self.move_gap = Duration::ZERO;
                self.figures.moves += 1;
                self.board.moves.add(1);
            }
            Event::MoveEnded { ok, router } => {
                self.moves.end(now);
                if ok {
                    self.moved(router);
                } else {
                    self.figures.moves_failed += 1;
                    self.trouble("a move to another router failed".to_owned());
                }
            }
            Event::Reconnecting { reason } => {
                self.board.reconnections.add(1);
                self.away_since = Some(now);
                self.left();
                self.trouble(format!("lost its router: {reason}"));
            }
            Event::Reconnected { router } => {
                self.joined(router);
                if let Some(since) = self.away_since.take() {
                    let back = now.saturating_duration_since(since);
                    self.figures.back.record(back);
                }
            }
            Event::Objection { message, .. } => {
                self.trouble(format!("the router objected: {message}"));
            }
            Event::Ended(Ending::MeetingEnded) => {
                self.away_since = None;
                self.figures.ended += 1;
            }
            Event::Ended(ending) => {
                self.away_since = None;
                self.drop_out(&ending.to_string());
            }
            Event::Joined { router, .. } => self.joined(router),
            Event::KeyFrameWanted { .. }
            | Event::LayersWanted { .. }
            | Event::ParticipantJoined(_)
            | Event::ParticipantLeft(_) => {}
        }
    }

    /// To be called several times a second.
    pub fn observe(&mut self, now: Instant) {
        let numbered = |it: &&mut Receiving| it.track.layers.is_empty();
        for receiving in self.tracks.values_mut().filter(numbered) {
            let ssrc = receiving.track.ssrc;
            if receiving.sent.is_none() {
                receiving.sent = self.board.track(self.meeting, ssrc);
            }
            let sent = receiving.sent.as_ref().map_or(0, |sent| sent.get());
            receiving.account.observe(sent, now);
        }
    }

    /// Publishers stop now.
    pub fn quiet(&mut self, now: Instant) {
        self.quiet.get_or_insert(now);
    }

    /// How late a packet was sent.
    pub fn sent_late(&mut self, late: Duration) {
        self.figures.late.record(late);
    }

    /// Closes all accounts.
    #[must_use]
    pub fn finish(mut self, copies: u64) -> Figures {
        let now = Instant::now();
        let open: Vec<u32> = self.tracks.keys().copied().collect();
        for ssrc in open {
            self.close(ssrc, now);
        }
        for rung in self.rungs.values() {
            *self.figures.rungs.entry(*rung).or_default() += 1;
        }
        self.figures.copies = copies;
        if self.away_since.take().is_some() {
            self.drop_out("had no router when the load ended");
        }
        self.left();
        self.figures
    }

    /// Lists what went wrong.
    pub fn trouble(&self, what: String) {
        self.board.trouble(&self.name, what);
    }

    fn drop_out(&mut self, why: &str) {
        self.figures.dropped += 1;
        self.trouble(format!("dropped: {why}"));
    }

    fn joined(&mut self, router: RouterId) {
        self.router = Some(router.clone());
        self.board.tell(&self.name, What::Joined { router });
    }

    fn left(&mut self) {
        if let Some(router) = self.router.take() {
            self.board.tell(&self.name, What::Left { router });
        }
    }

    fn moved(&mut self, to: RouterId) {
        if let Some(from) = self.router.replace(to.clone()) {
            let audio_gap_ms = self.move_gap.as_secs_f64() * 1_000.0;
            self.board.tell(
                &self.name,
                What::Moved {
                    from,
                    to,
                    audio_gap_ms,
                },
            );
        }
    }

    /// Tracks whose picture cannot go on without a key frame.
    pub fn broken_pictures(&self) -> Vec<Arc<Track>> {
        let all = self.tracks.values();
        let broken = all.filter(|it| it.heard && it.judge.wants_key_frame());
        broken
            .map(|receiving| Arc::clone(&receiving.track))
            .collect()
    }

    fn open(&mut self, track: &Arc<Track>, now: Instant) {
        let mut account = Account::new(track.kind, now);
        let heard = |slots: &Vec<_>| is_heard(slots, &track.participant);
        let heard = track.kind != Kind::Audio || self.slots.as_ref().is_none_or(heard);
        if !heard {
            account.heard(false, now);
        }
        let mut judge = Judge::of(track);
        if !track.layers.is_empty() {
            judge = judge.steady(INTERVAL);
        }
        let receiving = Receiving {
            account,
            judge,
            sight: (track.kind != Kind::Audio).then(|| Sight::new(now)),
            height: None,
            heard,
            sent: self.board.track(self.meeting, track.ssrc),
            track: Arc::clone(track),
        };
        self.tracks.insert(track.ssrc, receiving);
    }

    fn hear_of(&mut self, slots: Vec<Option<ParticipantId>>, now: Instant) {
        let mut audio = self.tracks.values_mut();
        while let Some(receiving) = audio.find(|one| one.account.kind() == Kind::Audio) {
            let heard = is_heard(&slots, &receiving.track.participant);
            receiving.account.heard(heard, now);
            if std::mem::replace(&mut receiving.heard, heard) != heard {
                receiving.judge.pause(now);
            }
        }
        self.slots = Some(slots);
    }

    /// We have said how large pictures are shown.
    pub fn show(&mut self, wants: &[Want], now: Instant) {
        for want in wants {
            let mut all = self.tracks.values_mut();
            let whose = (&want.participant, want.kind);
            let Some(receiving) = all.find(|it| (&it.track.participant, it.track.kind) == whose)
            else {
                continue;
            };
            let shown = want.height > 0;
            receiving.account.heard(shown, now);
            if let Some(sight) = &mut receiving.sight {
                sight.show(shown, now);
            }
            if std::mem::replace(&mut receiving.heard, shown) != shown {
                receiving.judge.pause(now);
            }
        }
    }

    fn receive(&mut self, track: &Track, packet: &Bytes, at: Instant) {
        self.board.received.add(1);
        let Some(receiving) = self.tracks.get_mut(&track.ssrc) else {
            return;
        };
        let Some(header) = Header::parse(packet) else {
            return;
        };
        let Some((number, latency)) = self.epoch.read(track.kind, &header, packet, at) else {
            return;
        };
        self.figures.latency.record(latency);
        if receiving.heard {
            let payload = packet.slice(header.payload_offset..);
            let key = key_frame(&track.codec, &payload);
            let before = receiving.judge.frames();
            receiving.judge.receive(&header, key, at);
            if receiving.judge.frames() > before
                && let Some(sight) = &mut receiving.sight
            {
                sight.frame(at);
            }
            if let Some(height) = receiving.judge.height()
                && receiving.height.replace(height) != Some(height)
            {
                let of = track.participant.clone();
                self.board.tell(&self.name, What::Shown { of, height });
            }
        }
        if !track.layers.is_empty() {
            return receiving.account.receive_routed(header.sequence, at);
        }
        if let Some(gap) = receiving.account.receive(number, at) {
            if self.moves.touch(gap) {
                self.figures.move_gaps.record(gap.length);
                self.move_gap = self.move_gap.max(gap.length);
            } else {
                self.figures.gaps.record(gap.length);
            }
        }
    }

    fn close(&mut self, ssrc: u32, now: Instant) {
        if let Some(receiving) = self.tracks.remove(&ssrc) {
            let end = self.quiet.unwrap_or(now);
            self.figures.quality.add(&receiving.judge.quality(end));
            if let Some(sight) = &receiving.sight {
                self.figures.seen.add(sight.seen(end));
            }
            if !receiving.track.layers.is_empty() {
                return self.figures.totals.add(receiving.account.close_routed());
            }
            let sent = receiving
                .sent
                .or_else(|| self.board.track(self.meeting, ssrc));
            let sent = sent.map_or(0, |sent| sent.get());
            let audio = receiving.account.kind() == Kind::Audio;
            let totals = receiving.account.close(sent);
            self.figures.totals.add(totals);
            if audio {
                self.figures.audio.add(totals);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::payload::Content;
    use super::*;

    fn ledger() -> Ledger {
        let start = Instant::now();
        let board = Arc::new(Board::new(start, false));
        Ledger::new(board, Epoch(start), 1, "1/1".to_owned())
    }

    /// The books of somebody to whom this picture came, in frames by seconds; it was to be
    /// seen from 0 to 10.
    fn viewer(frames: impl Iterator<Item = f64>) -> Figures {
        let mut ledger = ledger();
        let start = ledger.epoch.0;
        let mut codec = super::super::camera::codec();
        codec.height = 0;
        let layer = |ssrc| plenum_wire::control::Layer {
            ssrc,
            width: 320,
            height: 180,
            kbps: 150,
        };
        let track = Arc::new(Track {
            participant: "ada".parse().unwrap(),
            kind: Kind::Video,
            ssrc: 1,
            codec,
            layers: vec![layer(2)],
        });
        ledger.enter(Event::TrackAdded(Arc::clone(&track)), start);
        for (sequence, seconds) in (0_u16..).zip(frames) {
            let header = Header {
                payload_type: 96,
                marker: true,
                sequence,
                timestamp: 0,
                ssrc: 1,
                payload_offset: 12,
            };
            let at = start + Duration::from_secs_f64(seconds);
            let key = Content::Key(320, 180);
            let packet = ledger.epoch.stamp(&header, key, 0, at, 100);
            let track = Arc::clone(&track);
            ledger.enter(Event::Packet { track, packet, at }, at);
        }
        ledger.quiet(start + Duration::from_secs(10));
        ledger.finish(0)
    }

    #[test]
    fn a_picture_that_stands_or_never_comes_is_seen_in_the_books() {
        let all = |number: u32| f64::from(number) * 0.04;
        let figures = viewer((0..250).map(all));
        assert_eq!((figures.seen.pictures, figures.seen.never), (1, 0));
        assert_eq!(figures.quality.picture.freezes, 0);
        assert_eq!(figures.seen.without, Duration::ZERO);

        // Numbers go on as if nothing had been.
        let figures = viewer((0..25).chain(75..100).map(all));
        assert_eq!(figures.quality.picture.freezes, 2);
        let without = figures.seen.without.as_secs_f64();
        assert!((7.9..8.1).contains(&without), "{without}");

        let figures = viewer(std::iter::empty());
        assert_eq!((figures.seen.pictures, figures.seen.never), (1, 1));
        assert_eq!(figures.seen.share_without(), Some(1.0));
    }

    fn lost() -> Event {
        let reason = "the control channel ended".to_owned();
        Event::Reconnecting { reason }
    }

    fn dropped(events: impl IntoIterator<Item = Event>) -> u64 {
        let mut ledger = ledger();
        for event in events {
            ledger.enter(event, Instant::now());
        }
        ledger.finish(0).dropped
    }

    #[test]
    fn who_has_no_router_at_the_end_was_dropped() {
        let router: RouterId = "a".parse().unwrap();
        let back = Event::Reconnected { router };
        assert_eq!(dropped([lost()]), 1);
        assert_eq!(dropped([lost(), back.clone()]), 0);
        assert_eq!(dropped([lost(), back, lost()]), 1);
    }

    #[test]
    fn who_was_in_a_meeting_that_was_ended_was_not_dropped() {
        for events in [vec![], vec![lost()]] {
            let mut ledger = ledger();
            for event in events {
                ledger.enter(event, Instant::now());
            }
            ledger.enter(Event::Ended(Ending::MeetingEnded), Instant::now());
            let figures = ledger.finish(0);
            assert_eq!((figures.ended, figures.dropped), (1, 0));
        }
    }

    #[test]
    fn who_gave_up_coming_back_was_dropped_once() {
        assert_eq!(dropped([lost(), Event::Ended(Ending::Replaced)]), 1);
    }
}
