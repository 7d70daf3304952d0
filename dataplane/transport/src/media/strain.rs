//! How hard the media threads work, what they were too slow for, and how much the process used
//! of its CPU limit.
//!
//! A thread works from when it has done waiting until it has sent all that it had to send; in
//! between it waits for packets, or gathers them. It does neither while there is always
//! something left, so a share of one means that it does not keep up. Where others use its core
//! too, it may be that it wakes, does in a moment what has come in the meantime, and has to
//! wait long for its next turn: then it counts all the time that it ran or could have.
//!
//! Only the threads of the UDP sockets are looked at. Rung `tls`, TLS of rung `tcp` and the
//! control channels are on the runtime of the process, which is not.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::busy::Sample;
use super::limit::CpuLimit;
use super::turns::{Account, Turns};
use crate::quic::ReceiveBuffer;

/// How it was between two looks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Strain {
    /// The busiest thread's share of time in which it worked, 0 to 1; 1 also for one that was
    /// too slow for what came.
    pub busy: f32,
    /// The share of the process's CPU limit that was used, 0 to 1; 0 where it has none. Once it
    /// is used up threads are stopped, so that they are busy too.
    pub limit_used: f32,
    /// Packets that the kernel dropped because no thread took them in time.
    pub dropped: u64,
}

/// One thread's work, as it writes it and others read it.
#[derive(Debug)]
pub(super) struct Work {
    epoch: Instant,
    /// Nanoseconds in all rounds that ended.
    done: AtomicU64,
    /// When the present round began, in nanoseconds since the epoch; 0 while waiting.
    since: AtomicU64,
    turns: Turns,
}

impl Work {
    pub(super) fn new(epoch: Instant) -> Arc<Self> {
        Arc::new(Self {
            epoch,
            done: AtomicU64::new(0),
            since: AtomicU64::new(0),
            turns: Turns::default(),
        })
    }

    /// The thread that it is of begins a round.
    pub(super) fn begin(&self, now: Instant) {
        self.turns.are_mine();
        self.begins(now);
    }

    fn begins(&self, now: Instant) {
        self.since.store(self.nanos(now).max(1), Ordering::Relaxed);
    }

    /// It has ended it.
    pub(super) fn end(&self, now: Instant) {
        let since = self.since.swap(0, Ordering::Relaxed);
        if since > 0 {
            let took = self.nanos(now).saturating_sub(since);
            self.done.fetch_add(took, Ordering::Relaxed);
        }
    }

    /// All of it so far, the present round too. A reader on another thread may miss a round
    /// that ends just now, and finds it the next time.
    fn so_far(&self, now: Instant) -> u64 {
        let done = self.done.load(Ordering::Relaxed);
        match self.since.load(Ordering::Relaxed) {
            0 => done,
            since => done + self.nanos(now).saturating_sub(since),
        }
    }

