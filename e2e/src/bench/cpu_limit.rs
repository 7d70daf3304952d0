//! A limit of CPU time for one process, as the container of a pod has one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// A process runs for so long at a time, or may do so again each such time: as if its core were
/// slower. Kubernetes takes a tenth of a second, which a router of several threads uses up at once
/// and then stands still. The kernel takes no shorter time, and none above a second.
const SLICE_US: f64 = 1_000.0;
const LEAST: f64 = 0.001;

/// A control group of one process. Gone, with its limit, when dropped.
pub struct CpuLimit {
    directory: PathBuf,
    process: u32,
    interface: Interface,
}

enum Interface {
    /// `cpu.cfs_quota_us` and `cpu.cfs_period_us`.
    Version1,
    /// `cpu.max`.
    Version2,
}

impl CpuLimit {
    /// Puts the process into a group without a limit; needs root.
    pub fn of(process: u32) -> Result<Self> {
        let version_1 = Path::new("/sys/fs/cgroup/cpu");
        let (root, interface) = if version_1.exists() {
            (version_1, Interface::Version1)
        } else {
            (Path::new("/sys/fs/cgroup"), Interface::Version2)
        };
        let directory = root.join(format!("plenum-{process}"));
        std::fs::create_dir(&directory)
            .with_context(|| format!("root makes control groups: {}", directory.display()))?;
        let limit = Self {
            directory,
            process,
            interface,
        };
        limit.write("cgroup.procs", &process.to_string())?;
        Ok(limit)
    }

    /// Leaves it so much of a core.
    pub fn set(&self, cores: f64) -> Result<()> {
        ensure!(cores >= LEAST, "{cores:.4} of a core is too little");
        let (quota, period) = quota_and_period(cores);
        match self.interface {
            Interface::Version1 => {
                self.write("cpu.cfs_period_us", &format!("{period:.0}"))?;
                self.write("cpu.cfs_quota_us", &format!("{quota:.0}"))
            }
            Interface::Version2 => self.write("cpu.max", &format!("{quota:.0} {period:.0}")),
        }
    }

    /// Leaves it all there is.
    pub fn lift(&self) -> Result<()> {
        match self.interface {
            Interface::Version1 => self.write("cpu.cfs_quota_us", "-1"),
            Interface::Version2 => self.write("cpu.max", "max"),
        }
    }

    fn write(&self, file: &str, value: &str) -> Result<()> {
        let path = self.directory.join(file);
        std::fs::write(&path, value).with_context(|| format!("{value} into {}", path.display()))
    }
}

/// In microseconds, both as short as the kernel takes them.
fn quota_and_period(cores: f64) -> (f64, f64) {
    if cores < 1.0 {
        (SLICE_US, SLICE_US / cores)
    } else {
        (SLICE_US * cores, SLICE_US)
    }
}

impl Drop for CpuLimit {
    fn drop(&mut self) {
        if let Some(root) = self.directory.parent() {
            // The process may have ended, and then is in no group.
            let _ = std::fs::write(root.join("cgroup.procs"), self.process.to_string());
        }
        let _ = std::fs::remove_dir(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_quota_nor_period_is_shorter_than_a_slice() {
        for (cores, wanted) in [
            (0.25, (1_000.0, 4_000.0)),
            (1.0, (1_000.0, 1_000.0)),
            (1.5, (1_500.0, 1_000.0)),
            (LEAST, (1_000.0, 1_000_000.0)),
        ] {
            let (quota, period) = quota_and_period(cores);
            assert_eq!((quota.round(), period.round()), wanted, "{cores}");
        }
    }
}
