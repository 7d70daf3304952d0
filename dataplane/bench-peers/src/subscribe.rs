//! Subscribers of a Janus and the stream's source, on one thread.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use plenum_bench::clients::{Room, Socket};
use plenum_bench::load::Told;
use plenum_bench::stamp::{self, Noticed};
use str0m::crypto::{CryptoProvider, from_feature_flags};

use crate::janus::STREAM;
use crate::subscriber::{Said, Subscriber};
use crate::talk::Talk;

const READY_WITHIN: Duration = Duration::from_secs(30);
/// For what is still on its way.
const LINGER: Duration = Duration::from_millis(500);
/// Between two looks at the timers of all subscribers.
const TIMERS: Duration = Duration::from_millis(5);
const SSRC: u32 = 1;

/// Subscribers, and the source of what they get.
#[derive(Debug, clap::Args)]
pub struct Subscribe {
    /// Where Janus listens to its API
    #[arg(long)]
    api: PathBuf,
    /// Where it takes the stream
    #[arg(long)]
    media_port: u16,
    /// How many
    #[arg(long)]
    subscribers: u32,
    /// Packets that they should get a second, all together
    #[arg(long)]
    rate: u32,
    /// Bytes of each, RTP header included
    #[arg(long, default_value_t = 1_200)]
    bytes: usize,
    /// Ask for neither retransmission nor transport feedback
    #[arg(long)]
    lean: bool,
}

impl Subscribe {
    /// Runs it and prints what was noticed.
    pub fn run(&self) -> Result<()> {
        let told = Told::default();
        let mut audience = Audience::new()?;
        let mut talk = Talk::open(&self.api)?;
        for _ in 0..self.subscribers {
            audience.add(&mut talk, self.lean)?;
            audience.turn(Duration::ZERO)?;
        }
        told.listen();
        let mut source = Source::new(self)?;
        let (mut ready, until) = (false, Instant::now() + READY_WITHIN);
        let mut stop_at = None;
        while stop_at.is_none_or(|at| Instant::now() < at) {
            if told.stops() {
                stop_at.get_or_insert(Instant::now() + LINGER);
            }
            let sleep = source.send(told.measures(), &mut audience.noticed)?;
            audience.turn(sleep)?;
            let hearing = audience.hearing();
            if !ready && hearing == audience.people.len() {
                ready = true;
                println!("ready");
            } else if !ready && Instant::now() > until {
                bail!("only {hearing} of {} hear anything", self.subscribers);
            }
        }
        println!("{}", serde_json::to_string(&audience.noticed)?);
        Ok(())
    }
}

/// Sends the stream, plain RTP as a mountpoint takes it.
struct Source {
    socket: UdpSocket,
    to: SocketAddr,
    bytes: usize,
    between: Duration,
    begun: Instant,
    sent: u32,
}

impl Source {
    fn new(plan: &Subscribe) -> Result<Self> {
        let per_second = f64::from(plan.rate) / f64::from(plan.subscribers);
        Ok(Self {
            socket: UdpSocket::bind("127.0.0.1:0")?,
            to: ([127, 0, 0, 1], plan.media_port).into(),
            bytes: plan.bytes,
            between: Duration::from_secs_f64(1.0 / per_second),
            begun: Instant::now(),
            sent: 0,
        })
    }

    /// Sends what is due; how long until the next.
    fn send(&mut self, counts: bool, noticed: &mut Noticed) -> Result<Duration> {
        while self.begun.elapsed() >= self.between * self.sent {
            self.sent += 1;
            let sequence = u16::try_from(self.sent % 65_536).context("16 bits")?;
            let packet = stamp::packet(SSRC, sequence, self.bytes, counts);
            self.socket.send_to(&packet, self.to)?;
            noticed.sent += u64::from(counts);
        }
        Ok((self.between * self.sent).saturating_sub(self.begun.elapsed()))
    }
}

