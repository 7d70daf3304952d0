//! A line that every packet takes some time to pass, whatever protocol it is of.
//!
//! The kernel here may lack netem, but it can hold packets until a program has decided about
//! them (the target NFQUEUE of iptables-extensions(8)). This one lets every packet go, after a
//! while. The number of a queue is its delay in milliseconds, so that a rule says what it
//! does. Packets stay in order, and in the kernel.

mod messages;

use std::collections::VecDeque;
use std::os::fd::{AsFd as _, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{bind, recv, send, socket_with};

use messages::Message;

/// 100 Mbit/s of full packets for 200 ms, and some.
const PACKETS: u32 = 4_096;
/// The kernel's notes about them, as it counts their memory.
const BUFFER: usize = 16 << 20;
/// A datagram of notes; one has about 100 bytes.
const DATAGRAM: usize = 64 << 10;

/// What `plenum-e2e` says when the lines work.
pub const READY: &str = "ready";

/// Runs lines of these delays in milliseconds, in the network namespace that we are in, until
/// one of them fails.
pub fn run(delays: &[u16]) -> Result<()> {
    let lines = delays.iter().map(|delay| Line::open(*delay));
    let lines = lines.collect::<Result<Vec<_>>>()?;
    println!("{READY}");
    thread::scope(|scope| {
        let running: Vec<_> = lines
            .into_iter()
            .map(|line| scope.spawn(move || line.run()))
            .collect();
        let ended = running.into_iter().map(|line| match line.join() {
            Ok(ended) => ended,
            Err(_) => Err(anyhow::anyhow!("a line broke")),
        });
        ended.collect()
    })
}

struct Line {
    queue: u16,
    kernel: OwnedFd,
    waiting: Waiting,
}

/// Packets on their way, the oldest first.
#[derive(Debug)]
struct Waiting {
    delay: Duration,
    packets: VecDeque<(Instant, u32)>,
}

impl Waiting {
    fn add(&mut self, id: u32, now: Instant) {
        self.packets.push_back((now + self.delay, id));
    }

    /// The last one that is due; those before it are too.
    fn due(&mut self, now: Instant) -> Option<u32> {
        let due = self.packets.partition_point(|(at, _)| *at <= now);
        self.packets.drain(..due).next_back().map(|(_, id)| id)
    }

    fn next(&self) -> Option<Instant> {
        self.packets.front().map(|(at, _)| *at)
    }
}

impl Line {
    fn open(delay: u16) -> Result<Self> {
        let kernel = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(NETFILTER),
        )?;
        bind(&kernel, &SocketAddrNetlink::new(0, 0))?;
        set_socket_recv_buffer_size_force(&kernel, BUFFER)?;
        let line = Self {
            queue: delay,
            kernel,
            waiting: Waiting {
                delay: Duration::from_millis(delay.into()),
                packets: VecDeque::new(),
            },
        };
        for request in messages::open(delay, PACKETS) {
            line.ask(&request)
                .with_context(|| format!("queue {delay} of the kernel"))?;
        }
        Ok(line)
    }

    fn ask(&self, request: &[u8]) -> Result<()> {
        send(&self.kernel, request, SendFlags::empty())?;
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let (length, _) = recv(&self.kernel, &mut buffer[..], RecvFlags::empty())?;
            let mut answers = messages::parse(&buffer[..length]).into_iter();
            if let Some(Message::Answer(error)) =
                answers.find(|message| matches!(message, Message::Answer(_)))
            {
                ensure!(
                    error == 0,
                    "it says {}",
                    std::io::Error::from_raw_os_error(-error)
                );
                return Ok(());
            }
        }
    }

    fn run(mut self) -> Result<()> {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            self.wait()?;
            self.take(&mut buffer)?;
            if let Some(id) = self.waiting.due(Instant::now()) {
                let verdict = messages::accept_up_to(self.queue, id);
                send(&self.kernel, &verdict, SendFlags::empty())?;
            }
        }
    }

    /// Until something comes, or is due.
    fn wait(&self) -> Result<()> {
        let next = self.waiting.next();
        let timeout = next.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.map(Timespec::try_from).transpose()?;
        let mut readable = [PollFd::new(&self.kernel, PollFlags::IN)];
        match poll(&mut readable, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<()> {
        loop {
            match recv(self.kernel.as_fd(), &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    let now = Instant::now();
                    for message in messages::parse(&buffer[..length]) {
                        if let Message::Packet { id } = message {
                            self.waiting.add(id, now);
                        }
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                // Notes were lost. The packets go with the next verdict, too early.
                Err(Errno::NOBUFS) => eprintln!("queue {}: too many packets", self.queue),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_leave_in_order_after_their_delay() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut waiting = Waiting {
            delay: Duration::from_millis(20),
            packets: VecDeque::new(),
        };
        for (id, ms) in [(1, 0), (2, 0), (3, 5)] {
            waiting.add(id, at(ms));
        }
        assert_eq!((waiting.due(at(19)), waiting.next()), (None, Some(at(20))));
        assert_eq!(
            (waiting.due(at(20)), waiting.next()),
            (Some(2), Some(at(25)))
        );
        assert_eq!((waiting.due(at(90)), waiting.next()), (Some(3), None));
    }
}
