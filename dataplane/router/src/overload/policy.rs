//! Which step a router is on. Pure: it is told every 100 ms how it was, and the time.
//!
//! **Up.** A share of busy time near one says that more comes in than goes out: the media
//! threads wait while they gather, and do so no more only when there is always something left.
//! Two such samples in a row are enough; the sockets' receive buffers bridge them. A thread
//! that lost packets for want of time counts as one (see the media port's `Strain`); a single
//! sample may be a burst. The first step alone makes nobody's load less, so a router that
//! cannot keep up takes the second with it; one that is nearly full only closes.
//!
//! Few people do not fill a core. While there are so few, whatever else the machine does may
//! make the threads wait, and taking nobody or pictures from them would change nothing: then
//! it has to last, or something to be lost, before it counts. A CPU limit is used up by nobody
//! else, and may be so small that few people do: that counts as it is, whoever is there.
//!
//! **Down.** A step is left after four easy samples. What it left out may have been what made
//! it easy: if it has to be taken again, the router is wary, and tries again when there is
//! clearly less to do than then, or after a while, each time twice as long. So a lasting
//! overload does not make pictures come and go, and its end is seen at once: when there is
//! clearly less to do, nothing learned before counts.

use std::time::{Duration, Instant};

use super::{OverloadStep, Strain};

/// Nearly full: a round of gathering and sending takes ten times as long as the gathering,
/// which is up to 6 ms, and soon there is no end to it.
const NEARLY_FULL: f32 = 0.9;
/// It does not keep up: rounds take above 100 ms and grow.
const FULL: f32 = 0.95;
/// Below this a closed router takes people again: further from [`NEARLY_FULL`] than samples of
/// an even load differ.
const EASY_TO_OPEN: f32 = 0.8;
/// Below this a router tries to send more again.
const EASY_TO_SEND: f32 = 0.7;
/// Full samples in a row until something is left out: with the one in which it began, 300 ms.
const FULL_SAMPLES: u8 = 2;
/// Samples in a row, or in the mean, that make a router nearly full or a step easy: 400 ms.
const SOME: u8 = 4;
/// So many people or more are what makes a router busy: a meeting of ten with cameras is some
/// 20,000 packets/s, a tenth of what a core sends.
const MANY_PEOPLE: u32 = 10;
/// With fewer it counts after as many samples in a row that are nearly full: 2 s, longer than
/// they take to come in, whoever has the core.
const LASTS: u8 = 20;
/// Samples that are compared with those before: 800 ms. With [`SOME`] for each of two further
/// steps that makes 1.6 s, so that all is as before within 2 s of the end.
const MANY: u8 = 8;
/// How long the backlog is worked off before more is left out.
const WORKS_OFF: Duration = Duration::from_millis(300);
/// A step that has to be taken again so soon after it was left was left too early. Senders
/// take some seconds until they send again what nobody wanted.
const RELAPSE: Duration = Duration::from_secs(10);
/// Clearly less to do: below this share of what did not work. Single samples differ by half,
/// means of [`MANY`] by a sixth.
const CLEARLY_LESS: f32 = 0.66;
/// How long a router is wary at first, and at most.
const WARY_FIRST: Duration = Duration::from_secs(4);
const WARY_LONGEST: Duration = Duration::from_secs(64);

const STEPS: usize = OverloadStep::ALL.len();

/// The step, and what leads to the next.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    step: OverloadStep,
    /// When it left [`OverloadStep::Open`].
    closed: Option<Instant>,
    /// How busy it was, the newest last.
    samples: [f32; MANY as usize],
    /// So many samples in a row the threads were nearly full.
    lasts: u8,
    /// So many samples in a row, since the last step, were full ...
    full: u8,
    /// ... or easy.
    easy: u8,
    /// When something was left out last that was not before.
    rose: Option<Instant>,
    /// By step: when it was left last, and how busy it was before.
    left: [Option<(Instant, f32)>; STEPS],
    wary: [Option<Wary>; STEPS],
}

/// Leaving a step did not work.
#[derive(Debug, Clone, Copy)]
struct Wary {
    /// How busy it was before.
    busy: f32,
    until: Instant,
    patience: Duration,
}

/// How it was in 100 ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub strain: Strain,
    /// Participants on the router.
    pub people: u32,
}

impl Overload {
    pub(crate) const fn step(&self) -> OverloadStep {
        self.step
    }

