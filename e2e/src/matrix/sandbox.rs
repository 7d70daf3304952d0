//! A world of its own for each scenario, which the kernel removes with its first process.
//!
//! Networks, names, mounts and processes live in namespaces of their own: nothing of the
//! machine is changed, several can run beside each other, and nothing has to be removed
//! afterwards. The first process of a world is this program again. It gets SIGKILL when the
//! one that made the world ends, however that ended, and all others with it
//! (`pid_namespaces(7)`); then the kernel removes networks and mounts too.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::mount::{MountFlags, mount, mount_bind};
use tokio::process::Command;

use crate::children;

/// Hides the machine's own named namespaces, and holds what the world writes.
const RUN: &str = "/run";
/// Files of resolvers that are the world's own, and what they say: every machine has a
/// resolver on its loopback address, and asks nobody else.
const NAMES: [(&str, &str); 3] = [
    ("/etc/resolv.conf", "nameserver 127.0.0.1\n"),
    ("/etc/nsswitch.conf", "hosts: files dns\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
];

/// This program, to be started with `arguments` as the first process of a new world.
pub fn world(arguments: &[OsString]) -> Result<Command> {
    let mut command = children::command("unshare");
    command
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child=KILL"])
        .args(["--mount-proc", "--"])
        .arg(std::env::current_exe().context("this program's own file")?)
        .args(arguments);
    Ok(command)
}

/// Run by the first process: mounts what is the world's own. Returns a directory for files.
pub fn furnish() -> Result<PathBuf> {
    let targets = NAMES.map(|(file, text)| (fs::canonicalize(file), file, text));
    mount("tmpfs", RUN, "tmpfs", MountFlags::NOSUID, c"mode=755").context("mounting /run")?;
    let directory = Path::new(RUN).join("matrix");
    fs::create_dir(&directory)?;
    for (target, file, text) in targets {
        // A machine without the file needs none of ours: the defaults are good.
        let Ok(target) = target else { continue };
        let ours = directory.join(file.trim_start_matches('/').replace('/', "-"));
        fs::write(&ours, text)?;
        // Some have a link into /run, which was just hidden.
        if !target.exists() {
            let parent = target.parent().context("a file lies in a directory")?;
            fs::create_dir_all(parent)?;
            fs::write(&target, "")?;
        }
        mount_bind(&ours, &target).with_context(|| format!("mounting {}", target.display()))?;
    }
    Ok(directory)
}
