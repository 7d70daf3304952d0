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

const MOUNT: &str = "/sys/fs/cgroup";
/// The controller of version 1, mounted in there.
const CPU: &str = "cpu";

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
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        self.used_of(cores(Path::new(MOUNT), &groups), cpu_time(), past)
    }

    fn used_of(&mut self, cores: Option<f32>, used: Duration, past: Duration) -> f32 {
        let since = used.saturating_sub(self.used);
        self.used = used;
        cores.map_or(0.0, |cores| share(since, past, cores))
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
fn cores(mount: &Path, groups: &str) -> Option<f32> {
    directories(mount, groups)
        .iter()
        .filter_map(|group| unified(group).or_else(|| version_1(group)))
        .reduce(f32::min)
}

/// The directories of the groups that limit the CPU of a process with this
/// `/proc/self/cgroup`, and of all above them. Those that a container does not see, it has no
/// files of; the uppermost is always there.
fn directories(mount: &Path, groups: &str) -> Vec<PathBuf> {
    let group = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let mount = match controllers {
            "" => mount.to_owned(),
            _ if controllers.split(',').any(|it| it == CPU) => mount.join(CPU),
            _ => return None,
        };
        Some((mount, path.trim_start_matches('/').to_owned()))
    };
    let mut directories = Vec::new();
    for (mount, path) in groups.lines().filter_map(group) {
        let above = Path::new(&path).ancestors();
        directories.extend(above.map(|it| mount.join(it)));
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

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_quota_by_its_period_is_so_many_cores() {
        assert_eq!(quotient("150000", "100000"), Some(1.5));
        for unlimited in ["max", "-1", "0", ""] {
            assert_eq!(quotient(unlimited, "100000"), None, "{unlimited}");
        }
        assert_eq!(quotient("1000", "0"), None);
    }

    /// Groups with these files.
    fn mounted(files: &[(&str, &str)]) -> TempDir {
        let mount = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = mount.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        mount
    }

    #[test]
    fn the_least_of_a_group_and_all_above_it_is_the_limit() {
        let mount = mounted(&[
            ("cpu.max", "max 100000\n"),
            ("pods/cpu.max", "50000 100000\n"),
            ("pods/router/cpu.max", "150000 100000\n"),
        ]);
        let limit = |path: &str| cores(mount.path(), &format!("4:memory:/x\n0::{path}\n"));
        assert_eq!(limit("/pods/router"), Some(0.5));
        assert_eq!(limit("/"), None);
        // As the host calls it: a container sees its own files where the host's root would be.
        assert_eq!(limit("/pods/unseen"), Some(0.5));
    }

    #[test]
    fn version_1_is_understood_too() {
        let mount = mounted(&[
            ("cpu/cpu.cfs_quota_us", "-1\n"),
            ("cpu/cpu.cfs_period_us", "100000\n"),
            ("cpu/pod/cpu.cfs_quota_us", "1000\n"),
            ("cpu/pod/cpu.cfs_period_us", "16000\n"),
        ]);
        let limit = |groups: &str| cores(mount.path(), groups);
        assert_eq!(limit("1:cpu,cpuacct:/pod\n0::/\n"), Some(0.0625));
        assert_eq!(limit("1:cpu:/\n"), None);
        assert_eq!(limit("nonsense\n\n1:cpuset:/pod\n"), None);
    }

    #[test]
    fn what_was_used_since_the_last_look_counts() {
        let tenth = Duration::from_millis(100);
        let mut limit = CpuLimit { used: tenth };
        let half = limit.used_of(Some(0.5), tenth + tenth / 4, tenth);
        assert!((half - 0.5).abs() < 0.001, "{half}");
        let none = limit.used_of(Some(0.5), tenth + tenth / 4, tenth);
        assert!(none < f32::EPSILON, "{none}");
        assert!(limit.used_of(None, tenth * 9, tenth) < f32::EPSILON);
    }

    #[test]
    fn who_uses_all_that_the_limit_gives_is_full() {
        let tenth = Duration::from_millis(100);
        assert!((share(tenth / 2, tenth, 2.0) - 0.25).abs() < 0.001);
        assert!((share(tenth / 2, tenth, 0.1) - 1.0).abs() < 0.001);
        assert!(share(tenth, Duration::ZERO, 1.0) < f32::EPSILON);
    }
}
