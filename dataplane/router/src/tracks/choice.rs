//! Which layer of each track a receiver gets: one look at one receiver's tracks of one kind.
//!
//! Each kind has a connection of its own, with an estimate of its own; what plain tracks take
//! of it, which cannot take less, comes off first. Both connections share one path, so what
//! content lacks for its next step cameras give up: their part of the path falls, and
//! content's estimate finds the room. What content then takes they leave to it.

use std::time::{Duration, Instant};

use plenum_layers::{Ladder, Wish};
use plenum_wire::Kind;

use super::beside::{Beside, Content};
use super::probe::{Probe, Search};
use crate::binding::Connection;
use crate::participant::Slot;
use crate::shed::Share;
use crate::{Output, Shard};

/// Looks at a receiver while it does not have what it wants: rates and what publishers send
/// change without anybody saying so.
const LOOK_OFTEN: Duration = Duration::from_millis(250);
/// And while it has: a layer that no longer comes is missed within a second.
const LOOK_SELDOM: Duration = Duration::from_millis(500);
/// Copies of packets to send at one tick of a probe.
const COPIES: u16 = 64;

/// What a receiver of layered tracks of one kind has.
#[derive(Debug)]
pub(crate) struct Reception {
    ladder: Ladder,
    probe: Probe,
    /// What there is room for in all, in kbit/s.
    room: u32,
    /// What is sent, and what the next step up takes beyond the estimate.
    takes: Content,
    /// Of cameras: what they leave to content.
    beside: Beside,
    /// When to look again.
    armed: Option<Instant>,
}

impl Reception {
    fn new() -> Self {
        Self {
            ladder: Ladder::new(),
            probe: Probe::new(),
            room: u32::MAX,
            takes: Content::default(),
            beside: Beside::default(),
            armed: None,
        }
    }

    /// Whether it could be given more, so that it matters who comes first.
    pub(crate) const fn wants_more(&self) -> bool {
        self.ladder.goal().is_some()
    }

    /// Whether it is the look that was due at this time.
    pub(crate) fn was_armed_for(&mut self, at: Instant) -> bool {
        self.armed.take_if(|armed| *armed == at).is_some()
    }
}

/// What one look sees; kept for its memory.
#[derive(Debug, Default)]
pub(crate) struct Look {
    publishers: Vec<Slot>,
    wishes: Vec<Wish>,
    chosen: Vec<Option<u8>>,
    /// Those who shall get nothing.
    paused: Vec<Slot>,
    /// Of plain tracks, in kbit/s.
    plain: u32,
    /// What the layers given at the last look take now, in kbit/s.
    kept: u32,
    asks: Vec<(Slot, u32)>,
}

impl Look {
    fn clear(&mut self) {
        self.publishers.clear();
        self.wishes.clear();
        self.paused.clear();
        self.asks.clear();
        self.plain = 0;
        self.kept = 0;
    }

    /// What the receiver is sent now takes in all, in kbit/s.
    fn sent(&self) -> u32 {
        let rate = |wish: &Wish| Some(wish.kbps[usize::from(wish.now?)]);
        let rates = self.wishes.iter().filter_map(rate);
        rates.fold(self.plain, u32::saturating_add)
    }

    /// What was chosen takes in all, in kbit/s.
    fn spent(&self) -> u32 {
        let layers = self.wishes.iter().zip(&self.chosen);
        let rates = layers.filter_map(|(wish, layer)| Some(wish.kbps[usize::from((*layer)?)]));
        rates.fold(self.plain, u32::saturating_add)
    }
}

