//! What this client lost, and what it is asked for again.
//!
//! Pure. [`Repair`] is the receiving side of all tracks; [`Kept`] is the sending side of one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_repair::{Arrival, Budget, Cache, Gaps, Patience};
use plenum_wire::Kind;
use plenum_wire::rtcp::{self, Nack};

use crate::moving::LegId;

/// A key frame is not asked for again while the last request may still be answered; routers
/// pass on no more than this either.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Receiving {
    kind: Kind,
    /// Who knows the numbers; see [`Request::to`].
    by: Option<LegId>,
    gaps: Gaps,
    /// The last of another leg's numbers were missing when this one took over.
    broken: bool,
    key_frame_asked: Option<Instant>,
}

/// RTCP to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// On this flow.
    pub kind: Kind,
    /// Only on this leg, whose router's numbers it names; `None` for every leg.
    pub to: Option<LegId>,
    pub packet: Bytes,
}

/// What is missing of the tracks that are received.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    tracks: HashMap<u32, Receiving>,
    requests: VecDeque<Request>,
    whole: bool,
}

impl Repair {
    /// Of nothing yet. `whole`: what a viewer no longer needs is asked for too.
    pub fn new(whole: bool) -> Self {
        Self {
            whole,
            ..Self::default()
        }
    }

    /// Takes the number of a packet that came for the first time, by whoever numbered it.
    /// Whether [`Repair::next_timeout`] has changed.
    pub fn receive(
        &mut self,
        kind: Kind,
        ssrc: u32,
        (by, sequence): (Option<LegId>, u16),
        now: Instant,
    ) -> bool {
        let patience = match kind {
            Kind::Audio => Patience::AUDIO,
            Kind::Video | Kind::Content => Patience::VIDEO,
        };
        let receiving = self.tracks.entry(ssrc).or_insert_with(|| Receiving {
            kind,
            by,
            gaps: Gaps::new(patience),
            broken: false,
            key_frame_asked: None,
        });
        if receiving.by != by {
            receiving.by = by;
            receiving.broken |= receiving.gaps.next_due().is_some();
            receiving.gaps = Gaps::new(patience);
        }
        receiving.gaps.receive(sequence, now) == Arrival::Gap
    }

    /// A picture begins with this number that refers to none before it: what is missing there is
    /// not worth what asking for it costs, least of all on a path that became narrow.
    pub fn begins_anew(&mut self, ssrc: u32, sequence: u16) {
        if self.whole {
            return;
        }
        if let Some(receiving) = self.tracks.get_mut(&ssrc) {
            receiving.gaps.forget_before(sequence);
        }
    }

    /// Whether a picture is broken because of a change from one leg to another.
    pub fn take_broken(&mut self, ssrc: u32) -> bool {
        let receiving = self.tracks.get_mut(&ssrc);
        receiving.is_some_and(|receiving| std::mem::take(&mut receiving.broken))
    }

    /// A track is over.
    pub fn forget(&mut self, ssrc: u32) {
        self.tracks.remove(&ssrc);
    }

    /// When [`Repair::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        let due = self.tracks.values().filter_map(|one| one.gaps.next_due());
        due.min()
    }

    /// Asks for what is missing, and for a key frame where a picture was given up. `sender`
    /// is who asks.
    pub fn handle_timeout(&mut self, sender: u32, now: Instant) {
        let mut missing = Vec::new();
        let mut broken = Vec::new();
        for (&ssrc, receiving) in &mut self.tracks {
            if receiving.gaps.next_due().is_none_or(|due| due > now) {
                continue;
            }
            receiving.gaps.ask(now, &mut missing);
            if receiving.gaps.take_given_up() > 0 && receiving.kind != Kind::Audio {
                broken.push(ssrc);
            }
            if !missing.is_empty() {
                self.requests.push_back(Request {
                    kind: receiving.kind,
                    to: receiving.by,
                    packet: rtcp::nack(sender, ssrc, &missing),
                });
                missing.clear();
            }
        }
        for ssrc in broken {
            self.want_key_frame(sender, ssrc, now);
        }
    }

    /// Asks for a key frame, unless one was asked for just now.
    pub fn want_key_frame(&mut self, sender: u32, ssrc: u32, now: Instant) {
        let Some(receiving) = self.tracks.get_mut(&ssrc) else {
            return;
        };
        let asked = receiving.key_frame_asked;
        if asked.is_none_or(|at| now.saturating_duration_since(at) >= KEY_FRAME_EVERY) {
            receiving.key_frame_asked = Some(now);
            self.requests.push_back(Request {
                kind: receiving.kind,
                to: None,
                packet: rtcp::picture_loss(sender, ssrc),
            });
        }
    }

    /// The next request.
    pub fn poll(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }
}

