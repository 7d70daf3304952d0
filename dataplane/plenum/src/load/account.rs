//! What one receiver should have got of one track, and what it got. Pure.
//!
//! Packets of a track are numbered from 0 by their sender, who also counts them, so that
//! nothing is estimated; but for tracks with layers, which the routers number. Expected are
//! the packets from the first one received to the last one sent; or, where the first came late
//! or never, from what was sent half a second after the subscription. Audio that was not among the loudest is not sent on, and not expected.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_client::dedup::{Verdict, Window};
use plenum_wire::Kind;

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

/// A time in which no audio came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// When it began.
    pub since: Instant,
    /// How long it was; 20 ms when all is well.
    pub length: Duration,
}

/// Tells gaps during a move, and just after, from the others.
#[derive(Debug, Default)]
pub struct Moves {
    moving: bool,
    /// Until when a gap is one of the last move.
    until: Option<Instant>,
}

/// How long after a move a gap still counts as its fault.
const AFTERMATH: Duration = Duration::from_secs(1);

impl Moves {
    /// A move began.
    pub const fn start(&mut self) {
        self.moving = true;
    }

    /// It ended, either way.
    pub fn end(&mut self, now: Instant) {
        self.moving = false;
        self.until = Some(now + AFTERMATH);
    }

    /// Whether some of the gap was during a move.
    #[must_use]
    pub fn touch(&self, gap: Gap) -> bool {
        self.moving || self.until.is_some_and(|until| gap.since < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(20);

    /// Receives these packets, each 20 ms after the one before, of `sent` in all.
    fn totals(numbers: &[u64], sent: u64) -> Totals {
        let mut at = Instant::now();
        let mut account = Account::new(Kind::Audio, at);
        for &number in numbers {
            at += TICK;
            account.receive(number, at);
        }
        account.close(sent)
    }

    #[test]
    fn nothing_lost_is_nothing_lost() {
        let all: Vec<u64> = (0..1_000).collect();
        let expected = Totals {
            expected: 1_000,
            received: 1_000,
            lost: 0,
            duplicated: 0,
        };
        assert_eq!(totals(&all, 1_000), expected);
    }

    #[test]
    fn losses_copies_and_disorder_are_told_apart() {
        // From 10 to 19; 13 and 17 lost, 12 twice, 15 late, the last one lost.
        let numbers = [10, 11, 12, 12, 14, 16, 15, 18];
        let expected = Totals {
            expected: 10,
            received: 7,
            lost: 3,
            duplicated: 1,
        };
        assert_eq!(totals(&numbers, 20), expected);
    }

    #[test]
    fn who_came_later_is_not_owed_what_was_before() {
        assert_eq!(totals(&[500, 501], 502).lost, 0);
    }

    #[test]
    fn a_track_that_never_came_counts_from_half_a_second_on() {
        let start = Instant::now();
        let mut account = Account::new(Kind::Audio, start);
        account.observe(0, start);
        account.observe(24, start + Duration::from_millis(480));
        account.observe(25, start + Duration::from_millis(500));
        account.observe(30, start + Duration::from_millis(600));
        let totals = account.close(125);
        assert_eq!((totals.expected, totals.lost), (100, 100));
    }

    #[test]
    fn a_first_packet_that_came_late_hides_no_loss() {
        let start = Instant::now();
        let mut account = Account::new(Kind::Audio, start);
        account.observe(25, start + GRACE);
        account.receive(100, start + Duration::from_secs(2));
        let totals = account.close(101);
        assert_eq!((totals.expected, totals.lost), (76, 75));
    }

    #[test]
    fn a_track_that_ended_within_the_grace_owes_nothing() {
        assert_eq!(totals(&[], 10), Totals::default());
    }

    #[test]
    fn gaps_are_between_packets_that_go_on() {
        let start = Instant::now();
        let mut account = Account::new(Kind::Audio, start);
        let mut gap = |number, ms| {
            let gap = account.receive(number, start + Duration::from_millis(ms));
            gap.map(|gap| gap.length.as_millis())
        };
        assert_eq!(gap(0, 0), None);
        assert_eq!(gap(1, 20), Some(20));
        assert_eq!(gap(3, 75), Some(55), "one lost in between");
        assert_eq!(gap(2, 80), None, "too late to fill the silence");
        assert_eq!(gap(4, 95), Some(20));
    }

    /// Receives these packets while so many were sent, 20 ms apart.
    fn receive(account: &mut Account, numbers: std::ops::Range<u64>, at: &mut Instant) -> u32 {
        let mut gaps = 0;
        for number in numbers {
            *at += TICK;
            account.observe(number + 1, *at);
            gaps += u32::from(account.receive(number, *at).is_some());
        }
        gaps
    }

    #[test]
    fn what_was_not_among_the_loudest_is_neither_lost_nor_a_gap() {
        let mut at = Instant::now();
        let mut account = Account::new(Kind::Audio, at);
        assert_eq!(receive(&mut account, 0..100, &mut at), 99);
        account.heard(false, at);
        account.observe(500, at + 400 * TICK);
        at += 400 * TICK;
        account.heard(true, at);
        assert_eq!(receive(&mut account, 500..600, &mut at), 99);
        account.heard(false, at);
        let totals = account.close(10_000);
        assert_eq!((totals.expected, totals.lost), (200, 0));
    }

    #[test]
    fn the_news_of_a_stretch_may_come_a_little_early_or_late() {
        let mut at = Instant::now();
        let mut account = Account::new(Kind::Audio, at);
        receive(&mut account, 0..100, &mut at);
        account.heard(false, at);
        // On its way when the news came.
        receive(&mut account, 100..102, &mut at);
        // Here before the news.
        receive(&mut account, 500..503, &mut at);
        account.heard(true, at);
        receive(&mut account, 503..600, &mut at);
        let totals = account.close(600);
        assert_eq!((totals.expected, totals.lost), (202, 0));
    }

    #[test]
    fn losses_within_a_stretch_and_at_its_end_are_losses() {
        let mut at = Instant::now();
        let mut account = Account::new(Kind::Audio, at);
        account.heard(false, at);
        account.heard(true, at);
        receive(&mut account, 10..50, &mut at);
        receive(&mut account, 53..100, &mut at);
        // Then nothing for two seconds, of which the last half is not judged.
        for sent in 100..200 {
            at += TICK;
            account.observe(sent + 1, at);
        }
        account.heard(false, at);
        let totals = account.close(10_000);
        assert_eq!(totals.lost, 3 + 75);
    }

    #[test]
    fn a_stretch_of_which_nothing_came_is_lost_but_for_the_grace() {
        let mut at = Instant::now();
        let mut account = Account::new(Kind::Audio, at);
        for sent in 0..100 {
            at += TICK;
            account.observe(sent + 1, at);
        }
        account.heard(false, at);
        assert_eq!(account.close(500).lost, 50);
        let mut account = Account::new(Kind::Audio, at);
        account.observe(100, at + TICK);
        account.heard(false, at + 2 * TICK);
        assert_eq!(account.close(500).lost, 0);
    }

    #[test]
    fn of_what_the_routers_number_the_missing_numbers_are_lost() {
        let at = Instant::now();
        let mut account = Account::new(Kind::Video, at);
        for sequence in [65_530, 65_533, 65_531, 3, 3] {
            account.receive_routed(sequence, at);
        }
        account.heard(false, at);
        account.heard(true, at);
        account.receive_routed(4, at);
        account.receive_routed(6, at);
        let totals = account.close_routed();
        assert_eq!((totals.expected, totals.received), (13, 6));
        assert_eq!((totals.lost, totals.duplicated), (7, 1));
        assert_eq!(Account::new(Kind::Video, at).close_routed().expected, 0);
    }

    #[test]
    fn video_has_no_audio_gaps() {
        let start = Instant::now();
        let mut account = Account::new(Kind::Video, start);
        account.receive(0, start);
        assert_eq!(account.receive(1, start + TICK), None);
    }

    #[test]
    fn a_gap_belongs_to_a_move_if_some_of_it_does() {
        let start = Instant::now();
        let at = |ms| Gap {
            since: start + Duration::from_millis(ms),
            length: TICK,
        };
        let mut moves = Moves::default();
        assert!(!moves.touch(at(0)));
        moves.start();
        assert!(moves.touch(at(0)));
        moves.end(start + Duration::from_millis(100));
        assert!(moves.touch(at(1_099)));
        assert!(!moves.touch(at(1_100)));
    }
}
