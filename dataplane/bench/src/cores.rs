//! Which core a process runs on, and how much it used of what.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, getpriority_process, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::running::Seat;

/// The cores that this process may use.
pub fn allowed() -> Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|core| set.is_set(*core))
        .collect())
}

/// Keeps a process, and the threads it starts from now on, where it is to be.
pub fn seat(pid: u32, seat: Seat<'_>) -> Result<()> {
    let mut cores = CpuSet::new();
    for core in seat.cores {
        cores.set(*core);
    }
    let pid = Pid::from_raw(pid.cast_signed()).context("a process has a number")?;
    if seat.nice > 0 {
        let ours = getpriority_process(None)?;
        setpriority_process(Some(pid), ours + i32::from(seat.nice))?;
    }
    Ok(sched_setaffinity(Some(pid), &cores)?)
}

/// CPU time of all threads of a process until now, by the scheduler's own accounting: the
/// first number of `/proc/PID/task/TID/schedstat`, in nanoseconds.
pub fn used(pid: u32) -> Result<Duration> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path().join("schedstat");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let first = text.split(' ').next().unwrap_or_default();
        sum += first.parse::<u64>().with_context(|| text.clone())?;
    }
    Ok(Duration::from_nanos(sum))
}

/// Resident memory of a process in bytes.
pub fn resident(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.context("no VmRSS in /proc/PID/status")? * 1_024)
}

/// UDP datagrams that programs on this machine took from the kernel until now. What came as one
/// piece counts once.
pub fn udp_datagrams() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/snmp")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next(), lines.next());
    let names = names.context("no Udp in /proc/net/snmp")?.split(' ');
    let mut counted = names.zip(values.context("no values of Udp")?.split(' '));
    let received = counted.find(|(name, _)| *name == "InDatagrams");
    Ok(received.context("no InDatagrams")?.1.parse()?)
}
