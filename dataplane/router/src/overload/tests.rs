#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::policy::{Overload, Sample};
use super::{OverloadStep, Shed, Strain};

const SAMPLE: Duration = Duration::from_millis(100);
/// What the receive buffers hold, in seconds of work.
const BUFFER: f32 = 0.3;

/// With enough people to be busy by.
const fn many(busy: f32) -> Sample {
    limited(busy, 0.0, 200)
}

/// So many people on a router that has a CPU limit.
const fn limited(busy: f32, limit_used: f32, people: u32) -> Sample {
    let strain = Strain {
        busy,
        limit_used,
        dropped: 0,
    };
    Sample { strain, people }
}

/// A router whose work comes evenly: what it cannot do waits, until the buffers are full.
struct Router {
    overload: Overload,
    now: Instant,
    /// Cores that all the work would take.
    demand: f32,
    /// Share of it that is left out on the last two steps.
    shed: [f32; 2],
    /// Of what is left out, so much is left in or out after each sample: senders take a while
    /// until they stop what nobody wants, and until they send it again.
    follows: f32,
    left_out: f32,
    /// By how much it differs from one sample to the next.
    noise: f32,
    random: StdRng,
    waiting: f32,
    lost: f32,
    /// How often pictures came back.
    came: usize,
    full: usize,
}

impl Router {
    fn new(demand: f32, shed: [f32; 2]) -> Self {
        Self {
            overload: Overload::default(),
            now: Instant::now(),
            demand,
            shed,
            follows: 1.0,
            left_out: 0.0,
            noise: 0.0,
            random: StdRng::seed_from_u64(0),
            waiting: 0.0,
            lost: 0.0,
            came: 0,
            full: 0,
        }
    }

    fn step(&self) -> OverloadStep {
        self.overload.step()
    }

    /// One sample.
    fn work(&mut self) {
        let share = SAMPLE.as_secs_f32();
        let left_out = match self.step().shed() {
            Shed::None => 0.0,
            Shed::LowLayers => self.shed[0],
            Shed::ActiveOnly => self.shed[1],
        };
        self.left_out += (left_out - self.left_out) * self.follows;
        let differs = 1.0 + self.noise * self.random.random_range(-1.0..=1.0);
        let work = self.waiting + self.demand * differs * (1.0 - self.left_out) * share;
        let done = work.min(share);
        let dropped = (work - done - BUFFER).max(0.0);
        self.waiting = work - done - dropped;
        self.lost += dropped;
        self.now += SAMPLE;
        let busy = done / share;
        self.full += usize::from(busy >= 0.95);
        let before = self.step().shed();
        self.overload.strain(many(busy), self.now);
        self.came += usize::from(self.step().shed() < before);
    }

