//! The CPU limit of the control group that the process is in, as a pod has one: whoever has
//! used it up is stopped until the next period, however idle the core is. The share of it that
//! was used says how near that is; the share of time a thread worked does not, as until then
//! it works as fast as ever.
//!
//! | file | idea |
//! |---|---|
//! | `groups` | pure: what the kernel's files say |
//! | `follow` | a thread that reads them, as limits change and processes are moved |
//!
//! A look at it reads no file: it is made by a thread that forwards, and the kernel lets who
//! reads of groups wait while others are made, as each pod that starts makes some.

mod follow;
mod groups;

use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use follow::Limit;

/// What the process had used of its CPU limit at the last look.
#[derive(Debug)]
pub(super) struct CpuLimit {
    limit: Limit,
    used: Duration,
}

impl CpuLimit {
    /// Reads it, and goes on to on a thread that ends when this is dropped.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            limit: Limit::of_this_process()?,
            used: cpu_time(),
        })
    }

    /// The share used since the last look, which was `past` ago; 0 where there is no limit.
    pub(super) fn look(&mut self, past: Duration) -> f32 {
        self.used_by_now(cpu_time(), past)
    }

    fn used_by_now(&mut self, used: Duration, past: Duration) -> f32 {
        let since = used.saturating_sub(self.used);
        self.used = used;
        let share = |cores| share(since, past, cores);
        self.limit.cores().map_or(0.0, share)
    }
}

/// Of all threads, also those that have ended.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn share(used: Duration, past: Duration, cores: f32) -> f32 {
    let had = past.as_secs_f32() * cores;
    if had > 0.0 {
        (used.as_secs_f32() / had).min(1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;

    const TENTH: Duration = Duration::from_millis(100);

    #[test]
    fn who_uses_all_that_the_limit_gives_is_full() {
        assert!((share(TENTH / 2, TENTH, 2.0) - 0.25).abs() < 0.001);
        assert!((share(TENTH / 2, TENTH, 0.1) - 1.0).abs() < 0.001);
        assert!(share(TENTH, Duration::ZERO, 1.0) < f32::EPSILON);
    }

    fn limited(cores: Option<f32>) -> CpuLimit {
        CpuLimit {
            limit: Limit::follow(TENTH, move || cores).unwrap(),
            used: TENTH,
        }
    }

    #[test]
    fn what_was_used_since_the_last_look_counts() {
        let mut limit = limited(Some(0.5));
        let half = limit.used_by_now(TENTH + TENTH / 4, TENTH);
        assert!((half - 0.5).abs() < 0.001, "{half}");
        let none = limit.used_by_now(TENTH + TENTH / 4, TENTH);
        assert!(none < f32::EPSILON, "{none}");
    }

    #[test]
    fn without_a_limit_no_share_of_it_is_used() {
        let none = limited(None).used_by_now(TENTH * 9, TENTH);
        assert!(none < f32::EPSILON, "{none}");
    }
}
