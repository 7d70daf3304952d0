//! What the kernel says of a process's groups. Pure: whoever asks reads the files.
//!
//! It is in `cpu.max` (Documentation/admin-guide/cgroup-v2.rst) or, in version 1, in
//! `cpu.cfs_quota_us` and `cpu.cfs_period_us`. A group is held by the limits above it too.

use std::path::{Path, PathBuf};

/// The controller of version 1, and where it is mounted among the others.
const CPU: &str = "cpu";

/// The least that a process in these groups, as of `/proc/self/cgroup`, may use, where
/// something is said. `read` gives a file's text.
pub(super) fn cores(
    mount: &Path,
    groups: &str,
    read: impl Fn(&Path) -> Option<String>,
) -> Option<f32> {
    directories(mount, groups)
        .iter()
        .filter_map(|group| unified(group, &read).or_else(|| version_1(group, &read)))
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

fn unified(group: &Path, read: impl Fn(&Path) -> Option<String>) -> Option<f32> {
    let text = read(&group.join("cpu.max"))?;
    let (quota, period) = text.trim().split_once(' ')?;
    quotient(quota, period)
}

fn version_1(group: &Path, read: impl Fn(&Path) -> Option<String>) -> Option<f32> {
    let quota = read(&group.join("cpu.cfs_quota_us"))?;
    let period = read(&group.join("cpu.cfs_period_us"))?;
    quotient(quota.trim(), period.trim())
}

/// Cores; none where the quota is `max` or -1, which is none.
fn quotient(quota: &str, period: &str) -> Option<f32> {
    let (quota, period): (f32, f32) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_by_its_period_is_so_many_cores() {
        assert_eq!(quotient("150000", "100000"), Some(1.5));
        for unlimited in ["max", "-1", "0", ""] {
            assert_eq!(quotient(unlimited, "100000"), None, "{unlimited}");
        }
        assert_eq!(quotient("1000", "0"), None);
    }

    /// Of a process in these groups, where there are these files.
    fn limit(groups: &str, files: &[(&str, &str)]) -> Option<f32> {
        let mount = Path::new("/groups");
        cores(mount, groups, |path| {
            let (_, text) = files.iter().find(|(file, _)| mount.join(file) == path)?;
            Some((*text).to_owned())
        })
    }

    #[test]
    fn the_least_of_a_group_and_all_above_it_is_the_limit() {
        let limit = |path: &str| {
            let files = [
                ("cpu.max", "max 100000\n"),
                ("pods/cpu.max", "50000 100000\n"),
                ("pods/router/cpu.max", "150000 100000\n"),
            ];
            limit(&format!("4:memory:/x\n0::{path}\n"), &files)
        };
        assert_eq!(limit("/pods/router"), Some(0.5));
        assert_eq!(limit("/"), None);
        // As the host calls it: a container sees its own files where the host's root would be.
        assert_eq!(limit("/pods/unseen"), Some(0.5));
    }

    #[test]
    fn version_1_is_understood_too() {
        let limit = |groups| {
            let files = [
                ("cpu/cpu.cfs_quota_us", "-1\n"),
                ("cpu/cpu.cfs_period_us", "100000\n"),
                ("cpu/pod/cpu.cfs_quota_us", "1000\n"),
                ("cpu/pod/cpu.cfs_period_us", "16000\n"),
            ];
            limit(groups, &files)
        };
        assert_eq!(limit("1:cpu,cpuacct:/pod\n0::/\n"), Some(0.0625));
        assert_eq!(limit("1:cpu:/\n"), None);
        assert_eq!(limit("nonsense\n\n1:cpuset:/pod\n"), None);
    }
}