impl Shard {
    /// Looks at what a receiver gets of one kind.
    pub(crate) fn review_reception(&mut self, subscriber: Slot, kind: Kind, now: Instant) {
        if self.participants.get_mut(subscriber).is_none() {
            return;
        }
        let mut look = std::mem::take(&mut self.look);
        look.clear();
        self.see(subscriber, kind, &mut look, now);
        let media = self.participants[subscriber].media_mut(kind);
        let reception = media.reception.take();
        if !look.wishes.is_empty() || !look.paused.is_empty() {
            let mut reception = reception.unwrap_or_else(|| Box::new(Reception::new()));
            self.choose(subscriber, kind, &mut reception, &mut look, now);
            self.apply(subscriber, kind, &mut look, now);
            self.probe(subscriber, kind, &mut reception, &look, now);
            self.arm(subscriber, kind, &mut reception, &look, now);
            self.participants[subscriber].media_mut(kind).reception = Some(reception);
        } else if kind == Kind::Content && reception.is_some() {
            self.touch_chooser(subscriber, Kind::Video);
        }
        self.look = look;
    }

    /// What the receiver wishes for, and what its plain tracks take.
    fn see(&self, subscriber: Slot, kind: Kind, look: &mut Look, now: Instant) {
        let Some(meeting) = self.meetings.get(&self.participants[subscriber].meeting) else {
            return;
        };
        for publisher in meeting.others(subscriber) {
            let Some(track) = &self.participants[publisher].media(kind).track else {
                continue;
            };
            let Some(layered) = track.layered() else {
                if track.receives(subscriber) {
                    look.plain = look.plain.saturating_add(track.plain_kbps(now));
                }
                continue;
            };
            let Some(viewer) = layered.viewer(subscriber) else {
                continue;
            };
            let top = viewer.shown.top(&layered.layers);
            let top = match self.share_of(publisher, kind) {
                Share::All => top,
                Share::Lowest => top.map(|_| 0),
                Share::None => None,
            };
            let Some(top) = top else {
                look.paused.push(publisher);
                continue;
            };
            let kbps = layered.kbps(now);
            let kept = viewer.target().map_or(0, |it| kbps[usize::from(it)]);
            look.kept = look.kept.saturating_add(kept);
            let active = meeting.stage.active() == Some(publisher);
            look.publishers.push(publisher);
            look.wishes.push(Wish {
                rank: u32::from(u8::MAX - viewer.shown.priority) * 2 + u32::from(!active),
                kbps,
                top,
                now: viewer.on(),
            });
        }
    }

    fn choose(
        &mut self,
        subscriber: Slot,
        kind: Kind,
        reception: &mut Reception,
        look: &mut Look,
        now: Instant,
    ) {
        let estimate = self.estimate(subscriber, kind);
        let sent = look.sent();
        let room = match kind {
            Kind::Video => {
                let content = &self.participants[subscriber].media(Kind::Content).reception;
                let content = content
                    .as_ref()
                    .map_or_else(Content::default, |it| it.takes);
                reception.beside.room((estimate, sent), content, now)
            }
            Kind::Audio | Kind::Content => estimate,
        };
        reception.room = room;
        let budget = room.saturating_sub(look.plain);
        let ladder = &mut reception.ladder;
        ladder.keep(look.kept, budget);
        ladder.choose(budget, &look.wishes, now, &mut look.chosen);
        let goal = ladder.goal().map(|goal| goal.saturating_add(look.plain));
        let lacks = goal.map_or(0, |goal| goal.saturating_sub(estimate));
        let takes = Content { sent, lacks };
        if kind == Kind::Content && reception.takes != takes {
            self.touch_chooser(subscriber, Kind::Video);
        }
        reception.takes = takes;
    }

    /// What fits on the way to a receiver, in kbit/s; everything while nothing is known.
    fn estimate(&self, subscriber: Slot, kind: Kind) -> u32 {
        let carrier = self.participants[subscriber].media(kind).carrier();
        let connection = carrier.and_then(|it| self.connections.get(&it.connection));
        connection.map_or(u32::MAX, Connection::estimate)
    }

