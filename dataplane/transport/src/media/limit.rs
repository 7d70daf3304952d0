//! The CPU limit of the control group that the process is in, as a pod has one: whoever has
//! used it up is stopped until the next period, however idle the core is. The share of it that
//! was used says how near that is; the share of time a thread worked does not, as until then
//! it works as fast as ever.
//!
//! The kernel says it in `cpu.max` (Documentation/admin-guide/cgroup-v2.rst) or, in version 1,
//! `cpu.cfs_quota_us` and `cpu.cfs_period_us`. A group is held by the limits above it too. It is
//! read at each look: limits change, and processes are moved.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const UNIFIED: &str = "/sys/fs/cgroup";
/// Where the controller `cpu` of version 1 is mounted.
const CPU_ALONE: &str = "/sys/fs/cgroup/cpu";

/// What the process had used of its CPU limit at the last look.
#[derive(Debug)]
pub(super) struct CpuLimit {
    used: Duration,
}

impl CpuLimit {
    pub(super) fn new() -> Self {
        Self { used: cpu_time() }
    }

    /// The share used since the last look, which was `past` ago; 0 where there is no limit.
    pub(super) fn look(&mut self, past: Duration) -> f32 {
        let used = cpu_time();
        let since = used.saturating_sub(self.used);
        self.used = used;
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        cores(&groups).map_or(0.0, |cores| share(since, past, cores))
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

/// The least that a process in these groups may use, where something is said.
fn cores(groups: &str) -> Option<f32> {
    directories(groups)
        .iter()
        .filter_map(|group| unified(group).or_else(|| version_1(group)))
        .reduce(f32::min)
}

/// The directories of the groups that limit the CPU of a process with this
/// `/proc/self/cgroup`, and of all above them. Those that a container does not see, it has no
/// files of; the uppermost is always there.
fn directories(groups: &str) -> Vec<PathBuf> {
    let group = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let mount = match controllers {
            "" => UNIFIED,
            _ if controllers.split(',').any(|it| it == "cpu") => CPU_ALONE,
            _ => return None,
        };
        Some((mount, path.trim_start_matches('/').to_owned()))
    };
    let mut directories = Vec::new();
    for (mount, path) in groups.lines().filter_map(group) {
        let above = Path::new(&path).ancestors();
        directories.extend(above.map(|it| Path::new(mount).join(it)));
    }
    directories
}

fn unified(group: &Path) -> Option<f32> {
    let text = fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    quotient(quota, period)
}

fn version_1(group: &Path) -> Option<f32> {
    let read = |file| fs::read_to_string(group.join(file)).ok();
    let (quota, period) = (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?);
    quotient(quota.trim(), period.trim())
}

/// Cores; none where the quota is `max` or -1, which is none.
fn quotient(quota: &str, period: &str) -> Option<f32> {
    let (quota, period): (f32, f32) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;

    #[test]
    fn a_quota_by_its_period_is_so_many_cores() {
        assert_eq!(quotient("150000", "100000"), Some(1.5));
        for unlimited in ["max", "-1", "0", ""] {
            assert_eq!(quotient(unlimited, "100000"), None, "{unlimited}");
        }
        assert_eq!(quotient("1000", "0"), None);
    }

    #[test]
    fn a_group_and_all_above_it_limit_the_process() {
        let version_2 = directories("0::/kubepods/pod1/router\n");
        let expected = ["kubepods/pod1/router", "kubepods/pod1", "kubepods", ""];
        assert_eq!(version_2, expected.map(|it| Path::new(UNIFIED).join(it)));
        let version_1 = directories("4:memory:/other\n1:cpu,cpuacct:/pod1\nnonsense\n");
        assert_eq!(
            version_1,
            ["pod1", ""].map(|it| Path::new(CPU_ALONE).join(it))
        );
    }

    #[test]
    fn the_files_of_both_versions_are_read() {
        let group = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(group.path().join(file), text).unwrap();
        assert_eq!(unified(group.path()), None);
        write("cpu.max", "50000 100000\n");
        assert_eq!(unified(group.path()), Some(0.5));
        write("cpu.max", "max 100000\n");
        assert_eq!(unified(group.path()), None);
        write("cpu.cfs_quota_us", "1000\n");
        write("cpu.cfs_period_us", "16000\n");
        assert_eq!(version_1(group.path()), Some(0.0625));
    }

    #[test]
    fn who_uses_all_that_the_limit_gives_is_full() {
        let tenth = Duration::from_millis(100);
        assert!((share(tenth / 2, tenth, 2.0) - 0.25).abs() < 0.001);
        assert!((share(tenth / 2, tenth, 0.1) - 1.0).abs() < 0.001);
        assert!(share(tenth, Duration::ZERO, 1.0) < f32::EPSILON);
    }

    #[test]
    fn the_time_that_this_process_uses_is_counted() {
        let before = cpu_time();
        // However slow the machine, in the end it has used some.
        while cpu_time() == before {
            std::hint::black_box(fs::read("/proc/self/stat").unwrap());
        }
        assert!(cpu_time() > before);
    }
}
