//! A router with a zone that signs tickets, and a clock that stands still until told.

use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use plenum_router::{ChannelId, Config, ConnectionId, Input, LinkId, Output, Shard};
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest};
use plenum_wire::join::{Endpoint, Offer};
use plenum_wire::link::{self, TicketKey, ToRouter};
use plenum_wire::ticket::{Claims, SigningKey};
use plenum_wire::{Boot, Codec, Fingerprint, FlowId, Flows, Kind, Rung, rtp};

/// Unix time in the tests, in seconds.
pub const UNIX_S: u64 = 1_800_000_000;

pub fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    Instant::now()
}

/// Signs tickets.
pub struct Zone {
    pub key: SigningKey,
    pub public: TicketKey,
    next_flow: u64,
}

impl Zone {
    pub fn new(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(pair.to_pkcs8v1().unwrap())
        );
        Self {
            key: SigningKey::from_pem(kid, pem.as_bytes()).unwrap(),
            public: TicketKey {
                kid: kid.into(),
                x: URL_SAFE_NO_PAD.encode(pair.public_key()),
            },
            // Zones know nothing of each other, and do not give the same flow ids.
            next_flow: u64::from_be_bytes(*pair.public_key().as_ref().first_chunk().unwrap()) >> 3,
        }
    }

    pub fn claims(&mut self, router: &str, meeting: &str, participant: &str) -> Claims {
        let mut flow = || {
            self.next_flow += 1;
            FlowId::from_random(self.next_flow)
        };
        Claims {
            meeting: meeting.parse().unwrap(),
            participant: participant.parse().unwrap(),
            router: router.parse().unwrap(),
            fingerprint: fingerprint(router),
            flows: Flows {
                audio: flow(),
                video: flow(),
                content: flow(),
            },
            expires: UNIX_S + 120,
            admitted: UNIX_S - 7,
            vouched: UNIX_S - 9,
        }
    }

    pub fn offer(&mut self, router: &str, meeting: &str, participant: &str) -> Offer {
        let claims = self.claims(router, meeting, participant);
        Offer {
            ticket: self.key.sign(&claims),
            meeting: claims.meeting,
            participant: claims.participant,
            router: claims.router,
            endpoint: endpoint(router),
            flows: claims.flows,
        }
    }
}

fn fingerprint(router: &str) -> Fingerprint {
    Fingerprint([router.as_bytes()[0]; 32])
}

fn endpoint(router: &str) -> Endpoint {
    Endpoint {
        addresses: vec![[127, 0, 0, 1].into()],
        https_port: 443,
        media_port: 8801,
        fingerprint: fingerprint(router),
    }
}

/// A client that is in a meeting.
#[derive(Debug, Clone, Copy)]
pub struct Guest {
    pub channel: ChannelId,
    pub flows: Flows,
}

/// A router under test.
pub struct House {
    pub shard: Shard,
    pub zone: Zone,
    pub now: Instant,
    name: String,
    next: u64,
}

impl House {
    /// A router that one controller has welcomed.
    pub fn new(capacity: u32) -> Self {
        Self::named("a", Zone::new("zone"), capacity)
    }

    pub fn named(name: &str, zone: Zone, capacity: u32) -> Self {
        let mut house = Self::unlinked(name, zone, capacity);
        house.link();
        house.take();
        house
    }

    /// A router that no controller knows yet.
    pub fn unlinked(name: &str, zone: Zone, capacity: u32) -> Self {
        let shard = Shard::new(Config {
            router: name.parse().unwrap(),
            pool: "pool".parse().unwrap(),
            boot: Boot(1),
            endpoint: endpoint(name),
            capacity,
        });
        Self {
            shard,
            zone,
            now: start(),
            name: name.into(),
            next: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn handle(&mut self, input: Input) {
        self.shard.handle(input, self.now);
    }

    pub fn take(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.shard.poll()).collect()
    }

    /// Time passes, and the shard is called when it asked to be.
    pub fn pass(&mut self, duration: Duration) -> Vec<Output> {
        let until = self.now + duration;
        let mut out = self.take();
        while let Some(at) = self.shard.next_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.shard.handle_timeout(at);
            out.extend(self.take());
            assert!(self.shard.next_timeout() > Some(at), "time moves on");
        }
        self.now = until;
        out
    }

    pub fn link(&mut self) -> LinkId {
        let link = LinkId(self.number());
        self.handle(Input::LinkOpened { link });
        let keys = vec![self.zone.public.clone()];
        self.order(
            link,
            ToRouter::Welcome {
                controller: "zc-0".into(),
                zone: "zone".parse().unwrap(),
                keys,
            },
        );
        link
    }

    pub fn order(&mut self, link: LinkId, message: ToRouter) {
        self.handle(Input::LinkMessage { link, message });
    }

    pub fn open(&mut self) -> ChannelId {
        let channel = ChannelId(self.number());
        self.handle(Input::ControlOpened { channel });
        channel
    }