    fn apply(&mut self, subscriber: Slot, kind: Kind, look: &mut Look, now: Instant) {
        let chosen = look.publishers.iter().zip(look.chosen.iter().copied());
        let paused = look.paused.iter().map(|publisher| (publisher, None));
        for (&publisher, target) in chosen.chain(paused) {
            let track = self.participants[publisher].track_mut(kind);
            let Some(layered) = track.and_then(|track| track.layered_mut()) else {
                continue;
            };
            if layered.aim(subscriber, target, now) {
                self.rewatched.insert((publisher, kind));
            }
            layered.insist(subscriber, now, |ssrc| look.asks.push((publisher, ssrc)));
        }
        for &(publisher, ssrc) in &look.asks {
            self.ask_key_frame(publisher, kind, ssrc);
        }
    }

    fn probe(
        &mut self,
        subscriber: Slot,
        kind: Kind,
        reception: &mut Reception,
        look: &Look,
        now: Instant,
    ) {
        let estimate = self.estimate(subscriber, kind);
        let goal = reception.ladder.goal();
        let goal = goal.map(|goal| goal.saturating_add(look.plain));
        let search = goal.filter(|goal| *goal > estimate).map(|goal| Search {
            sent: look.spent(),
            goal,
        });
        if self.probes_other(subscriber, kind) && !reception.probe.is_on() {
            reception.probe.wait(now);
        }
        let mut owed = reception.probe.look(reception.room, search, now);
        let showing = look.publishers.iter().filter_map(|publisher| {
            let track = self.participants[*publisher].media(kind).track.as_ref()?;
            let layered = track.layered()?;
            layered.viewer(subscriber)?.on()?;
            Some((layered, track.ssrc))
        });
        let mut copies = Vec::new();
        for (layered, ssrc) in showing {
            for back in 0..COPIES {
                if owed == 0 {
                    break;
                }
                let Some(copy) = layered.copy((subscriber, ssrc), back, now) else {
                    continue;
                };
                let bytes = copy.bytes();
                owed = owed.saturating_sub(bytes);
                reception.probe.sent(bytes);
                copies.push(copy);
            }
        }
        let counted = self.counters.of_mut(kind);
        counted.probes += copies.len() as u64;
        counted.packets_out += copies.len() as u64;
        counted.bytes_out += copies.iter().map(Output::bytes).sum::<u64>();
        self.out.extend(copies);
    }

    /// Whether the receiver's other pictures, which come on the same path, are being probed for.
    fn probes_other(&self, subscriber: Slot, kind: Kind) -> bool {
        let other = match kind {
            Kind::Video => Kind::Content,
            Kind::Audio | Kind::Content => Kind::Video,
        };
        let other = &self.participants[subscriber].media(other).reception;
        other.as_ref().is_some_and(|other| other.probe.is_on())
    }

    /// Looks again before anything that is due by itself.
    fn arm(
        &mut self,
        subscriber: Slot,
        kind: Kind,
        reception: &mut Reception,
        look: &Look,
        now: Instant,
    ) {
        let (mut waits, mut stops_at) = (false, None);
        for (publisher, target) in look.publishers.iter().zip(&look.chosen) {
            let track = self.participants[*publisher].media(kind).track.as_ref();
            let layered = track.and_then(|track| track.layered());
            let Some(viewer) = layered.and_then(|layered| layered.viewer(subscriber)) else {
                continue;
            };
            waits |= viewer.on() != *target;
            stops_at = [stops_at, viewer.stops_at()].into_iter().flatten().min();
        }
        let often = waits || reception.ladder.goal().is_some();
        let by_itself = now + if often { LOOK_OFTEN } else { LOOK_SELDOM };
        let others = [
            stops_at,
            reception.ladder.next_due(),
            reception.probe.next(now),
        ];
        let at = others.into_iter().flatten().fold(by_itself, Instant::min);
        // What is due already was looked at just now.
        let at = at.max(now + Duration::from_millis(1));
        if reception
            .armed
            .is_none_or(|armed| at < armed || armed <= now)
        {
            reception.armed = Some(at);
            self.receptions.at(at, (subscriber, kind));
        }
    }
}
