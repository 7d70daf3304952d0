//! Layers over time: what is too much is given up at once, more is given with patience.
//!
//! What changes slowly is the budget that layers are chosen by, not the layers. So a new
//! speaker, a picture that is enlarged or a track that ends are answered at once, within what
//! the receiver is known to get.

use std::time::{Duration, Instant};

use crate::allocate::next_step;
use crate::{Wish, allocate};

/// More is given when so many percent of it fit: an estimate swings by 10 %.
const MARGIN: u64 = 115;
/// For so long it has to fit.
const PATIENCE: Duration = Duration::from_secs(1);
/// And at most for so long, when it was often taken back.
const LONGEST: Duration = Duration::from_secs(16);
/// What was given and stood for so long was no mistake.
const TRIAL: Duration = Duration::from_secs(10);

/// Nor says an old one anything, after so long in which no more fitted: longer than any patience.
const FORGOTTEN: Duration = Duration::from_secs(20);

/// One receiver's. Down at once; up when 1.15 times of it have fitted for 1 s. When more was
/// given and had to be taken back within 10 s, the next time takes twice as long, up to 16 s; that is over when what was given stood for 10 s, or no
/// more fitted for 20 s.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// What layers are chosen by.
    held: Option<u32>,
    rising: Option<Rising>,
    patience: Duration,
    /// When somebody was given more, as long as it may prove to be a mistake.
    risen: Option<Instant>,
    goal: Option<u32>,
    /// Since when nobody could be given more.
    short: Option<Instant>,
    /// Kept for its memory.
    before: Vec<Option<u8>>,
}

/// The budget has been above the one held.
#[derive(Debug, Clone, Copy)]
struct Rising {
    since: Instant,
    /// The least that it was above by, without the margin.
    least: u32,
    /// Whether somebody could be given more all the time.
    enough: bool,
}

impl Default for Ladder {
    fn default() -> Self {
        Self::new()
    }
}

impl Ladder {
    /// The first budget is taken as it is.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            held: None,
            rising: None,
            patience: PATIENCE,
            risen: None,
            goal: None,
            short: None,
            before: Vec::new(),
        }
    }

    /// [`allocate`] with the budget that is held of those seen.
    pub fn choose(
        &mut self,
        budget_kbps: u32,
        wishes: &[Wish],
        now: Instant,
        out: &mut Vec<Option<u8>>,
    ) {
        if self.stood_its_trial(now) {
            self.risen = None;
            self.patience = PATIENCE;
        }
        let enough = self.goal.is_some_and(|goal| budget_kbps >= goal);
        let short = self.short.filter(|_| !enough).unwrap_or(now);
        self.short = (!enough).then_some(short);
        if now.saturating_duration_since(short) >= FORGOTTEN {
            self.patience = PATIENCE;
        }
        let before = self.held.unwrap_or(budget_kbps);
        let held = self.follow(before, (budget_kbps, enough), now);
        self.held = Some(held);
        allocate(held, wishes, out);
        if held != before {
            allocate(before, wishes, &mut self.before);
            self.learn(held > before, out, now);
        }
        let goal = next_step(wishes, out).map(|kbps| (kbps * MARGIN).div_ceil(100));
        self.goal = goal.map(|kbps| u32::try_from(kbps).unwrap_or(u32::MAX));
    }

    /// What is given takes so much now, which may be more than when it was given. It stays as
    /// long as it fits.
    pub fn keep(&mut self, kbps: u32, budget_kbps: u32) {
        if let Some(held) = &mut self.held
            && kbps <= budget_kbps
        {
            *held = kbps.max(*held);
        }
    }

    /// When to choose again although nothing has changed: more may be given then.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.rising.map(|rising| rising.since + self.patience)
    }

    /// The budget in kbit/s, margin included, with which somebody would get more; `None` when
    /// all have what they want. It is what to probe for.
    #[must_use]
    pub const fn goal(&self) -> Option<u32> {
        self.goal
    }

    /// The budget to hold, after the one held and the one seen now.
    fn follow(&mut self, held: u32, (budget, enough): (u32, bool), now: Instant) -> u32 {
        let least = u64::from(budget) * 100 / MARGIN;
        let least = u32::try_from(least).unwrap_or(u32::MAX);
        if least <= held {
            self.rising = None;
            return held.min(budget);
        }
        let fresh = Rising {
            since: now,
            least,
            enough,
        };
        // What was not enough before does not make what is enough wait for longer than it must.
        let rising = self.rising.filter(|rising| rising.enough || !enough);
        let rising = self.rising.insert(rising.unwrap_or(fresh));
        rising.least = rising.least.min(least);
        rising.enough &= enough;
        let Rising {
            since, least: next, ..
        } = *rising;
        if now.saturating_duration_since(since) < self.patience {
            return held;
        }
        // What it grew by meanwhile begins its own second.
        self.rising = (least > next).then_some(fresh);
        next
    }

    fn stood_its_trial(&self, now: Instant) -> bool {
        let risen = self.risen;
        risen.is_some_and(|at| now.saturating_duration_since(at) >= TRIAL)
    }

    /// Giving more begins a trial; having to give less again within it was a mistake.
    fn learn(&mut self, up: bool, given: &[Option<u8>], now: Instant) {
        let mut pairs = self.before.iter().zip(given);
        if up && pairs.any(|(before, given)| given > before) {
            self.risen = Some(now);
        } else if !up && self.risen.is_some() && pairs.any(|(before, given)| given < before) {
            // Several steps down are one mistake.
            self.risen = None;
            self.patience = (self.patience * 2).min(LONGEST);
        }
    }
}