    fn nanos(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A thread's work and its socket's buffer, and how far it was at the last look.
struct Thread {
    work: Arc<Work>,
    buffer: ReceiveBuffer,
    done: u64,
    account: Account,
}

impl Thread {
    fn new(buffer: ReceiveBuffer, now: Instant) -> Self {
        Self {
            work: Work::new(now),
            buffer,
            done: 0,
            account: Account::default(),
        }
    }

    /// How it was since the last look, which was `past` ago.
    fn look(&mut self, past: Duration, now: Instant) -> Sample {
        let (done, account) = (self.work.so_far(now), self.work.turns.so_far());
        let worked = Duration::from_nanos(done.saturating_sub(self.done));
        let starved = account.starved_since(self.account);
        (self.done, self.account) = (done, account);
        Sample {
            past,
            worked: worked.max(starved),
            dropped: self.buffer.dropped(),
        }
    }
}

/// Looks at all threads of a router.
pub(super) struct Gauge {
    threads: Vec<Thread>,
    limit: CpuLimit,
    /// The smallest buffer, in bytes.
    room: usize,
    looked: Instant,
}

impl Gauge {
    /// Makes room for what comes in while the threads are busy.
    pub(super) fn new(sockets: &[UdpSocket], now: Instant) -> io::Result<Self> {
        let buffers = sockets.iter().map(ReceiveBuffer::enlarge);
        let buffers = buffers.collect::<io::Result<Vec<_>>>()?;
        let wanted = ReceiveBuffer::WANTED;
        let mut room = wanted;
        for buffer in &buffers {
            room = room.min(buffer.bytes()?);
        }
        if room < wanted {
            tracing::warn!(
                bytes = room,
                wanted,
                "UDP receive buffers are small: bursts may be lost; raise net.core.rmem_max"
            );
        }
        let threads = buffers.into_iter().map(|it| Thread::new(it, now));
        Ok(Self {
            threads: threads.collect(),
            limit: CpuLimit::new()?,
            room,
            looked: now,
        })
    }

    pub(super) const fn receive_buffer(&self) -> usize {
        self.room
    }

    /// For the thread of the so-many-th socket.
    pub(super) fn work(&self, thread: usize) -> Arc<Work> {
        Arc::clone(&self.threads[thread].work)
    }

    /// How it was since the last look.
    pub(super) fn look(&mut self, now: Instant) -> Strain {
        let past = now.saturating_duration_since(self.looked);
        self.looked = now;
        let mut strain = Strain {
            limit_used: self.limit.look(past),
            ..Strain::default()
        };
        for thread in &mut self.threads {
            let sample = thread.look(past, now);
            strain.busy = strain.busy.max(sample.busy());
            strain.dropped += sample.dropped;
        }
        strain
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;

    const LOOK: Duration = Duration::from_millis(100);

    fn two_threads() -> (Gauge, Instant) {
        let sockets: Vec<_> = (0..2)
            .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
            .collect();
        let now = Instant::now();
        (Gauge::new(&sockets, now).unwrap(), now)
    }

    #[test]
    fn what_an_idle_thread_lost_is_not_blamed_on_a_busy_one() {
        let sockets: Vec<_> = (0..2)
            .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
            .collect();
        let start = Instant::now();
        let mut gauge = Gauge::new(&sockets, start).unwrap();
        let busy = gauge.work(0);
        busy.begins(start);
        busy.end(start + LOOK * 9 / 10);
        socket2::SockRef::from(&sockets[1])
            .set_recv_buffer_size(16 * 1_024)
            .unwrap();
        for _ in 0..500 {
            let to = sockets[1].local_addr().unwrap();
            sockets[0].send_to(&[0; 1_200], to).unwrap();
        }
        // A busy kernel may have some of them on its way until this one has arrived.
        let last = UdpSocket::bind("127.0.0.1:0").unwrap();
        sockets[0]
            .send_to(b"last", last.local_addr().unwrap())
            .unwrap();
        last.recv(&mut [0; 4]).unwrap();
        let strain = gauge.look(start + LOOK);
        assert!(close_to(strain.busy, 0.9), "{strain:?}");
        assert!(strain.dropped > 0);
    }

    fn close_to(is: f32, expected: f32) -> bool {
        (is - expected).abs() < 0.001
    }

    #[test]
    fn the_busiest_thread_counts() {
        let (mut gauge, start) = two_threads();
        for (thread, millis) in [(0, 20), (1, 60)] {
            gauge.work(thread).begins(start);
            gauge
                .work(thread)
                .end(start + Duration::from_millis(millis));
        }
        let strain = gauge.look(start + LOOK);
        assert!(close_to(strain.busy, 0.6), "{strain:?}");
        let strain = gauge.look(start + LOOK * 2);
        assert!(close_to(strain.busy, 0.0), "{strain:?}");
    }

    #[test]
    fn a_round_that_lasts_counts_while_it_lasts() {
        let (mut gauge, start) = two_threads();
        let work = gauge.work(0);
        work.begins(start + LOOK / 2);
        assert!(close_to(gauge.look(start + LOOK).busy, 0.5));
        assert!(close_to(gauge.look(start + LOOK * 2).busy, 1.0));
        work.end(start + LOOK * 2 + LOOK / 4);
        assert!(close_to(gauge.look(start + LOOK * 3).busy, 0.25));
    }
}