/// What a track has sent lately. Shared, because its sender is on another task than the
/// session that hears the requests, and neither may wait for the other's turn.
#[derive(Clone)]
pub(crate) struct Kept(Arc<[Mutex<Sent>]>);

/// Of one layer.
struct Sent {
    cache: Cache,
    packets: u64,
    budget: Budget,
}

impl Kept {
    pub fn new(kind: Kind, layers: usize) -> Self {
        let capacity = match kind {
            Kind::Audio => Cache::AUDIO,
            Kind::Video | Kind::Content => Cache::VIDEO,
        };
        let sent = || Sent {
            cache: Cache::new(capacity),
            packets: 0,
            budget: Budget::new(0),
        };
        Self((0..layers).map(|_| Mutex::new(sent())).collect())
    }

    fn layer(&self, layer: usize) -> Option<MutexGuard<'_, Sent>> {
        let sent = self.0.get(layer)?;
        // Nothing in there can be left half done.
        Some(sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A packet is being sent.
    pub fn keep(&self, layer: usize, sequence: u16, packet: &Bytes, now: Instant) {
        if let Some(mut sent) = self.layer(layer) {
            sent.packets += 1;
            sent.cache.keep(sequence, packet.clone(), now);
        }
    }

    /// The packets to send again.
    pub fn again(&self, layer: usize, nack: &Nack<'_>, now: Instant) -> Vec<Bytes> {
        let Some(mut sent) = self.layer(layer) else {
            return Vec::new();
        };
        let Sent {
            cache,
            packets,
            budget,
        } = &mut *sent;
        nack.sequences()
            .filter_map(|sequence| cache.get(sequence, now))
            .take_while(|_| budget.take(*packets))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use plenum_wire::rtcp::Feedback;
    use plenum_wire::rtp::Header;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_picture_that_is_given_up_makes_a_wish_for_a_key_frame() {
        let start = Instant::now();
        let mut repair = Repair::default();
        repair.receive(Kind::Video, 7, (None, 1), start);
        assert!(repair.receive(Kind::Video, 7, (None, 3), start));
        let mut last = None;
        while let Some(due) = repair.next_timeout() {
            repair.handle_timeout(9, due);
            while let Some(request) = repair.poll() {
                assert_eq!((request.kind, request.to), (Kind::Video, None));
                last = Some(request.packet);
            }
        }
        assert_eq!(last, Some(rtcp::picture_loss(9, 7)));
        repair.want_key_frame(9, 7, start + 1_400 * MS);
        assert_eq!(repair.poll(), None, "it has just been asked for");
        repair.want_key_frame(9, 7, start + 1_500 * MS);
        assert!(repair.poll().is_some());
    }

    #[test]
    fn before_a_key_frame_only_a_recording_misses_anything() {
        for whole in [false, true] {
            let now = Instant::now();
            let mut repair = Repair::new(whole);
            repair.receive(Kind::Video, 7, (None, 1), now);
            repair.receive(Kind::Video, 7, (None, 3), now);
            repair.begins_anew(7, 3);
            assert_eq!(repair.next_timeout().is_some(), whole);
        }
    }

    #[test]
    fn what_a_router_numbered_is_asked_of_it_alone() {
        let start = Instant::now();
        let mut repair = Repair::default();
        let (old, new) = (Some(LegId(1)), Some(LegId(2)));
        for (by, sequence) in [(old, 7), (old, 9), (new, 500), (new, 502)] {
            repair.receive(Kind::Video, 7, (by, sequence), start);
        }
        assert!(repair.take_broken(7), "the old router's 8 will not come");
        assert!(!repair.take_broken(7), "said once");
        let due = repair.next_timeout().unwrap();
        repair.handle_timeout(9, due);
        let request = repair.poll().unwrap();
        assert_eq!(
            (request.to, request.packet),
            (new, rtcp::nack(9, 7, &[501]))
        );
        assert_eq!(repair.poll(), None);
    }

    #[test]
    fn what_was_sent_is_sent_again_as_it_was() {
        let now = Instant::now();
        let kept = Kept::new(Kind::Video, 2);
        let header = Header {
            payload_type: 111,
            marker: false,
            sequence: 5,
            timestamp: 960,
            ssrc: 7,
            payload_offset: 12,
        };
        let packet = plenum_wire::rtp::write(&header, b"a word");
        kept.keep(1, header.sequence, &packet, now);
        let request = rtcp::nack(0, 7, &[4, 5]);
        let Some(Feedback::Nack(nack)) = rtcp::feedback(&request).next() else {
            panic!("no request")
        };
        assert!(kept.again(0, &nack, now).is_empty(), "another layer's");
        assert_eq!(kept.again(1, &nack, now), [packet]);
    }
}
