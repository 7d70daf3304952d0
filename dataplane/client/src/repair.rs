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
use plenum_wire::rtp::Header;

/// A key frame is not asked for again while the last request may still be answered; routers
/// pass on no more than this either.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Receiving {
    kind: Kind,
    gaps: Gaps,
    key_frame_asked: Option<Instant>,
}

/// What is missing of the tracks that are received.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    tracks: HashMap<u32, Receiving>,
    requests: VecDeque<(Kind, Bytes)>,
}

impl Repair {
    /// Takes a packet's number. Whether [`Repair::next_timeout`] has changed.
    pub fn receive(&mut self, kind: Kind, ssrc: u32, sequence: u16, now: Instant) -> bool {
        let patience = match kind {
            Kind::Audio => Patience::AUDIO,
            Kind::Video | Kind::Content => Patience::VIDEO,
        };
        let receiving = self.tracks.entry(ssrc).or_insert_with(|| Receiving {
            kind,
            gaps: Gaps::new(patience),
            key_frame_asked: None,
        });
        receiving.gaps.receive(sequence, now) == Arrival::Gap
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
                let request = rtcp::nack(sender, ssrc, &missing);
                self.requests.push_back((receiving.kind, request));
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
            let request = rtcp::picture_loss(sender, ssrc);
            self.requests.push_back((receiving.kind, request));
        }
    }

    /// The next request, for a flow of this kind.
    pub fn poll(&mut self) -> Option<(Kind, Bytes)> {
        self.requests.pop_front()
    }
}

/// What a track has sent lately. Shared, because its sender is on another task than the
/// session that hears the requests, and neither may wait for the other's turn.
#[derive(Clone)]
pub(crate) struct Kept(Arc<Mutex<Sent>>);

struct Sent {
    cache: Cache,
    packets: u64,
    budget: Budget,
}

impl Kept {
    pub fn new(kind: Kind) -> Self {
        let capacity = match kind {
            Kind::Audio => Cache::AUDIO,
            Kind::Video | Kind::Content => Cache::VIDEO,
        };
        Self(Arc::new(Mutex::new(Sent {
            cache: Cache::new(capacity),
            packets: 0,
            budget: Budget::new(0),
        })))
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        // Nothing in there can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A packet is being sent.
    pub fn keep(&self, packet: &Bytes, now: Instant) {
        if let Some(header) = Header::parse(packet) {
            let mut sent = self.sent();
            sent.packets += 1;
            sent.cache.keep(header.sequence, packet.clone(), now);
        }
    }

    /// The packets to send again.
    pub fn again(&self, nack: &Nack<'_>, now: Instant) -> Vec<Bytes> {
        let sent = &mut *self.sent();
        let Sent {
            cache,
            packets,
            budget,
        } = sent;
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

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_picture_that_is_given_up_makes_a_wish_for_a_key_frame() {
        let start = Instant::now();
        let mut repair = Repair::default();
        repair.receive(Kind::Video, 7, 1, start);
        assert!(repair.receive(Kind::Video, 7, 3, start));
        let mut last = None;
        while let Some(due) = repair.next_timeout() {
            repair.handle_timeout(9, due);
            while let Some((kind, packet)) = repair.poll() {
                assert_eq!(kind, Kind::Video);
                last = Some(packet);
            }
        }
        assert_eq!(last, Some(rtcp::picture_loss(9, 7)));
        repair.want_key_frame(9, 7, start + 1_400 * MS);
        assert_eq!(repair.poll(), None, "it has just been asked for");
        repair.want_key_frame(9, 7, start + 1_500 * MS);
        assert!(repair.poll().is_some());
    }

    #[test]
    fn what_was_sent_is_sent_again_as_it_was() {
        let now = Instant::now();
        let kept = Kept::new(Kind::Audio);
        let header = Header {
            payload_type: 111,
            marker: false,
            sequence: 5,
            timestamp: 960,
            ssrc: 7,
            payload_offset: 12,
        };
        let packet = plenum_wire::rtp::write(&header, b"a word");
        kept.keep(&packet, now);
        let request = rtcp::nack(0, 7, &[4, 5]);
        let Some(Feedback::Nack(nack)) = rtcp::feedback(&request).next() else {
            panic!("no request")
        };
        assert_eq!(kept.again(&nack, now), [packet]);
    }
}
