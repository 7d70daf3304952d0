//! On which core a thread runs, and how much of it it uses.

use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};

/// Keeps this thread, and those it starts, on this core, or on another if the machine has not
/// so many.
pub fn pin(core: usize) {
    let count = std::thread::available_parallelism().unwrap().get();
    let mut set = CpuSet::new();
    set.set(core % count);
    sched_setaffinity(None, &set).unwrap();
}

/// What a thread had used at some time.
#[derive(Clone, Copy)]
pub struct Watch {
    used: Duration,
    at: Instant,
}

impl Watch {
    /// Of the thread that calls.
    pub fn now() -> Self {
        Self {
            used: used(),
            at: Instant::now(),
        }
    }

    /// Share of a core that it used from here to `then`.
    pub fn busy_until(self, then: Self) -> f64 {
        let used = then.used.saturating_sub(self.used);
        used.as_secs_f64() / (then.at - self.at).as_secs_f64()
    }
}

/// CPU time of this thread by the scheduler: the first number, in nanoseconds
/// (Documentation/scheduler/sched-stats.rst).
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}
