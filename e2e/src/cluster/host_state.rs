//! What the cluster changes of the whole machine, and its way back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::mount::{UnmountFlags, unmount};
use serde::{Deserialize, Serialize};

use crate::Layout;
use crate::cluster::network::NAMESPACES;
use crate::cluster::teardown::names_in;

/// What a kubelet sets when it starts (`setupKernelTunables` in `pkg/kubelet/cm/container_manager_linux.go`); none of
/// it belongs to a namespace.
const SYSCTLS: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// The machine before the cluster.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostState {
    sysctls: BTreeMap<String, String>,
    /// `ip netns add` makes the directory, and mounts it on itself, the first time.
    had_namespaces: bool,
}

impl HostState {
    pub(crate) fn now() -> Self {
        let value = |name: &&str| {
            Some((
                (*name).to_owned(),
                fs::read_to_string(sysctl(name)).ok()?.trim().to_owned(),
            ))
        };
        Self {
            sysctls: SYSCTLS.iter().filter_map(value).collect(),
            had_namespaces: Path::new(NAMESPACES).exists(),
        }
    }

    pub(crate) fn record(&self, layout: &Layout) -> Result<()> {
        let path = layout.host_record();
        fs::write(&path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("writing {}", path.display()))
    }

    pub(crate) fn recorded(layout: &Layout) -> Option<Self> {
        serde_json::from_slice(&fs::read(layout.host_record()).ok()?).ok()
    }

    /// Puts back what differs; returns what could not be.
    pub(crate) fn restore(&self) -> Vec<String> {
        let now = Self::now();
        let changed = self
            .sysctls
            .iter()
            .filter(|(name, value)| now.sysctls.get(*name) != Some(value));
        let failed = changed.filter_map(|(name, value)| {
            fs::write(sysctl(name), value)
                .err()
                .map(|error| format!("setting {name} back to {value}: {error}"))
        });
        failed.chain(self.remove_namespaces()).collect()
    }

    /// Unless somebody else has used the directory meanwhile.
    fn remove_namespaces(&self) -> Option<String> {
        if self.had_namespaces
            || !Path::new(NAMESPACES).exists()
            || !names_in(Path::new(NAMESPACES)).is_empty()
        {
            return None;
        }
        // Not mounted at all is fine too.
        let _ = unmount(NAMESPACES, UnmountFlags::DETACH);
        fs::remove_dir(NAMESPACES)
            .err()
            .map(|error| format!("removing {NAMESPACES}: {error}"))
    }
}

fn sysctl(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_reads_back() {
        let cache = tempfile::tempdir().unwrap();
        let layout = Layout::new(cache.path()).unwrap();
        assert_eq!(HostState::recorded(&layout), None);
        fs::create_dir_all(layout.state()).unwrap();
        let now = HostState::now();
        assert!(now.sysctls.contains_key("vm/overcommit_memory"));
        now.record(&layout).unwrap();
        assert_eq!(HostState::recorded(&layout), Some(now));
    }
}
