//! Wakes a thread that waits for sockets.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
}

impl Waker {
    /// Fails when no file descriptor is left.
    pub fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Inner {
            fd,
            woken: AtomicBool::new(false),
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
        // Who wakes it may not have come to write yet: then it stays woken, as nobody would
        // empty the descriptor otherwise, and comes once more.
        if self.0.woken.load(Ordering::Acquire) && self.empty() {
            // Not a store: what was put there before a wake that wrote nothing is to be seen.
            self.0.woken.swap(false, Ordering::AcqRel);
        }
    }

    /// Whether there was something in it.
    fn empty(&self) -> bool {
        rustix::io::read(&self.0.fd, &mut [0; 8]).is_ok()
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
    fn who_is_interrupted_while_it_wakes_does_not_keep_the_thread_awake() {
        let waker = Waker::new().unwrap();
        // The first half of a wake, and then the second.
        waker.0.woken.store(true, Ordering::Release);
        waker.heard();
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
