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
        if self.0.woken.load(Ordering::Acquire) {
            // Empty when another wake comes in between.
            let _ = rustix::io::read(&self.0.fd, &mut [0; 8]);
            self.0.woken.store(false, Ordering::Release);
        }
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}