    /// Since when it takes nobody new.
    pub(crate) const fn closed_since(&self) -> Option<Instant> {
        self.closed
    }

    /// How it was in the last 100 ms. The step from now on, if it is another.
    pub(crate) fn strain(&mut self, sample: Sample, now: Instant) -> Option<OverloadStep> {
        self.forgive(now);
        let busy = self.own(sample);
        self.note(busy);
        let next = match self.higher(now) {
            Some(higher) => {
                self.rise(higher, now);
                higher
            }
            None if self.may_leave(now) => {
                self.leave(now);
                self.step.lower()
            }
            None => return None,
        };
        self.step = next;
        self.closed = (next != OverloadStep::Open).then(|| self.closed.unwrap_or(now));
        (self.full, self.easy) = (0, 0);
        Some(next)
    }

    /// What of it is the router's own doing.
    fn own(&mut self, Sample { strain, people }: Sample) -> f32 {
        self.lasts = count(self.lasts, strain.busy >= NEARLY_FULL);
        let lost = strain.dropped > 0;
        let busy = if lost || people >= MANY_PEOPLE || self.lasts >= LASTS {
            strain.busy
        } else {
            strain.busy.min(EASY_TO_SEND / 2.0)
        };
        busy.max(strain.limit_used)
    }

    fn note(&mut self, busy: f32) {
        self.samples.rotate_left(1);
        self.samples[MANY as usize - 1] = busy;
        let limit = match self.step {
            OverloadStep::Open | OverloadStep::Closed => EASY_TO_OPEN,
            OverloadStep::LowLayers | OverloadStep::ActiveOnly => EASY_TO_SEND,
        };
        self.full = count(self.full, busy >= FULL);
        self.easy = count(self.easy, busy < limit);
    }

    fn higher(&self, now: Instant) -> Option<OverloadStep> {
        let works_off = self
            .rose
            .is_some_and(|rose| now.saturating_duration_since(rose) < WORKS_OFF);
        let full = self.full >= FULL_SAMPLES && !works_off;
        match self.step {
            OverloadStep::Open | OverloadStep::Closed if full => Some(OverloadStep::LowLayers),
            OverloadStep::LowLayers if full => Some(OverloadStep::ActiveOnly),
            OverloadStep::Open if self.mean(SOME) >= NEARLY_FULL => Some(OverloadStep::Closed),
            _ => None,
        }
    }

    fn rise(&mut self, to: OverloadStep, now: Instant) {
        if to.shed() > self.step.shed() {
            self.rose = Some(now);
        }
        for step in OverloadStep::ALL {
            let again = step > self.step && step <= to;
            let left = self.left[step as usize].take_if(|_| again);
            if let Some((_, busy)) = left {
                let wary = &mut self.wary[step as usize];
                let patience = wary.map_or(WARY_FIRST, |it| (it.patience * 2).min(WARY_LONGEST));
                *wary = Some(Wary {
                    busy,
                    until: now + patience,
                    patience,
                });
            }
        }
    }

    fn may_leave(&self, now: Instant) -> bool {
        let dares = self.wary[self.step as usize]
            .is_none_or(|wary| now >= wary.until || self.has_clearly_less(wary));
        self.step != OverloadStep::Open && self.easy >= SOME && dares
    }

    fn has_clearly_less(&self, wary: Wary) -> bool {
        self.easy >= MANY && self.mean(MANY) < wary.busy * CLEARLY_LESS
    }

    fn leave(&mut self, now: Instant) {
        if self.wary[self.step as usize].is_some_and(|wary| self.has_clearly_less(wary)) {
            self.wary = [None; STEPS];
        }
        let busy = self.mean(self.easy.min(MANY));
        self.left[self.step as usize] = Some((now, busy));
    }

    /// Steps that were left for good are no longer feared.
    fn forgive(&mut self, now: Instant) {
        for (left, wary) in self.left.iter_mut().zip(&mut self.wary) {
            let for_good =
                |(at, _): &mut (Instant, f32)| now.saturating_duration_since(*at) >= RELAPSE;
            if left.take_if(for_good).is_some() {
                *wary = None;
            }
        }
    }

    /// Of the newest samples.
    fn mean(&self, count: u8) -> f32 {
        let newest = self.samples.iter().rev().take(count.into());
        newest.sum::<f32>() / f32::from(count)
    }
}

/// Of what holds once more, or no more.
const fn count(before: u8, holds: bool) -> u8 {
    if holds { before.saturating_add(1) } else { 0 }
}
