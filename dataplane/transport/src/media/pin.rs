//! Keeps a thread on a core, so that its connections stay in that core's caches.

use rustix::io;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::quic::CoreNumber;

/// Puts the current thread on the so-many-th of the cores that the process may use. Where that
/// is not allowed, or there are fewer, it stays where the kernel puts it.
pub(super) fn to_core(number: CoreNumber) {
    if let Err(error) = try_to_core(number) {
        tracing::debug!(core = number.0, %error, "a media thread is not pinned");
    }
}

fn try_to_core(number: CoreNumber) -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let Some(core) = cores.nth(usize::from(number.0)) else {
        return Ok(());
    };
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one)
}
