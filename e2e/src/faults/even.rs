//! Whether time passed evenly. On a machine that stood still for seconds nobody heard anybody, and
//! an operator says so rightly: what it wrote then was not written for nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long one step lasts.
const STEP: Duration = Duration::from_millis(100);
/// A step that takes so much longer is a stop. Reports count as stale after three times this.
const STOP: Duration = Duration::from_secs(1);

/// Waits in steps, and notices the stops between them.
#[derive(Debug, Default)]
pub struct Pace {
    stopped: bool,
}

impl Pace {
    /// A moment passes.
    pub async fn step(&mut self) {
        let began = Instant::now();
        sleep(STEP).await;
        self.took(began.elapsed());
    }

    fn took(&mut self, time: Duration) {
        self.stopped |= time > STEP + STOP;
    }

    /// Whether the machine stood still in any step since this was asked last.
    pub fn stopped(&mut self) -> bool {
        std::mem::take(&mut self.stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_step_is_told_once() {
        let mut pace = Pace::default();
        pace.took(STEP + STOP);
        assert!(!pace.stopped());
        pace.took(STEP + STOP * 2);
        pace.took(STEP);
        assert!(pace.stopped());
        assert!(!pace.stopped());
    }
}
