//! CPU time and memory of a process, by the kernel's accounting.

use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::time::timeout;

/// The kernel counts CPU time in hundredths of a second on every architecture that we run on.
const TICK: Duration = Duration::from_millis(10);
const PAGE_BYTES: u64 = 4_096;

/// What a process has used until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
}

impl Usage {
    /// Asks the kernel.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Self::parse(&stat).with_context(|| format!("/proc/{pid}/stat is {stat:?}"))
    }

    /// Cores used since `before`, which is so long ago.
    #[must_use]
    pub fn cores_since(self, before: Self, ago: Duration) -> f64 {
        let used = self.cpu.saturating_sub(before.cpu);
        used.as_secs_f64() / ago.as_secs_f64().max(f64::EPSILON)
    }

    /// Fields 14, 15 and 24 of proc(5); the second, in brackets, may hold spaces.
    fn parse(stat: &str) -> Option<Self> {
        let (_, after_name) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = after_name.split(' ').collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let ticks = u32::try_from(number(14)? + number(15)?).ok()?;
        Some(Self {
            cpu: TICK * ticks,
            rss_bytes: number(24)? * PAGE_BYTES,
        })
    }
}

/// Does something, and says how many cores the process used in the busiest such time meanwhile.
pub async fn busiest<T>(
    process: u32,
    time: Duration,
    what: impl Future<Output = Result<T>>,
) -> Result<(T, f64)> {
    let mut what = pin!(what);
    let mut most = 0.0_f64;
    loop {
        let (before, since) = (Usage::of(process)?, Instant::now());
        let done = timeout(time, what.as_mut()).await;
        let part = since.elapsed();
        if done.is_err() || most == 0.0 {
            most = most.max(Usage::of(process)?.cores_since(before, part));
        }
        if let Ok(done) = done {
            return Ok((done?, most));
        }
    }
}

/// For people, who count in millions.
#[expect(clippy::cast_precision_loss, reason = "bytes of one process")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 5 1000 25 18446744073709551615";
        let usage = Usage::parse(stat).unwrap();
        assert_eq!(usage.cpu, Duration::from_secs(2));
        assert_eq!(usage.rss_bytes, 25 * 4_096);
    }

    #[test]
    fn half_a_second_of_cpu_in_two_is_a_quarter_of_a_core() {
        let of = |ms| Usage {
            cpu: Duration::from_millis(ms),
            rss_bytes: 0,
        };
        let cores = of(700).cores_since(of(200), Duration::from_secs(2));
        assert!((cores - 0.25).abs() < 1e-9, "{cores}");
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(Usage::of(std::process::id()).unwrap().rss_bytes > 0);
    }
}
