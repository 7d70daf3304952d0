//! Follows the limit, on a thread of its own, so that whoever asks for it never waits.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use std::{fs, io, thread};

use super::groups;

const MOUNT: &str = "/sys/fs/cgroup";
const GROUPS: &str = "/proc/self/cgroup";

/// So often that a limit which was raised is known in time: all is to be as before within 2 s,
/// and a router that looks at its strain needs 1.6 s of them.
const EVERY: Duration = Duration::from_millis(200);

/// The limit as it was read last.
#[derive(Debug)]
pub(super) struct Limit {
    cores: Arc<Cores>,
    /// Says nothing; gone, it ends the thread.
    _follows: Sender<Infallible>,
}

impl Limit {
    pub(super) fn of_this_process() -> io::Result<Self> {
        Self::follow(EVERY, || {
            let read = |path: &Path| fs::read_to_string(path).ok();
            let groups = read(Path::new(GROUPS))?;
            groups::cores(Path::new(MOUNT), &groups, read)
        })
    }

    /// Reads it now, and then so often.
    pub(super) fn follow(
        every: Duration,
        mut read: impl FnMut() -> Option<f32> + Send + 'static,
    ) -> io::Result<Self> {
        let cores = Arc::<Cores>::default();
        cores.set(read());
        let (follows, ended) = channel();
        let follower = Arc::clone(&cores);
        thread::Builder::new()
            .name("cpu-limit".to_owned())
            .spawn(move || {
                while lasts(&ended, every) {
                    follower.set(read());
                }
            })?;
        Ok(Self {
            cores,
            _follows: follows,
        })
    }

    /// That the process may use; `None`: as many as there are.
    pub(super) fn cores(&self) -> Option<f32> {
        self.cores.get()
    }
}

/// Whether anybody still wants to know after this time; at once when nobody does.
fn lasts(ended: &Receiver<Infallible>, time: Duration) -> bool {
    ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}

/// The bits of a number that is above zero, or zero for none.
#[derive(Debug, Default)]
struct Cores(AtomicU32);

impl Cores {
    fn set(&self, cores: Option<f32>) {
        let bits = cores.map_or(0, f32::to_bits);
        self.0.store(bits, Ordering::Relaxed);
    }

    fn get(&self) -> Option<f32> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            bits => Some(f32::from_bits(bits)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use std::sync::Mutex;

    use super::*;

    /// Only guards against waiting forever.
    const GUARD: Duration = Duration::from_secs(120);
    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn it_is_known_from_the_begin_and_follows() {
        let said = Arc::new(Mutex::new(Some(0.5)));
        let (tell, reads) = channel();
        let read = {
            let said = Arc::clone(&said);
            move || {
                let cores = *said.lock().unwrap();
                // The test may be over.
                let _ = tell.send(());
                cores
            }
        };
        let limit = Limit::follow(SOON, read).unwrap();
        assert_eq!(limit.cores(), Some(0.5));
        for cores in [None, Some(2.0)] {
            *said.lock().unwrap() = cores;
            reads.try_iter().for_each(drop);
            // One may have been under way, and of the second it is kept when the third begins.
            for _ in 0..3 {
                reads.recv_timeout(GUARD).unwrap();
            }
            assert_eq!(limit.cores(), cores);
        }
    }

    #[test]
    fn nobody_follows_for_nobody() {
        let (kept, ended) = channel::<Infallible>();
        let limit = Limit::follow(Duration::MAX, move || {
            let _ = &kept;
            None
        });
        drop(limit.unwrap());
        assert_eq!(
            ended.recv_timeout(GUARD),
            Err(RecvTimeoutError::Disconnected)
        );
    }
}