    fn work_for(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / SAMPLE.as_millis() {
            self.work();
        }
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What the last two steps leave out, the second at least as much as the first.
fn shed() -> impl Strategy<Value = [f32; 2]> {
    (0.1_f32..0.9, 0.0_f32..1.0).prop_map(|(first, more)| [first, first + (0.95 - first) * more])
}

/// Any, often a full one.
fn sample() -> impl Strategy<Value = f32> {
    prop_oneof![4 => 0.0_f32..1.0, 1 => Just(1.0)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_router_that_keeps_up_leaves_out_nothing(
        samples in prop::collection::vec((0.0_f32..0.95, 0.0_f32..0.95), 1..500),
    ) {
        let mut overload = Overload::default();
        let mut now = Instant::now();
        for (busy, limit_used) in samples {
            now += SAMPLE;
            overload.strain(limited(busy, limit_used, 200), now);
            prop_assert_eq!(overload.step().shed(), Shed::None);
        }
    }

    #[test]
    fn twice_the_load_loses_nothing_where_leaving_out_half_is_enough(
        before in 0.0_f32..0.8,
        first in 0.55_f32..0.9,
    ) {
        let mut router = Router::new(before, [first, 0.95]);
        router.work_for(seconds(5));
        router.demand = 2.0;
        router.work_for(seconds(60));
        prop_assert!(router.lost < f32::EPSILON, "{}", router.lost);
    }

    #[test]
    fn a_lasting_overload_does_not_make_pictures_come_and_go(
        demand in 1.0_f32..4.0,
        shed in shed(),
        follows in 0.2_f32..1.0,
        noise in 0.0_f32..0.3,
        seed: u64,
    ) {
        let mut router = Router::new(demand, shed);
        router.follows = follows;
        (router.noise, router.random) = (noise, StdRng::seed_from_u64(seed));
        router.work_for(seconds(30));
        router.came = 0;
        router.work_for(seconds(30));
        // From both steps, twice by now; where a step leaves just enough out, or senders are
        // slow to follow, by chance some times more. Without memory it would be some 40.
        prop_assert!(router.came <= 12, "came back {} times", router.came);
        let fits = demand * (1.0 - shed[1]) < 0.6;
        prop_assert!(!fits || router.full <= 120, "full in {} of 600", router.full);
    }

    #[test]
    fn all_is_as_before_within_two_seconds_of_the_end(
        demand in 1.0_f32..4.0,
        shed in shed(),
        tenths in 3_u32..1_200,
        after in 0.0_f32..0.5,
        follows in 0.2_f32..1.0,
        noise in 0.0_f32..0.3,
        seed: u64,
    ) {
        let mut router = Router::new(demand, shed);
        router.follows = follows;
        (router.noise, router.random) = (noise, StdRng::seed_from_u64(seed));
        router.work_for(SAMPLE * tenths);
        router.demand = after;
        // What waits is part of the strain.
        while router.waiting > 0.0 {
            router.work();
        }
        router.work_for(seconds(2));
        prop_assert_eq!(router.step(), OverloadStep::Open);
    }

    #[test]
    fn whatever_it_is_told_a_step_is_left_one_at_a_time(
        samples in prop::collection::vec((sample(), 1_u64..400), 1..500),
    ) {
        let mut overload = Overload::default();
        let mut now = Instant::now();
        for (busy, millis) in samples {
            now += Duration::from_millis(millis);
            let before = overload.step();
            let changed = overload.strain(many(busy), now);
            prop_assert_eq!(changed.unwrap_or(before), overload.step());
            prop_assert_ne!(changed, Some(before));
            prop_assert!(before as usize <= overload.step() as usize + 1);
        }
    }
}

/// So many samples of one kind.
fn feed(overload: &mut Overload, now: &mut Instant, samples: u32, busy: f32) {
    for _ in 0..samples {
        *now += SAMPLE;
        overload.strain(many(busy), *now);
    }
}

#[test]
fn nearly_full_closes_and_no_more() {
    let (mut overload, mut now) = (Overload::default(), Instant::now());
    feed(&mut overload, &mut now, 100, 0.92);
    assert_eq!(overload.step(), OverloadStep::Closed);
    feed(&mut overload, &mut now, 100, 0.85);
    assert_eq!(
        overload.step(),
        OverloadStep::Closed,
        "not open again at once"
    );
    feed(&mut overload, &mut now, 4, 0.7);
    assert_eq!(overload.step(), OverloadStep::Open);
}

#[test]
fn a_busy_moment_is_no_overload() {
    let (mut overload, mut now) = (Overload::default(), Instant::now());
    for _ in 0..100 {
        feed(&mut overload, &mut now, 1, 1.0);
        feed(&mut overload, &mut now, 2, 0.5);
    }
    assert_eq!(overload.step(), OverloadStep::Open);
}

#[test]
fn one_full_sample_now_and_then_takes_nobodys_picture() {
    let (mut overload, mut now) = (Overload::default(), Instant::now());
    for _ in 0..50 {
        feed(&mut overload, &mut now, 1, 1.0);
        assert_eq!(overload.step(), OverloadStep::Open);
        feed(&mut overload, &mut now, 3, 0.55);
    }
    feed(&mut overload, &mut now, 2, 1.0);
    assert_eq!(overload.step(), OverloadStep::LowLayers);
}

#[test]
fn three_people_on_a_machine_that_others_fill_are_no_overload() {
    let (mut overload, mut now) = (Overload::default(), Instant::now());
    let sample = |busy, dropped| {
        let mut sample = limited(busy, 0.0, 3);
        sample.strain.dropped = dropped;
        sample
    };
    let mut steps = |samples: &[(u32, f32, u64)]| {
        for (count, busy, dropped) in samples {
            for _ in 0..*count {
                now += SAMPLE;
                overload.strain(sample(*busy, *dropped), now);
            }
        }
        overload.step()
    };
    for _ in 0..10 {
        assert_eq!(steps(&[(19, 1.0, 0), (1, 0.3, 0)]), OverloadStep::Open);
    }
    assert_eq!(steps(&[(21, 1.0, 0)]), OverloadStep::LowLayers, "it lasts");
    assert_eq!(steps(&[(20, 0.3, 0)]), OverloadStep::Open);
    assert_eq!(
        steps(&[(2, 1.0, 1)]),
        OverloadStep::LowLayers,
        "packets are lost"
    );
}

#[test]
fn a_cpu_limit_is_used_up_by_three_people_as_by_many() {
    for people in [3, 200] {
        let (mut overload, mut now) = (Overload::default(), Instant::now());
        let mut step = |samples: u32, limit_used| {
            for _ in 0..samples {
                now += SAMPLE;
                overload.strain(limited(0.3, limit_used, people), now);
            }
            overload.step()
        };
        assert_eq!(step(1, 1.0), OverloadStep::Open, "a burst");
        assert_eq!(step(1, 1.0), OverloadStep::LowLayers);
        assert_eq!(step(3, 1.0), OverloadStep::ActiveOnly);
        assert_eq!(step(20, 0.3), OverloadStep::Open);
        assert_eq!(step(4, 0.92), OverloadStep::Closed, "nearly used up");
    }
}

#[test]
fn three_people_do_not_fill_the_core_of_a_router_whose_cpu_limit_is_far() {
    let (mut overload, mut now) = (Overload::default(), Instant::now());
    for _ in 0..19 {
        now += SAMPLE;
        overload.strain(limited(1.0, 0.5, 3), now);
        assert_eq!(overload.step(), OverloadStep::Open);
    }
}

#[test]
fn more_is_left_out_when_the_first_was_not_enough() {
    let (mut overload, mut now) = (Overload::default(), Instant::now());
    feed(&mut overload, &mut now, 2, 1.0);
    assert_eq!(overload.step(), OverloadStep::LowLayers);
    feed(&mut overload, &mut now, 2, 1.0);
    assert_eq!(
        overload.step(),
        OverloadStep::LowLayers,
        "the backlog has its time"
    );
    feed(&mut overload, &mut now, 1, 1.0);
    assert_eq!(overload.step(), OverloadStep::ActiveOnly);
    feed(&mut overload, &mut now, 100, 1.0);
    assert_eq!(
        overload.step(),
        OverloadStep::ActiveOnly,
        "there is nothing more"
    );
}

#[test]
fn when_there_is_clearly_less_to_do_no_step_is_feared_any_more() {
    let (mut overload, mut now) = (Overload::default(), Instant::now());
    feed(&mut overload, &mut now, 5, 1.0);
    assert_eq!(overload.step(), OverloadStep::ActiveOnly);
    feed(&mut overload, &mut now, 4, 0.6);
    assert_eq!(overload.step(), OverloadStep::LowLayers);
    feed(&mut overload, &mut now, 2, 1.0);
    assert_eq!(
        overload.step(),
        OverloadStep::ActiveOnly,
        "so that was too early"
    );
    feed(&mut overload, &mut now, 45, 0.6);
    assert_eq!(
        overload.step(),
        OverloadStep::Closed,
        "after a while it tries again"
    );
    feed(&mut overload, &mut now, 5, 1.0);
    assert_eq!(
        overload.step(),
        OverloadStep::ActiveOnly,
        "both were too early"
    );
    feed(&mut overload, &mut now, 8, 0.2);
    assert_eq!(overload.step(), OverloadStep::LowLayers);
    feed(&mut overload, &mut now, 8, 0.2);
    assert_eq!(overload.step(), OverloadStep::Open);
}
