//! How much a path carries, from what was sent on it and came to be known as delivered or lost.
//!
//! Pure: no socket, no clock. Delay- and loss-based, after Google Congestion Control
//! (draft-ietf-rmcat-gcc-02), `SCReAM` (RFC 8298) and NADA (RFC 8698):
//!
//! - **A queue lowers it.** What a round trip takes longer than the shortest of the last 10 s is
//!   a queue. One of 60 ms that stays lowers the estimate to less than what came through
//!   meanwhile, which is what the path carries, and by more the longer the queue is.
//! - **Loss lowers it** only when it is surely above a tenth: radio loses that much by chance,
//!   repair makes up for it, and a full queue shows in the delay first.
//! - **Else it grows**, at once while the path has shown no limit, slowly after it was lowered
//!   and the faster the longer nothing happens; but never beyond one and a half of what came
//!   through: what was not tried is not known. What came through is always believed.
//!
//! | file | idea |
//! |---|---|
//! | `history` | what came through of late, at which rate and after how long |
//! | `base` | how long the path takes without a queue |
//! | `loss` | whether too much is lost |
//! | `told` | which changes are worth telling |
//!
//! Round trips are taken from the newest packet that an acknowledgement is for. QUIC
//! acknowledges every 20 packets or after 25 ms, so that one alone says little; the shortest of
//! several is good to some 25 ms.

mod base;
mod history;
mod loss;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod told;

use std::ops::Range;
use std::time::{Duration, Instant};

use base::Base;
use history::History;
use loss::Loss;
pub(crate) use told::Told;

/// Bits a second before anything is known: a dozen thumbnails.
const INITIAL: u64 = 2_000_000;
/// A voice always passes.
const LOWEST: u64 = 64_000;
const HIGHEST: u64 = 10_000_000_000;

/// Over which time a queue must stay to be one: longer than a key frame's own takes to pass, and
/// some acknowledgements.
const STANDING: Duration = Duration::from_millis(150);
/// So much of it must be covered by acknowledgements.
const COVERED: Duration = Duration::from_millis(100);
/// A standing queue of so much lowers the estimate. Twice what the acknowledgements' own delay
/// makes uncertain.
const TOO_LONG: Duration = Duration::from_millis(60);
/// With a longer queue than this the estimate does not grow.
const NONE_TO_SPEAK_OF: Duration = Duration::from_millis(35);
/// A queue that gets shorter by so much, from one half of the time to the other, is going away.
const SHRINKS: Duration = Duration::from_millis(5);
/// A queue is taken to be the path's own length when lowering has not made it shorter so often.
const FUTILE: u8 = 3;
/// A queue that comes back after this is another one.
const SOON: Duration = Duration::from_secs(2);
/// Less of a change is none.
const SAME: Duration = Duration::from_millis(10);

/// A share of loss, in thousandths, that is no chance any more.
const SEVERE: u64 = 250;

/// What came through is measured over this time to bound the growth, and over the shorter one
/// to be believed.
const LATELY: Duration = Duration::from_millis(500);
const JUST_NOW: Duration = Duration::from_millis(150);
/// Growth: half a packet each response time at first (GCC section 5.5), doubled each second.
const STEP_BITS: u64 = 1_200 * 8 / 2;
/// GCC section 5.5: a round trip and so much to notice.
const NOTICE: Duration = Duration::from_millis(100);
/// Doublings after which growth is bounded by the estimate itself in any case.
const DOUBLINGS: u64 = 20;
/// Acknowledgements further apart say nothing about the time between them.
const STEP: Duration = Duration::from_millis(100);

/// Packets whose delivery became known at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivered {
    /// When the newest of them was sent.
    pub(crate) sent: Instant,
    pub(crate) bytes: u64,
    pub(crate) packets: u32,
}

/// The estimate for one connection.
#[derive(Debug, Clone)]
pub(crate) struct Estimate {
    bits_per_s: u64,
    history: History,
    base: Base,
    loss: Loss,
    /// When it was lowered last, for whatever reason.
    lowered: Option<Instant>,
    /// When it was lowered last for a queue.
    queued: Option<Queued>,
    /// Up to when it has grown.
    grown: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Queued {
    at: Instant,
    /// How long the queue was.
    queue: Duration,
    /// How often lowering had not made it shorter.
    futile: u8,
}

impl Estimate {
    pub(crate) const fn new() -> Self {
        Self {
            bits_per_s: INITIAL,
            history: History::new(),
            base: Base::new(),
            loss: Loss::new(),
            lowered: None,
            queued: None,
            grown: None,
        }
    }

    pub(crate) const fn bits_per_s(&self) -> u64 {
        self.bits_per_s
    }

    /// Whether the path has shown a limit yet.
    pub(crate) const fn has_met_a_limit(&self) -> bool {
        self.lowered.is_some()
    }

