//! What one receiver should have got of one track, and what it got. Pure.
//!
//! Packets of a track are numbered from 0 by their sender, who also counts them, so that
//! nothing is estimated; but for tracks with layers, which the routers number. Expected are
//! the packets from the first one received to the last one sent; or, where the first came late
//! or never, from what was sent half a second after the subscription. Audio that was not among
//! the loudest is not sent on, and not expected.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_client::dedup::{Verdict, Window};
use plenum_wire::Kind;

use super::gap::Gap;

/// How long after the subscription the first packet may take before it counts as lost.
const GRACE: Duration = Duration::from_millis(500);

/// Sums over tracks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// What the receiver should have got.
    pub expected: u64,
    /// What it got, each once.
    pub received: u64,
    /// What it should have got and did not.
    pub lost: u64,
    /// What it got more than once.
    pub duplicated: u64,
}

impl Totals {
    /// Adds another one's.
    pub fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.received += other.received;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
    }
}

/// One track at one receiver. Its audio comes only while it is among the loudest: each such
/// stretch is judged by itself, as a subscription is, and between them nothing is expected.
#[derive(Debug)]
pub struct Account {
    kind: Kind,
    /// `None` while the routers send it to nobody.
    stretch: Option<Stretch>,
    /// Of the stretches before.
    expected: u64,
    /// Where the last one ended.
    ended: u64,
    window: Window,
    received: u64,
    duplicated: u64,
    last: Option<Instant>,
    /// How many were sent, at each moment of the grace that is just over.
    sent: VecDeque<(Instant, u64)>,
}

/// A time in which the track is sent to its receivers.
#[derive(Debug)]
struct Stretch {
    since: Instant,
    /// Numbers up to this one came before it.
    after: Option<u64>,
    /// How many were sent before the grace ended.
    sent_in_grace: Option<u64>,
    first: Option<u64>,
}

impl Stretch {
    const fn new(since: Instant, after: Option<u64>) -> Self {
        Self {
            since,
            after,
            sent_in_grace: None,
            first: None,
        }
    }

    /// The first packet that was due; `None` when none was yet.
    fn from(&self) -> Option<u64> {
        match (self.first, self.sent_in_grace) {
            (Some(first), Some(in_grace)) => Some(first.min(in_grace)),
            (one, other) => one.or(other),
        }
    }

    /// Whether a packet is one of this stretch.
    fn has(&self, number: u64) -> bool {
        self.after.is_none_or(|after| number > after)
    }
}

impl Account {
    /// Opened when the track is announced to the receiver.
    #[must_use]
    pub fn new(kind: Kind, subscribed: Instant) -> Self {
        Self {
            kind,
            stretch: Some(Stretch::new(subscribed, None)),
            expected: 0,
            ended: 0,
            window: Window::default(),
            received: 0,
            duplicated: 0,
            last: None,
            sent: VecDeque::new(),
        }
    }

    /// Enters packet number `number`. For audio, the time since the packet before, if this
    /// one goes on from there: a late one fills no silence.
    pub fn receive(&mut self, number: u64, at: Instant) -> Option<Gap> {
        let before = self.window.highest();
        let verdict = self.window.check_extended(number);
        self.enter(before, verdict, at)
    }

    /// Enters a packet of a track with layers, which the routers number.
    pub fn receive_routed(&mut self, sequence: u16, at: Instant) {
        let before = self.window.highest();
        let verdict = self.window.check(sequence);
        self.enter(before, verdict, at);
    }

    fn enter(&mut self, before: Option<u64>, verdict: Verdict, at: Instant) -> Option<Gap> {
        let Verdict::New(number) = verdict else {
            self.duplicated += 1;
            return None;
        };
        self.received += 1;
        let Some(stretch) = self.stretch.as_mut().filter(|one| one.has(number)) else {
            // Sent just before the news of a stretch's begin or end: counted by itself.
            self.expected += u64::from(number >= self.ended);
            return None;
        };
        let first = stretch.first.get_or_insert(number);
        *first = number.min(*first);
        if before.is_some_and(|before| number < before) {
            return None;
        }
        let since = self.last.replace(at)?;
        (self.kind == Kind::Audio).then(|| Gap {
            since,
            length: at.saturating_duration_since(since),
        })
    }

    /// Notes how many the sender has sent by `now`; to be called several times a second.
    pub fn observe(&mut self, sent: u64, now: Instant) {
        self.sent.push_back((now, sent));
        while self.sent.get(1).is_some_and(|(at, _)| *at + GRACE <= now) {
            self.sent.pop_front();
        }
        if let Some(stretch) = &mut self.stretch
            && stretch.sent_in_grace.is_none()
            && now >= stretch.since + GRACE
        {
            stretch.sent_in_grace = Some(sent);
        }
    }

    /// What is received.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The routers say whether the track is among the loudest.
    pub fn heard(&mut self, heard: bool, now: Instant) {
        match self.stretch.take_if(|_| !heard) {
            Some(over) => {
                // When exactly it ended nobody knows: the last packet that came was due, and
                // what was sent well before the news.
                let came = self.window.highest().filter(|number| over.has(*number));
                let before = self.sent.front().filter(|(at, _)| *at + GRACE <= now);
                let to = came.map(|number| number + 1);
                let to = to.max(before.map(|(_, sent)| *sent));
                if let (Some(from), Some(to)) = (over.from(), to) {
                    self.expected += to.saturating_sub(from);
                    self.ended = to.max(from);
                }
                self.last = None;
            }
            None if heard && self.stretch.is_none() => {
                self.stretch = Some(Stretch::new(now, self.window.highest()));
            }
            None => {}
        }
    }

    /// Closes the account of a track with layers. Which of them were meant for us nobody else
    /// knows: the last packet that came is taken for the last one sent.
    #[must_use]
    pub fn close_routed(self) -> Totals {
        let sent = self.window.highest().map_or(0, |highest| highest + 1);
        self.close(sent)
    }

    /// Closes the account when the track is over; `sent` is how many its sender sent.
    #[must_use]
    pub fn close(self, sent: u64) -> Totals {
        let from = self.stretch.as_ref().and_then(Stretch::from);
        let expected = self.expected + from.map_or(0, |from| sent.saturating_sub(from));
        Totals {
            expected,
            received: self.received,
            lost: expected.saturating_sub(self.received),
            duplicated: self.duplicated,
        }
    }
}

#[cfg(test)]
mod tests;
