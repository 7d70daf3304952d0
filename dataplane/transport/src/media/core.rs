//! A thread's share of the media: its port, what wakes it, and how long it gathers.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::strain::Work;
use super::{Event, Waker, pin};
use crate::quic::{CoreNumber, Port, Tick};

/// Driven by one thread: [`Core::wait`], [`Core::receive`], then what the owner has to say to
/// `port`, then [`Core::flush`].
pub(super) struct Core {
    pub(super) port: Port,
    pub(super) waker: Waker,
    tick: Tick,
    work: Arc<Work>,
    woke: Instant,
    /// The last look did not empty the socket.
    more: bool,
    /// Packets that waited to be sent when the round began.
    waited: usize,
    /// Where the thread is to stay that waits here first.
    pin_to: Option<CoreNumber>,
}

impl Core {
    /// `pin_to`: the core of the thread that will drive it, if it is one of several.
    pub(super) const fn new(
        port: Port,
        waker: Waker,
        work: Arc<Work>,
        pin_to: Option<CoreNumber>,
        now: Instant,
    ) -> Self {
        Self {
            port,
            waker,
            tick: Tick::new(now),
            work,
            woke: now,
            more: false,
            waited: 0,
            pin_to,
        }
    }

    /// Waits until something came, somebody woke it, or `until`; then as long as it pays to
    /// gather. The time then.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> io::Result<Instant> {
        if let Some(core) = self.pin_to.take() {
            pin::to_core(core);
        }
        let due = self.port.next_timeout();
        let earlier = [until, self.tick.held()].into_iter().flatten().min();
        let due = earlier.map_or(due, |earlier| earlier.min(due));
        let left = due.saturating_duration_since(Instant::now());
        if !self.more {
            let mut ready = [
                PollFd::new(&self.port, PollFlags::IN),
                PollFd::new(&self.waker, PollFlags::IN),
            ];
            // A time that cannot be written as one is as good as none.
            let limit = Timespec::try_from(left).ok();
            match poll(&mut ready, limit.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // What was left over has gathered already.
        let rest = if self.more {
            Duration::ZERO
        } else {
            self.tick.rest(Instant::now())
        };
        if !rest.is_zero() {
            std::thread::sleep(rest);
        }
        self.waker.heard();
        self.waited = self.port.gathered();
        self.woke = Instant::now();
        self.work.begin(self.woke);
        Ok(self.woke)
    }

    /// What came on the port and what time brought.
    pub(super) fn receive(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        self.more = self.port.receive(self.woke, events)?;
        self.port.handle_timeout(self.woke, events);
        Ok(())
    }

    /// Sends what was gathered, unless it should wait for more.
    pub(super) fn flush(&mut self) {
        let gathered = self.port.gathered();
        let fresh = gathered > self.waited;
        // What was decided took its time, and QUIC measures round trips by this.
        let now = Instant::now();
        let holds = !self.more && self.tick.holds(fresh, now);
        if !holds {
            self.port.flush(now);
        }
        let done = Instant::now();
        if !holds && gathered > 0 {
            self.tick.sent(done);
        }
        self.tick.worked(self.woke, done);
        self.work.end(done);
    }

    /// Sends all there is, before it ends.
    pub(super) fn finish(&mut self) {
        self.port.flush(Instant::now());
    }
}
