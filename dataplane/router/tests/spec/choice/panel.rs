//! Three who publish layers, and one who watches them.

use plenum_router::{ConnectionId, Input};
use plenum_wire::{Kind, Rung};

use crate::house::{Guest, House};
use crate::speakers::loud_packet;
use crate::studio::{KBPS, MS, delivered, simulcast, vp8_packet, want};

/// Bob, and three who publish a camera of three layers each: SSRC 100 and its layers 101 to
/// 103, and so on.
pub struct Panel {
    pub house: House,
    pub bob: (Guest, ConnectionId),
    pub speakers: Vec<(Guest, ConnectionId)>,
    kind: Kind,
    sequence: u16,
}

const PANEL: [&str; 3] = ["ann", "cem", "dan"];

impl Panel {
    pub fn new(kind: Kind, kbps: u64) -> Self {
        let mut house = House::new(10);
        let guest = house.join("4711", "bob");
        let bob = (guest, house.bind(guest, kind, Rung::Udp));
        house.handle(Input::Estimate {
            connection: bob.1,
            bits_per_s: kbps * 1_000,
        });
        let mut panel = Self {
            house,
            bob,
            speakers: Vec::new(),
            kind,
            sequence: 0,
        };
        for (at, who) in PANEL.into_iter().enumerate() {
            let guest = panel.house.join("4711", who);
            let connection = panel.house.bind(guest, kind, Rung::Udp);
            let ssrc = Self::ssrc(at);
            let publish = simulcast(kind, ssrc, &[ssrc + 1, ssrc + 2, ssrc + 3]);
            panel.house.say(guest.channel, publish);
            panel.speakers.push((guest, connection));
        }
        panel
    }

    fn ssrc(at: usize) -> u32 {
        100 * (1 + u32::try_from(at).unwrap())
    }

    /// Everybody sends a key frame of every layer; the layer that bob gets of each.
    pub fn layers(&mut self) -> [Option<usize>; 3] {
        // Rates come from the publishers' words: so few packets are nothing.
        self.house.pass(1_500 * MS);
        self.house.take();
        let mut seen = [None; 3];
        for layer in 0..KBPS.len() {
            self.sequence += 1;
            for (at, (guest, connection)) in self.speakers.clone().into_iter().enumerate() {
                let ssrc = Self::ssrc(at) + 1 + u32::try_from(layer).unwrap();
                let packet = vp8_packet(ssrc, self.sequence, true, true, 9);
                let flow = guest.flows.of(self.kind);
                self.house.send(connection, flow, packet);
                let out = self.house.take();
                if out
                    .iter()
                    .filter_map(delivered)
                    .any(|it| it.0 == self.bob.1)
                {
                    seen[at] = Some(layer);
                }
            }
        }
        seen
    }

    /// One of them is loud for two seconds.
    pub fn speaks(&mut self, at: usize) {
        let (guest, _) = self.speakers[at];
        let voice = self.house.bind(guest, Kind::Audio, Rung::Udp);
        self.house.publish(guest, Kind::Audio, 1);
        for sequence in 0..100 {
            self.house.pass(20 * MS);
            let packet = loud_packet(1, sequence, 20);
            self.house.send(voice, guest.flows.audio, packet);
        }
    }

    pub fn wants(&mut self, whose: &str, height: u16, priority: u8) {
        let message = want(whose, self.kind, height, priority);
        self.house.say(self.bob.0.channel, message);
    }
}