    pub fn say(&mut self, channel: ChannelId, message: FromClient) {
        self.handle(Input::ControlMessage {
            channel,
            message,
            unix_s: UNIX_S,
        });
    }

    pub fn hello(&mut self, ticket: String, subscribe: Interest) -> ChannelId {
        let channel = self.open();
        self.say(
            channel,
            FromClient::Hello {
                ticket,
                name: None,
                subscribe,
                moved_from: None,
            },
        );
        channel
    }

    /// Joins; what is said stays in the queue.
    pub fn enter(&mut self, meeting: &str, participant: &str, subscribe: Interest) -> Guest {
        let offer = self.zone.offer(&self.name, meeting, participant);
        let channel = self.hello(offer.ticket, subscribe);
        Guest {
            channel,
            flows: offer.flows,
        }
    }

    /// Joins, and forgets what was said.
    pub fn join(&mut self, meeting: &str, participant: &str) -> Guest {
        let guest = self.enter(meeting, participant, Interest::All);
        let out = self.take();
        assert!(
            matches!(said(&out, guest.channel)[..], [FromRouter::Welcome { .. }]),
            "{out:?}"
        );
        guest
    }

    /// Asks to join with a ticket, expecting not to.
    pub fn refused(&mut self, ticket: String) -> (ErrorCode, u16) {
        let channel = self.hello(ticket, Interest::All);
        refusal(&self.take(), channel)
    }

    /// Opens a media connection without showing whose it is.
    pub fn connect(&mut self, rung: Rung) -> ConnectionId {
        let connection = ConnectionId(self.number());
        self.handle(Input::MediaOpened { connection, rung });
        connection
    }

    pub fn send(&mut self, connection: ConnectionId, flow: FlowId, packet: Bytes) {
        self.handle(Input::Packet {
            connection,
            flow,
            packet,
        });
    }

    /// Opens a media connection of one kind and knocks.
    pub fn bind(&mut self, guest: Guest, kind: Kind, rung: Rung) -> ConnectionId {
        let connection = self.connect(rung);
        self.send(connection, guest.flows.of(kind), rtp::knock(0));
        connection
    }

    pub fn publish(&mut self, guest: Guest, kind: Kind, ssrc: u32) {
        self.say(guest.channel, publish(kind, ssrc));
    }
}

pub fn publish(kind: Kind, ssrc: u32) -> FromClient {
    FromClient::Publish {
        kind,
        ssrc,
        codec: codec(),
        layers: Vec::new(),
    }
}

pub fn codec() -> Codec {
    Codec {
        name: "opus".into(),
        clock_rate: 48_000,
        payload_type: 111,
        width: 0,
        height: 0,
        channels: 2,
    }
}

pub fn rtp_packet(ssrc: u32, sequence: u16) -> Bytes {
    let header = rtp::Header {
        payload_type: 111,
        marker: false,
        sequence,
        timestamp: u32::from(sequence) * 960,
        ssrc,
        payload_offset: 0,
    };
    rtp::write(&header, b"sound")
}

/// What a client was told.
pub fn said(out: &[Output], channel: ChannelId) -> Vec<FromRouter> {
    out.iter()
        .filter_map(|output| match output {
            Output::Control { to, message } if *to == channel => Some((**message).clone()),
            _ => None,
        })
        .collect()
}

/// What a controller was told.
pub fn reported(out: &[Output], link: LinkId) -> Vec<link::FromRouter> {
    out.iter()
        .filter_map(|output| match output {
            Output::Link { to, message } if *to == link => Some((**message).clone()),
            _ => None,
        })
        .collect()
}

/// Where packets went.
pub fn forwarded(out: &[Output]) -> Vec<(ConnectionId, FlowId)> {
    let mut to: Vec<_> = out
        .iter()
        .filter_map(|output| match output {
            Output::Forward { to, flow, .. } => Some((*to, *flow)),
            _ => None,
        })
        .collect();
    to.sort_unstable();
    to
}

/// The last error a client was told, and the close code after it.
pub fn refusal(out: &[Output], channel: ChannelId) -> (ErrorCode, u16) {
    let code = match said(out, channel).pop() {
        Some(FromRouter::Error { code, .. }) => code,
        other => panic!("no error: {other:?}"),
    };
    let close = out.iter().find_map(|output| match output {
        Output::CloseControl {
            channel: closed,
            code,
            ..
        } if *closed == channel => Some(*code),
        _ => None,
    });
    (code, close.expect("the channel is closed"))
}

/// The error code of the last thing a client was told, its channel staying open.
pub fn objection(out: &[Output], channel: ChannelId) -> ErrorCode {
    let closed = out.iter().any(
        |output| matches!(output, Output::CloseControl { channel: gone, .. } if *gone == channel),
    );
    assert!(!closed, "{out:?}");
    match said(out, channel).pop() {
        Some(FromRouter::Error { code, .. }) => code,
        other => panic!("no error: {other:?}"),
    }
}
