//! Three people who send everything to each other.

use std::time::{Duration, Instant};

use plenum_router::{ConnectionId, Input, OverloadStep};
use plenum_wire::control::{FromClient, FromRouter, Interest};
use plenum_wire::{Kind, Rung};

use super::strain;
use crate::house::{Guest, House, UNIX_S, forwarded, rtp_packet, said};
use crate::speakers::loud_packet;

/// Ann, Bob and Cem send everything to each other; only Bob speaks.
pub struct Three {
    pub house: House,
    pub people: [(Guest, [ConnectionId; 3]); 3],
    pub sequence: u16,
    /// When it was [`UNIX_S`].
    begun: Instant,
    /// When the zone let them in.
    pub admitted: [Instant; 3],
    /// Since when the router takes nobody new.
    closed: Option<Instant>,
}

const NAMES: [&str; 3] = ["ann", "bob", "cem"];
pub const ANN: usize = 0;
pub const BOB: usize = 1;
pub const CEM: usize = 2;
/// Receivers of somebody's audio, video and content: all others.
pub const ALL: [usize; 3] = [2, 2, 2];
/// Of who does not speak nobody gets the picture.
pub const NO_PICTURE: [usize; 3] = [2, 0, 2];

impl Three {
    pub fn new() -> Self {
        let mut house = House::new(10);
        let begun = house.now;
        let people = NAMES.map(|who| (house.join("4711", who), [ConnectionId(0); 3]));
        let mut three = Self {
            house,
            people,
            sequence: 0,
            begun,
            admitted: [begun; 3],
            closed: None,
        };
        for who in [ANN, BOB, CEM] {
            three.settle(who);
        }
        // Long enough for Bob to be the active speaker.
        for _ in 0..100 {
            three.house.pass(Duration::from_millis(20));
            three.seen();
        }
        three
    }

    /// Connects and publishes.
    fn settle(&mut self, who: usize) {
        let (guest, connections) = &mut self.people[who];
        *connections = Kind::ALL.map(|kind| self.house.bind(*guest, kind, Rung::Udp));
        for kind in Kind::ALL {
            self.house.publish(*guest, kind, ssrc(who, kind));
        }
        self.house.take();
    }

    pub fn strain(&mut self, samples: u32, busy: f32) {
        for _ in 0..samples {
            strain(&mut self.house, 1, busy);
            let open = self.house.shard.overload() == OverloadStep::Open;
            let since = self.closed.unwrap_or(self.house.now);
            self.closed = (!open).then_some(since);
        }
    }

    fn unix_s(&self, at: Instant) -> u64 {
        UNIX_S + at.saturating_duration_since(self.begun).as_secs()
    }

    /// Whether who is not there has to be let in; `None`: it is for the router to say.
    pub fn expected(&self, who: usize) -> Option<bool> {
        let Some(closed) = self.closed else {
            return Some(true);
        };
        let admitted = self.admitted[who];
        let known = admitted > closed + Duration::from_secs(2);
        (known || admitted < closed).then_some(!known)
    }

    /// Asks to come in, maybe once more; whether they are.
    pub fn come(&mut self, who: usize) -> bool {
        let unix_s = self.unix_s(self.house.now);
        let mut claims = self.house.zone.claims("a", "4711", NAMES[who]);
        claims.admitted = self.unix_s(self.admitted[who]);
        claims.expires = unix_s + 120;
        let ticket = self.house.zone.key.sign(&claims);
        let channel = self.house.open();
        let message = FromClient::Hello {
            ticket,
            name: None,
            subscribe: Interest::All,
            moved_from: None,
        };
        self.house.handle(Input::ControlMessage {
            channel,
            message,
            unix_s,
        });
        let flows = claims.flows;
        let guest = Guest { channel, flows };
        let out = self.house.take();
        let said = said(&out, guest.channel);
        let welcome = matches!(said[..], [FromRouter::Welcome { .. }, ..]);
        if welcome {
            self.people[who].0 = guest;
            self.settle(who);
        }
        welcome
    }

    /// How many get a packet of each kind of each of them.
    pub fn seen(&mut self) -> [[usize; 3]; 3] {
        self.sequence += 1;
        [ANN, BOB, CEM].map(|who| Kind::ALL.map(|kind| self.send(who, kind)))
    }

    pub fn send(&mut self, who: usize, kind: Kind) -> usize {
        let (guest, connections) = self.people[who];
        let below = if who == BOB { 20 } else { 90 };
        let packet = match kind {
            Kind::Audio => loud_packet(ssrc(who, kind), self.sequence, below),
            Kind::Video | Kind::Content => rtp_packet(ssrc(who, kind), self.sequence),
        };
        self.house.take();
        let flow = guest.flows.of(kind);
        self.house.send(connections[kind as usize], flow, packet);
        // A new speaker may be asked for a key frame too, which is another flow's.
        let flows = self
            .people
            .each_ref()
            .map(|(guest, _)| guest.flows.of(kind));
        let reached = forwarded(&self.house.take());
        reached.iter().filter(|(_, to)| flows.contains(to)).count()
    }
}

fn ssrc(who: usize, kind: Kind) -> u32 {
    u32::try_from(who * 3 + kind as usize + 1).unwrap()
}
