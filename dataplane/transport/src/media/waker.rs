//! Wakes a thread that waits for sockets.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// Clones wake the same thread.
///
/// The thread calls [`Waker::heard`] before it looks at what it is woken for, so nothing that
/// was put there before a [`Waker::wake`] is missed; several calls in between cost one.
#[derive(Debug, Clone)]
pub struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fd: OwnedFd,
    woken: AtomicBool,
    /// So many who woke the thread have not come to write yet. Only the thread touches it.
    owed: AtomicU64,
}

impl Waker {
    /// Fails when no file descriptor is left.
    pub fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Inner {
            fd,
            woken: AtomicBool::new(false),
            owed: AtomicU64::new(0),
        })))
    }

    /// Makes the descriptor readable.
    pub fn wake(&self) {
        if !self.0.woken.swap(true, Ordering::AcqRel) {
            // Only fails when the counter is full, and then it is readable too.
            let _ = rustix::io::write(&self.0.fd, &1_u64.to_ne_bytes());
        }
    }

    /// The thread is awake, and looks after this.
    pub fn heard(&self) {
        let owed = self.0.owed.load(Ordering::Relaxed);
        if owed == 0 && !self.0.woken.load(Ordering::Acquire) {
            return;
        }
        let written = self.empty();
        // After it was emptied, so that who comes now writes; and not a store, so that what was
        // put there before a wake that wrote nothing is seen.
        let woken = self.0.woken.swap(false, Ordering::AcqRel);
        // Who is interrupted before it writes writes later, and nobody else would empty it.
        let owed = (owed + u64::from(woken)).saturating_sub(written);
        self.0.owed.store(owed, Ordering::Relaxed);
    }

    /// How many have written.
    fn empty(&self) -> u64 {
        let mut written = [0; 8];
        let read = rustix::io::read(&self.0.fd, &mut written);
        read.map_or(0, |_| u64::from_ne_bytes(written))
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use std::sync::mpsc::channel;
    use std::thread;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    /// Only guards against waiting forever.
    const GUARD: i64 = 120;

    fn is_readable(waker: &Waker, seconds: i64) -> bool {
        let limit = Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        let mut ready = [PollFd::new(waker, PollFlags::IN)];
        poll(&mut ready, Some(&limit)).unwrap() > 0
    }

    #[test]
    fn several_wakes_are_heard_once() {
        let waker = Waker::new().unwrap();
        for _ in 0..2 {
            waker.wake();
            waker.wake();
            assert!(is_readable(&waker, 0));
            waker.heard();
            assert!(!is_readable(&waker, 0));
        }
    }

    #[test]
    fn who_is_interrupted_while_it_wakes_keeps_neither_others_from_it_nor_the_thread_awake() {
        let waker = Waker::new().unwrap();
        // The first half of a wake.
        waker.0.woken.store(true, Ordering::Release);
        waker.heard();
        for _ in 0..2 {
            waker.wake();
            assert!(is_readable(&waker, 0));
            waker.heard();
            assert!(!is_readable(&waker, 0));
        }
        // And the second.
        rustix::io::write(&waker.0.fd, &1_u64.to_ne_bytes()).unwrap();
        assert!(is_readable(&waker, 0));
        waker.heard();
        assert!(!is_readable(&waker, 0));
        waker.wake();
        assert!(is_readable(&waker, 0));
    }

    #[test]
    fn nothing_that_was_put_there_before_a_wake_is_missed() {
        const WAKES: usize = 10_000;
        let waker = Waker::new().unwrap();
        let (put, there) = channel();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let (waker, put) = (waker.clone(), put.clone());
                thread::spawn(move || {
                    for _ in 0..WAKES {
                        put.send(()).unwrap();
                        waker.wake();
                    }
                })
            })
            .collect();
        let mut seen = 0;
        while seen < 2 * WAKES {
            assert!(is_readable(&waker, GUARD), "{seen} seen");
            waker.heard();
            seen += there.try_iter().count();
        }
        for writer in writers {
            writer.join().unwrap();
        }
    }
}
