//! Takes everything down, from whatever state was left: a crash, Ctrl-C, half a start, or nothing at all.
//!
//! It trusts no record alone. Processes are also found by their arguments, links and namespaces by their names, mounts
//! by their place. One thing that cannot be removed does not stop the rest.

mod ownership;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::Signal;

use crate::Layout;
use crate::cluster::addresses::{NodeNumber, is_our_link};
use crate::cluster::host_state::HostState;
use crate::cluster::lock::Lock;
use crate::cluster::network::NAMESPACES;
use crate::cluster::process::{Process, find, run};

pub(crate) use ownership::processes_of_node;

/// The kernel ends a node within two seconds; a machine under load takes longer.
const PROCESS_LIMIT: Duration = Duration::from_secs(20);
/// A control group is busy until the kernel has forgotten its last process.
const CONTROL_GROUP_LIMIT: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_millis(50);

/// The control group that containerd makes for all containers of Kubernetes, in each hierarchy.
const CONTROL_GROUP: &str = "k8s.io";

/// Takes the cluster down; fine if there is none.
pub fn down(layout: &Layout) -> Result<()> {
    let lock = Lock::take_blocking(layout)?;
    down_locked(layout, &lock)
}

pub(crate) fn down_locked(layout: &Layout, _lock: &Lock) -> Result<()> {
    let host = HostState::recorded(layout);
    let mut problems = end_processes(layout);
    problems.extend(remove_links());
    problems.extend(remove_namespaces());
    problems.extend(remove_mounts(&layout.state()));
    problems.extend(remove_control_groups());
    problems.extend(host.map(|host| host.restore()).unwrap_or_default());
    if let Err(error) = fs::remove_dir_all(layout.state())
        && error.kind() != std::io::ErrorKind::NotFound
    {
        problems.push(format!("removing {}: {error}", layout.state().display()));
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!(
        "not everything could be taken down:\n  {}",
        problems.join("\n  ")
    )
}

fn end_processes(layout: &Layout) -> Vec<String> {
    let deadline = Instant::now() + PROCESS_LIMIT;
    loop {
        let mut alive = Process::all_recorded(layout);
        alive.extend(find(|running| ownership::is_ours(layout, running)));
        alive.retain(Process::is_alive);
        if alive.is_empty() {
            break;
        }
        if Instant::now() >= deadline {
            return alive
                .iter()
                .map(|process| format!("process {} does not end", process.pid()))
                .collect();
        }
        for process in &alive {
            process.signal(Signal::KILL);
        }
        thread::sleep(INTERVAL);
    }
    Process::all_recorded(layout).iter().for_each(Process::reap);
    Vec::new()
}

fn remove_links() -> Vec<String> {
    let links = names_in(Path::new("/sys/class/net"))
        .into_iter()
        .filter(|name| is_our_link(name));
    // The other end of a pair goes with it.
    links
        .filter_map(|link| run("ip", &["link", "del", &link]).err())
        .map(|error| error.to_string())
        .collect()
}

fn remove_namespaces() -> Vec<String> {
    let namespaces = names_in(Path::new(NAMESPACES))
        .into_iter()
        .filter(|name| name.parse::<NodeNumber>().is_ok());
    namespaces
        .filter_map(|namespace| run("ip", &["netns", "del", &namespace]).err())
        .map(|error| error.to_string())
        .collect()
}

/// Nodes mount in namespaces of their own; this is for what a person or a crash left.
fn remove_mounts(state: &Path) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let failed = |point: PathBuf| {
        unmount(&point, UnmountFlags::DETACH)
            .err()
            .map(|error| format!("unmounting {}: {error}", point.display()))
    };
    mount_points_below(&mounts, state)
        .into_iter()
        .filter_map(failed)
        .collect()
}

/// Mount points below a directory, the last mounted first.
fn mount_points_below(mountinfo: &str, directory: &Path) -> Vec<PathBuf> {
    let points = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(unescape(point)));
    let mut below: Vec<_> = points
        .filter(|point| point.starts_with(directory))
        .collect();
    below.reverse();
    below
}

/// A space, tab, line break or backslash in a mount point is written as three octal digits (`proc_pid_mountinfo(5)`).
fn unescape(point: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(point.to_owned(), |text, (code, plain)| {
        text.replace(code, plain)
    })
}

/// Only empty groups can be removed, so those of another containerd stay while it uses them.
fn remove_control_groups() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let deadline = Instant::now() + CONTROL_GROUP_LIMIT;
    let mut problems = Vec::new();
    for hierarchy in control_group_hierarchies(&mounts) {
        let group = hierarchy.join(CONTROL_GROUP);
        while let Err(error) = remove_empty_groups(&group) {
            if Instant::now() >= deadline {
                problems.push(format!("removing {}: {error}", group.display()));
                break;
            }
            thread::sleep(INTERVAL);
        }
    }
    problems
}

fn control_group_hierarchies(mountinfo: &str) -> Vec<PathBuf> {
    let is_control_group = |line: &&str| {
        line.split_once(" - ")
            .is_some_and(|(_, rest)| rest.starts_with("cgroup ") || rest.starts_with("cgroup2 "))
    };
    mountinfo
        .lines()
        .filter(is_control_group)
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
        .collect()
}

/// `rmdir` from the leaves up: the files in a control group are not removed, they go with it.
fn remove_empty_groups(group: &Path) -> std::io::Result<()> {
    if !group.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(group)?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    {
        remove_empty_groups(&entry.path())?;
    }
    fs::remove_dir(group)
}

pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below_the_state_come_last_first_and_unescaped() {
        let mountinfo = "\
20 1 8:1 / / rw - ext4 /dev/a rw
21 20 0:5 / /c/cluster/a rw shared:1 - tmpfs tmpfs rw
22 21 0:6 / /c/cluster/a/with\\040space rw - tmpfs tmpfs rw
23 20 0:7 / /c/cluster2 rw - tmpfs tmpfs rw
";
        let found = mount_points_below(mountinfo, Path::new("/c/cluster"));
        assert_eq!(
            found,
            [
                Path::new("/c/cluster/a/with space"),
                Path::new("/c/cluster/a")
            ]
        );
    }

    #[test]
    fn both_versions_of_control_groups_are_looked_at() {
        let mountinfo = "\
30 20 0:25 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs rw
31 30 0:26 / /sys/fs/cgroup/cpu rw shared:10 - cgroup cgroup rw,cpu
32 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";
        assert_eq!(
            control_group_hierarchies(mountinfo),
            [
                Path::new("/sys/fs/cgroup/cpu"),
                Path::new("/sys/fs/cgroup/unified")
            ]
        );
    }

    #[test]
    fn groups_go_from_the_leaves_up_and_a_missing_one_is_fine() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("k8s.io");
        fs::create_dir_all(group.join("pod/container")).unwrap();
        remove_empty_groups(&group).unwrap();
        assert!(!group.exists());
        remove_empty_groups(&group).unwrap();
    }
}