struct Person {
    subscriber: Subscriber,
    hears: bool,
    /// When the last datagram came, in nanoseconds of Unix time.
    at_ns: u64,
    /// In the list of those that may have something to say.
    stirred: bool,
}

/// All subscribers, on one socket: Janus has one for each, by which they are told apart.
struct Audience {
    crypto: Arc<CryptoProvider>,
    socket: Socket,
    local: SocketAddr,
    room: Room,
    people: Vec<Person>,
    by_address: HashMap<SocketAddr, usize>,
    stirred: Vec<usize>,
    next_timers: Instant,
    noticed: Noticed,
}

impl Audience {
    fn new() -> Result<Self> {
        let ip = outward_address()?;
        let socket = Socket::at(SocketAddr::new(ip, 0))?;
        Ok(Self {
            crypto: Arc::new(from_feature_flags()),
            local: socket.local_addr()?,
            socket,
            room: Room::new(),
            people: Vec::new(),
            by_address: HashMap::new(),
            stirred: Vec::new(),
            next_timers: Instant::now(),
            noticed: Noticed::default(),
        })
    }

    fn add(&mut self, talk: &mut Talk, lean: bool) -> Result<()> {
        let (handle, offer) = talk.watch(STREAM)?;
        let now = Instant::now();
        let (subscriber, answer) = Subscriber::answer(&self.crypto, self.local, &offer, lean, now)?;
        talk.start(handle, &answer)?;
        let place = self.people.len();
        self.by_address
            .insert(Subscriber::address_in(&offer)?, place);
        self.people.push(Person {
            subscriber,
            hears: false,
            at_ns: 0,
            stirred: true,
        });
        self.stirred.push(place);
        Ok(())
    }

    fn hearing(&self) -> usize {
        self.people.iter().filter(|person| person.hears).count()
    }

    /// Waits so long for something to come, and deals with it and with what time brought.
    fn turn(&mut self, sleep: Duration) -> Result<()> {
        let mut failed = None;
        if self.socket.wait(sleep.min(TIMERS))? {
            let now = Instant::now();
            let Self {
                socket,
                room,
                people,
                by_address,
                stirred,
                ..
            } = self;
            socket.receive(room, |arrived, datagram| {
                let Some(place) = by_address.get(&arrived.from) else {
                    return;
                };
                let person = &mut people[*place];
                person.at_ns = arrived.at_ns;
                if let Err(error) = person.subscriber.receive(arrived.from, datagram, now) {
                    failed = Some(error);
                }
                if !std::mem::replace(&mut person.stirred, true) {
                    stirred.push(*place);
                }
            })?;
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.settle()?;
        self.handle_timeouts()
    }

    fn handle_timeouts(&mut self) -> Result<()> {
        let now = Instant::now();
        if now < self.next_timers {
            return Ok(());
        }
        self.next_timers = now + TIMERS;
        for (place, person) in self.people.iter_mut().enumerate() {
            if person.subscriber.due <= now {
                person.subscriber.handle_timeout(now)?;
                if !std::mem::replace(&mut person.stirred, true) {
                    self.stirred.push(place);
                }
            }
        }
        self.settle()
    }

    fn settle(&mut self) -> Result<()> {
        for place in self.stirred.drain(..) {
            let person = &mut self.people[place];
            person.stirred = false;
            while let Some(said) = person.subscriber.poll()? {
                match said {
                    Said::Payload(payload) => {
                        person.hears |= self.noticed.payload(&payload, person.at_ns);
                    }
                    Said::Datagram(to, bytes) => self.socket.send_to(to, &bytes),
                }
            }
        }
        Ok(())
    }
}

/// The address that others reach this machine by: Janus does not offer the loopback's.
fn outward_address() -> Result<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // Nothing is sent: the kernel only chooses by which way it would be (RFC 5737's network).
    socket
        .connect("198.51.100.1:9")
        .context("this machine needs an address that is not the loopback's, for Janus")?;
    Ok(socket.local_addr()?.ip())
}