    /// Packets came through.
    pub(crate) fn handle_delivered(&mut self, delivered: Delivered, now: Instant) {
        let round_trip = now.saturating_duration_since(delivered.sent);
        self.history.keep(delivered, round_trip, now);
        let lately = self.history.shortest(Duration::ZERO..STANDING, None, now);
        self.base.see(round_trip, lately.unwrap_or(round_trip), now);
        self.loss.see_delivered(delivered, now);
        match self.standing_queue(now) {
            Some(queue) => self.lower_for_queue(queue, now),
            None => self.grow(round_trip, now),
        }
    }

    /// Packets were lost, or came so late that they were taken for lost.
    pub(crate) fn handle_lost(&mut self, bytes: u64, now: Instant) {
        self.loss.see_lost(bytes, now);
        let Some(per_mille) = self.loss.too_much() else {
            return;
        };
        // GCC section 6, and more where that is far from enough; but not below what came through.
        let share = if per_mille < SEVERE {
            per_mille / 2
        } else {
            per_mille
        };
        let less = self.bits_per_s - self.bits_per_s * share / 1_000;
        let through = self.history.rate(STANDING).unwrap_or(0);
        self.lower(less.max(through), now);
        self.loss = Loss::new();
    }

    /// The path marked a packet that was sent then instead of dropping it: RFC 3168.
    pub(crate) fn handle_marked(&mut self, sent: Instant, now: Instant) {
        if self.lowered.is_none_or(|lowered| sent > lowered) {
            let through = self.history.rate(LATELY).unwrap_or(self.bits_per_s);
            self.lower(through * 85 / 100, now);
        }
    }

    /// How long the queue is, if it was too long all the time and does not get shorter.
    fn standing_queue(&self, now: Instant) -> Option<Duration> {
        // What was sent before the last change tells nothing about it.
        let of = self.queued.map(|queued| queued.at);
        let covered = self.history.oldest(STANDING, of, now)?;
        if covered < COVERED {
            return None;
        }
        let half = STANDING / 2;
        let before = self.queue(half..STANDING, of, now);
        let after = self.queue(Duration::ZERO..half, of, now)?;
        let before = before.unwrap_or(after);
        let too_long = TOO_LONG + self.base.varies();
        let stays = after + SHRINKS >= before && after.min(before) > too_long;
        stays.then_some(after)
    }

    /// The shortest queue that is known of packets sent after `of`, for so long.
    fn queue(&self, known: Range<Duration>, of: Option<Instant>, now: Instant) -> Option<Duration> {
        let shortest = self.history.shortest(known, of, now)?;
        let base = self.base.shortest()?;
        Some(shortest.saturating_sub(base))
    }

    fn lower_for_queue(&mut self, queue: Duration, now: Instant) {
        let futile = self.queued.map_or(0, |before| {
            let lately = now.saturating_duration_since(before.at) < SOON;
            let helped = queue + SAME < before.queue;
            if lately && !helped {
                before.futile + 1
            } else {
                0
            }
        });
        self.queued = Some(Queued {
            at: now,
            queue,
            futile,
        });
        if futile == FUTILE {
            // The path became longer, or others keep a queue in it, whatever we do.
            self.base.begin_anew();
            self.queued = None;
            return;
        }
        // The queue was never empty, so that what came through is all that the path carries. What
        // is left below it drains the queue in about a second.
        let long = u64::try_from(queue.as_millis())
            .unwrap_or(u64::MAX)
            .min(300);
        let through = self.history.rate(STANDING).unwrap_or(self.bits_per_s);
        self.lower(through * (950 - long) / 1_000, now);
    }

    fn lower(&mut self, to: u64, now: Instant) {
        self.bits_per_s = self.bits_per_s.min(to).max(LOWEST);
        self.grown = Some(now);
        self.lowered = Some(now);
    }

    fn grow(&mut self, round_trip: Duration, now: Instant) {
        let past = self.grown.map_or(Duration::ZERO, |grown| {
            now.saturating_duration_since(grown).min(STEP)
        });
        self.grown = Some(now);
        let queue = self.queue(Duration::ZERO..STANDING, self.lowered, now);
        let none_to_speak_of = NONE_TO_SPEAK_OF + self.base.varies();
        if queue.is_none_or(|queue| queue > none_to_speak_of) {
            return;
        }
        let tried = self.history.rate(LATELY).unwrap_or(0) * 3 / 2;
        let grown = self.lowered.map_or(tried, |lowered| {
            let more = self.growth(round_trip, now - lowered) * micros(past) / 1_000_000;
            tried.min(self.bits_per_s + more)
        });
        let proven = self.history.rate(JUST_NOW).unwrap_or(0);
        self.bits_per_s = self.bits_per_s.max(grown).max(proven).min(HIGHEST);
    }

    /// Bits a second each second, so long after the estimate was lowered.
    fn growth(&self, round_trip: Duration, quiet: Duration) -> u64 {
        let doublings = quiet.as_secs().min(DOUBLINGS);
        let response = micros(round_trip + NOTICE);
        let step = STEP_BITS * 1_000_000 / response;
        (step << doublings).min(self.bits_per_s / 2)
    }
}

/// No duration here is as long as would not fit.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
