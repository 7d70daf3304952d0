//! Two routers, a network with latency, and people who talk all the time while their
//! meeting moves: everybody hears every packet, and twice only during the overlap.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_router::{ChannelId, ConnectionId, Input, Output};
use plenum_wire::control::{FromClient, FromRouter, Interest};
use plenum_wire::join::Offer;
use plenum_wire::link::{self, ToRouter};
use plenum_wire::{Kind, Rung, rtp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::house::{House, UNIX_S, Zone, publish, rtp_packet, start};

const KINDS: [Kind; 2] = [Kind::Audio, Kind::Video];
const ROUTERS: [&str; 2] = ["a", "b"];
const PERIOD: Duration = Duration::from_millis(20);
/// A client keeps its old leg this long after the release: longer than the slowest packet.
const LINGER: Duration = Duration::from_millis(500);

enum Event {
    ToRouter(usize, Input),
    Said(usize, usize, FromRouter),
    Heard(usize, usize, Bytes),
    Talk(usize),
    Leave(usize, usize),
}

struct Leg {
    channel: ChannelId,
    connections: [ConnectionId; 2],
    offer: Offer,
    bound: [bool; 2],
    published: [bool; 2],
}

#[derive(Default)]
struct Client {
    legs: [Option<Leg>; 2],
    released: bool,
    sequence: u16,
    /// How often each packet came: SSRC and sequence number.
    heard: BTreeMap<(u32, u16), u32>,
    /// Sequence numbers of the first and last packet sent on both legs.
    overlap: Option<(u16, u16)>,
}

struct World {
    houses: [House; 2],
    clients: Vec<Client>,
    rng: StdRng,
    queue: BTreeMap<(Instant, u64), Event>,
    order: u64,
    now: Instant,
    /// Control channels deliver in order.
    last: HashMap<(usize, ChannelId, bool), Instant>,
    ended: Option<(u32, u32)>,
}

fn ssrc(client: usize, kind: usize) -> u32 {
    u32::try_from(1_000 + client * 10 + kind).unwrap()
}

impl World {
    fn new(seed: u64, clients: usize) -> Self {
        let now = start();
        let mut houses = ROUTERS.map(|name| House::unlinked(name, Zone::new("zone"), 100));
        let public = houses[0].zone.public.clone();
        for house in &mut houses {
            house.now = now;
            house.zone.public = public.clone();
            house.link();
        }
        let mut world = Self {
            houses,
            clients: (0..clients).map(|_| Client::default()).collect(),
            rng: StdRng::seed_from_u64(seed),
            queue: BTreeMap::new(),
            order: 0,
            now,
            last: HashMap::new(),
            ended: None,
        };
        for client in 0..clients {
            let name = format!("p{client}");
            let offer = world.houses[0].zone.offer("a", "4711", &name);
            world.connect(client, 0, offer);
        }
        world
    }

    fn later(&mut self, at: Instant, event: Event) {
        self.order += 1;
        self.queue.insert((at, self.order), event);
    }

    fn latency(&mut self) -> Duration {
        Duration::from_micros(self.rng.random_range(1_000..150_000))
    }

    /// Media may overtake itself and control messages.
    fn packet_to_router(&mut self, router: usize, input: Input) {
        let at = self.now + self.latency();
        self.later(at, Event::ToRouter(router, input));
    }

    fn in_order(&mut self, router: usize, channel: ChannelId, up: bool) -> Instant {
        let soon = self.now + self.latency();
        let last = self.last.entry((router, channel, up)).or_insert(soon);
        *last = soon.max(*last);
        *last
    }

    fn say(&mut self, router: usize, channel: ChannelId, message: FromClient) {
        let at = self.in_order(router, channel, true);
        let unix_s = UNIX_S;
        let input = Input::ControlMessage {
            channel,
            message,
            unix_s,
        };
        self.later(at, Event::ToRouter(router, input));
    }

    fn connect(&mut self, client: usize, router: usize, offer: Offer) {
        let channel = self.houses[router].open();
        let connections = KINDS.map(|_| self.houses[router].connect(Rung::Udp));
        let hello = FromClient::Hello {
            ticket: offer.ticket.clone(),
            name: None,
            subscribe: Interest::All,
            moved_from: (router == 1).then(|| "a".parse().unwrap()),
        };
        self.clients[client].legs[router] = Some(Leg {
            channel,
            connections,
            offer,
            bound: [false; 2],
            published: [false; 2],
        });
        self.say(router, channel, hello);
    }

    fn run(&mut self, until: Instant) {
        loop {
            let timeouts = self.houses.iter().map(|h| h.shard.next_timeout());
            let timeout = timeouts.flatten().min();
            let next = self.queue.first_key_value().map(|((at, _), _)| *at);
            let Some(at) = timeout.into_iter().chain(next).min() else {
                return;
            };
            if at > until {
                return;
            }
            self.now = at;
            if next == Some(at) {
                let (_, event) = self.queue.pop_first().unwrap();
                self.happen(event);
            }
            for router in 0..2 {
                self.houses[router].now = at;
                self.houses[router].shard.handle_timeout(at);
                for output in self.houses[router].take() {
                    self.deliver(router, output);
                }
            }
        }
    }

    fn deliver(&mut self, router: usize, output: Output) {
        match output {
            Output::Forward { to, packet, .. } => {
                let client = self.owner(router, |leg| leg.connections.contains(&to));
                let at = self.now + self.latency();
                self.later(at, Event::Heard(client, router, packet));
            }
            Output::Control { to, message } => {
                let client = self.owner(router, |leg| leg.channel == to);
                let at = self.in_order(router, to, false);
                self.later(at, Event::Said(client, router, *message));
            }
            Output::Link { message, to } => match *message {
                link::FromRouter::TicketsWanted {
                    meeting,
                    to: target,
                    participants,
                } => {
                    let zone = &mut self.houses[0].zone;
                    let offers = participants
                        .iter()
                        .map(|who| zone.offer("b", meeting.as_str(), who.participant.as_str()))
                        .collect();
                    let message = ToRouter::Tickets {
                        meeting,
                        to: target,
                        offers,
                    };
                    self.packet_to_router(router, Input::LinkMessage { link: to, message });
                }
                link::FromRouter::MoveEnded { moved, failed, .. } => {
                    self.ended = Some((moved, failed));
                }
                _ => {}
            },
            Output::Carries { .. } | Output::CloseControl { .. } | Output::CloseMedia { .. } => {}
        }
    }

    fn owner(&self, router: usize, has: impl Fn(&Leg) -> bool) -> usize {
        self.clients
            .iter()
            .position(|client| client.legs[router].as_ref().is_some_and(&has))
            .expect("outputs go to clients that were there")
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToRouter(router, input) => {
                self.houses[router].now = self.now;
                self.houses[router].handle(input);
            }
            Event::Heard(client, router, packet) => {
                if self.clients[client].legs[router].is_some() {
                    // These publishers answer no request for what was only overtaken.
                    let Some(header) = rtp::Header::parse(&packet) else {
                        return assert!(rtp::is_rtcp(&packet));
                    };
                    let key = (header.ssrc, header.sequence);
                    *self.clients[client].heard.entry(key).or_default() += 1;
                }
            }
            Event::Talk(client) => self.talk(client),
            Event::Said(client, router, message) => self.told(client, router, message),
            Event::Leave(client, router) => {
                let channel = self.clients[client].legs[router].as_ref().unwrap().channel;
                self.say(router, channel, FromClient::Bye);
            }
        }
    }

    fn told(&mut self, client: usize, router: usize, message: FromRouter) {
        let leg = self.clients[client].legs[router].as_mut().unwrap();
        let (channel, connections) = (leg.channel, leg.connections);
        let flows = leg.offer.flows;
        let index = |kind| KINDS.iter().position(|k| *k == kind).unwrap();
        match message {
            FromRouter::Welcome { .. } => {
                for (i, kind) in KINDS.into_iter().enumerate() {
                    let packet = rtp::knock(ssrc(client, i));
                    let (connection, flow) = (connections[i], flows.of(kind));
                    let knock = Input::Packet {
                        connection,
                        flow,
                        packet,
                    };
                    self.packet_to_router(router, knock);
                    self.say(router, channel, publish(kind, ssrc(client, i)));
                }
            }
            FromRouter::MediaBound { kind, .. } => leg.bound[index(kind)] = true,
            FromRouter::Published { kind } => leg.published[index(kind)] = true,
            FromRouter::Migrate { offer } => self.connect(client, 1, *offer),
            FromRouter::Release { .. } => {
                self.clients[client].released = true;
                self.later(self.now + LINGER, Event::Leave(client, 0));
            }
            FromRouter::Error { code, message } => panic!("{code:?}: {message}"),
            _ => {}
        }
        let leg = self.clients[client].legs[router].as_ref().unwrap();
        if router == 1
            && leg.bound == [true; 2]
            && leg.published == [true; 2]
            && !self.clients[client].released
        {
            let first = self.clients[client].legs[0].as_ref().unwrap().channel;
            self.say(
                0,
                first,
                FromClient::Moved {
                    to: "b".parse().unwrap(),
                },
            );
        }
    }

    fn talk(&mut self, client: usize) {
        let speaker = &mut self.clients[client];
        speaker.sequence += 1;
        let sequence = speaker.sequence;
        let mut sent = Vec::new();
        for (router, leg) in speaker.legs.iter().enumerate() {
            let Some(leg) = leg.as_ref().filter(|_| router == 1 || !speaker.released) else {
                continue;
            };
            for (i, kind) in KINDS.into_iter().enumerate() {
                if leg.published[i] && leg.bound[i] {
                    sent.push((router, leg.connections[i], leg.offer.flows.of(kind), i));
                }
            }
        }
        if sent.iter().any(|s| s.0 == 0) && sent.iter().any(|s| s.0 == 1) {
            let first = speaker.overlap.map_or(sequence, |(first, _)| first);
            speaker.overlap = Some((first, sequence));
        }
        for (router, connection, flow, i) in sent {
            let packet = rtp_packet(ssrc(client, i), sequence);
            let input = Input::Packet {
                connection,
                flow,
                packet,
            };
            self.packet_to_router(router, input);
        }
        self.later(self.now + PERIOD, Event::Talk(client));
    }

    fn order_move(&mut self) {
        let link = self.houses[0].link();
        let message = ToRouter::MoveMeeting {
            meeting: "4711".parse().unwrap(),
            to: "b".parse().unwrap(),
        };
        self.houses[0].order(link, message);
    }

    /// Every packet that was sent before `sent` packets ago has come to everybody.
    fn check(&self, seed: u64) {
        for (speaker, talks) in self.clients.iter().enumerate() {
            let (first, last) = talks.overlap.expect("everybody overlapped");
            for (listener, hears) in self.clients.iter().enumerate() {
                for sequence in 1..talks.sequence - 25 {
                    for i in 0..2 {
                        let came = hears.heard.get(&(ssrc(speaker, i), sequence)).copied();
                        let at = || format!("seed {seed}: {speaker}->{listener} #{sequence}");
                        if speaker == listener {
                            assert_eq!(came, None, "{}", at());
                        } else if sequence < first || sequence > last {
                            assert_eq!(came, Some(1), "{}", at());
                        } else {
                            assert!(matches!(came, Some(1 | 2)), "{came:?} {}", at());
                        }
                    }
                }
            }
        }
    }
}

fn moves(seed: u64, clients: usize) {
    let mut world = World::new(seed, clients);
    let begin = world.now;
    let second = Duration::from_secs(1);
    world.run(begin + 2 * second);
    for client in 0..clients {
        let at = world.now + Duration::from_millis(u64::try_from(client).unwrap());
        world.later(at, Event::Talk(client));
    }
    world.run(begin + 3 * second);
    world.order_move();
    world.run(begin + 8 * second);
    assert_eq!(
        world.ended,
        Some((u32::try_from(clients).unwrap(), 0)),
        "seed {seed}"
    );
    world.check(seed);
    assert_eq!(world.houses[0].shard.load().participants, 0, "seed {seed}");
    let here = world.houses[1].shard.load().participants;
    assert_eq!(usize::try_from(here).unwrap(), clients, "seed {seed}");
    let dropped = world.houses[1].shard.counters().dropped;
    assert_eq!(dropped.unknown_flow + dropped.malformed, 0, "seed {seed}");
}

#[test]
fn nobody_misses_a_packet_of_anybody() {
    for seed in 0..20 {
        // No more than all can be heard at once.
        moves(seed, 2 + usize::try_from(seed % 4).unwrap());
    }
}
