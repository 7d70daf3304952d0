//! Processes that we start: in a session of their own, with a log, and a record by which they are found again.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::Layout;
use crate::children::{ENDS_WITH_US, on_lasting_thread};
use crate::cluster::tools::search_path;

/// How long a cluster lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until the [`crate::Cluster`] is dropped; its processes die with ours, even if ours is killed.
    UntilDropped,
    /// Until it is taken down by name.
    UntilDown,
}

/// A process of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pid: i32,
    /// Clock ticks after boot, field 22 of `/proc/PID/stat` (proc(5)): tells the process from a later one of its number.
    started: u64,
}

impl Process {
    fn of(pid: i32) -> Option<Self> {
        Stat::of(pid).map(|stat| Self {
            pid,
            started: stat.started,
        })
    }

    /// The process that was recorded under this name, if it was.
    pub(crate) fn recorded(layout: &Layout, name: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(layout.pids().join(name)).ok()?)
    }

    /// All recorded processes, alive or not.
    pub(crate) fn all_recorded(layout: &Layout) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(layout.pids()) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| Self::parse(&fs::read_to_string(entry.path()).ok()?))
            .collect()
    }

    fn parse(record: &str) -> Option<Self> {
        let (pid, started) = record.trim().split_once(' ')?;
        Some(Self {
            pid: pid.parse().ok()?,
            started: started.parse().ok()?,
        })
    }

    fn record(&self, layout: &Layout, name: &str) -> Result<()> {
        let path = layout.pids().join(name);
        fs::write(&path, format!("{} {}\n", self.pid, self.started))
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Whether it still runs. A dead process that nobody has waited for does not.
    pub(crate) fn is_alive(&self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| stat.started == self.started && !stat.is_zombie)
    }

    /// Sends the signal; a process that is gone is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            // It may end between the question and the signal, which is as good.
            let _ = kill_process(pid, signal);
        }
    }

    /// Takes the exit status if it is our child, so that it does not stay a zombie for as long as we live.
    pub(crate) fn reap(&self) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }
}

/// What is known of any process of the machine.
pub(crate) struct Running {
    pub arguments: Vec<String>,
    /// `NAME=value`, as the process was started with.
    pub environment: Vec<String>,
}

impl Running {
    fn of(pid: i32) -> Self {
        let list = |file: &str| {
            let content = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            content
                .split(|byte| *byte == 0)
                .map(|text| String::from_utf8_lossy(text).into_owned())
                .collect()
        };
        Self {
            arguments: list("cmdline"),
            environment: list("environ"),
        }
    }
}

/// The running processes for which `ours` holds.
pub(crate) fn find(ours: impl Fn(&Running) -> bool) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| ours(&Running::of(*pid)))
        .filter_map(Process::of)
        .collect()
}

struct Stat {
    started: u64,
    is_zombie: bool,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The name, field 2, may hold spaces and parentheses; what follows its last one is plain.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let is_zombie = fields.next()? == "Z";
        // Field 3 is taken; 18 are between it and field 22.
        Some(Self {
            started: fields.nth(18)?.parse().ok()?,
            is_zombie,
        })
    }
}

/// Starts processes.
#[derive(Clone)]
pub(crate) struct Launcher {
    layout: Layout,
    lifetime: Lifetime,
}

impl Launcher {
    pub(crate) fn new(layout: &Layout, lifetime: Lifetime) -> Self {
        Self {
            layout: layout.clone(),
            lifetime,
        }
    }

    /// Starts `program` under `name`, which names its log and its record.
    pub(crate) fn start<S: AsRef<std::ffi::OsStr>>(
        &self,
        name: &str,
        program: &Path,
        arguments: &[S],
    ) -> Result<Process> {
        let log = self.layout.log(name);
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("opening {}", log.display()))?;
        // A session of its own: neither Ctrl-C nor a closing terminal ends it.
        let mut command = Command::new("setsid");
        if self.lifetime == Lifetime::UntilDropped {
            command.args(ENDS_WITH_US);
        }
        command.arg(program).args(arguments);
        command.env("PATH", search_path()).current_dir("/");
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);

        let pid = on_lasting_thread(move || command.spawn().map(|child| child.id()))
            .with_context(|| format!("starting {name}"))?;
        let process = i32::try_from(pid)
            .ok()
            .and_then(Process::of)
            .with_context(|| format!("{name} ended at once; see {}", log.display()))?;
        process.record(&self.layout, name)?;
        Ok(process)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// Runs a short command of the host to its end; its messages become the error.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", search_path())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    anyhow::bail!(
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let rest = "1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 99 1";
        let stat = Stat::parse(&format!("12 (a) b) S {rest}")).unwrap();
        assert_eq!((stat.started, stat.is_zombie), (4711, false));
        assert!(Stat::parse(&format!("12 (x) Z {rest}")).unwrap().is_zombie);
        assert!(Stat::parse("12 (x) S 1").is_none());
    }

    #[test]
    fn a_later_process_of_the_same_number_is_another() {
        let this = Process::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(this.is_alive());
        assert!(
            !Process {
                started: this.started + 1,
                ..this
            }
            .is_alive()
        );
    }

    #[test]
    fn a_started_process_is_found_again_logs_and_can_be_ended() {
        let cache = tempfile::tempdir().unwrap();
        let layout = Layout::new(cache.path()).unwrap();
        for directory in [layout.pids(), layout.logs()] {
            fs::create_dir_all(directory).unwrap();
        }
        let launcher = Launcher::new(&layout, Lifetime::UntilDropped);
        let started = launcher
            .start(
                "sleeper",
                Path::new("sh"),
                &["-c", "echo here; exec sleep 600"],
            )
            .unwrap();
        assert_eq!(Process::recorded(&layout, "sleeper"), Some(started.clone()));
        assert_eq!(
            Process::all_recorded(&layout),
            std::slice::from_ref(&started)
        );
        wait_until(|| fs::read_to_string(layout.log("sleeper")).unwrap() == "here\n");
        wait_until(|| {
            find(|running| {
                running
                    .arguments
                    .starts_with(&["sleep".into(), "600".into()])
            })
            .contains(&started)
        });
        started.signal(Signal::KILL);
        wait_until(|| !started.is_alive());
    }

    fn wait_until(condition: impl Fn() -> bool) {
        for _ in 0..12_000 {
            if condition() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("did not become true in two minutes");
    }
}
