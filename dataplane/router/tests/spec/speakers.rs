//! Whose audio is forwarded in a large meeting, and what the meeting is told of it.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use plenum_router::speakers::{REVIEW, SLOTS};
use plenum_router::{ConnectionId, Input};
use plenum_wire::control::{FromClient, FromRouter, Interest};
use plenum_wire::rtp::{self, AudioLevel};
use plenum_wire::{Kind, Rung};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::house::{Guest, House, forwarded, rtp_packet, said};

const TICK: Duration = Duration::from_millis(20);
/// Speech and a quiet room, in dB below full scale.
const SPEECH: u8 = 26;
const ROOM: u8 = 70;

struct Person {
    guest: Guest,
    connection: ConnectionId,
    ssrc: u32,
    below: u8,
}

/// A meeting of people who all publish audio, and of one who only listens.
struct Hall {
    house: House,
    people: Vec<Person>,
    listener: (Guest, ConnectionId),
    /// What the listener was told last.
    told: Option<FromRouter>,
    tellings: u32,
    /// Packets that the listener got in the last tick, by speaker.
    heard: BTreeSet<usize>,
    sequence: u16,
}

impl Hall {
    fn of(people: u32) -> Self {
        let mut house = House::new(100);
        let guest = house.enter("4711", "listener", Interest::All);
        let listener = (guest, house.bind(guest, Kind::Audio, Rung::Udp));
        let people = (0..people).map(|ssrc| {
            let guest = house.enter("4711", &name(ssrc as usize), Interest::All);
            let connection = house.bind(guest, Kind::Audio, Rung::Udp);
            house.publish(guest, Kind::Audio, ssrc);
            house.take();
            Person {
                guest,
                connection,
                ssrc,
                below: ROOM,
            }
        });
        let people = people.collect();
        Self {
            house,
            people,
            listener,
            told: None,
            tellings: 0,
            heard: BTreeSet::new(),
            sequence: 0,
        }
    }

    fn tick(&mut self) {
        self.house.pass(TICK);
        self.heard.clear();
        self.sequence += 1;
        for (number, person) in self.people.iter().enumerate() {
            let packet = loud_packet(person.ssrc, self.sequence, person.below);
            let flow = person.guest.flows.audio;
            self.house.send(person.connection, flow, packet);
            let out = self.house.take();
            if forwarded(&out).iter().any(|(to, _)| *to == self.listener.1) {
                self.heard.insert(number);
            }
            for message in said(&out, self.listener.0.channel) {
                self.told = Some(message);
                self.tellings += 1;
            }
        }
    }

    fn pass(&mut self, during: Duration) {
        for _ in 0..during.as_millis() / TICK.as_millis() {
            self.tick();
        }
    }

    fn slots(&self) -> Vec<Option<String>> {
        let Some(FromRouter::Speakers { slots, .. }) = &self.told else {
            panic!("{:?}", self.told)
        };
        let name = |slot: &Option<_>| slot.as_ref().map(ToString::to_string);
        slots.iter().map(name).collect()
    }

    fn active(&self) -> Option<String> {
        let Some(FromRouter::Speakers { active, .. }) = &self.told else {
            panic!("{:?}", self.told)
        };
        active.as_ref().map(ToString::to_string)
    }
}

fn name(number: usize) -> String {
    format!("p{number}")
}

pub fn loud_packet(ssrc: u32, sequence: u16, below: u8) -> Bytes {
    let header = rtp::Header::parse(&rtp_packet(ssrc, sequence)).unwrap();
    let voice = below <= SPEECH;
    rtp::write_with_level(&header, AudioLevel { voice, below }, b"sound")
}

#[test]
fn in_a_small_meeting_everybody_is_heard_however_quiet() {
    let mut hall = Hall::of(u32::try_from(SLOTS).unwrap());
    for second in 0..10 {
        hall.people[second % SLOTS].below = 5;
        for _ in 0..50 {
            hall.tick();
            assert_eq!(hall.heard.len(), SLOTS);
        }
    }
    assert_eq!(hall.house.shard.counters().dropped.not_among_loudest, 0);
    assert_eq!(
        hall.slots(),
        ["p0", "p1", "p2", "p3", "p4"].map(|p| Some(p.to_owned()))
    );
}

#[test]
fn thirty_speakers_cost_a_listener_as_much_as_five() {
    let mut hall = Hall::of(30);
    for person in &mut hall.people {
        person.below = SPEECH;
    }
    for _ in 0..500 {
        hall.tick();
        assert_eq!(hall.heard.len(), SLOTS);
    }
    let counters = hall.house.shard.counters();
    assert_eq!(counters.dropped.not_among_loudest, 25 * 500);
    // To the listener, to 25 without a slot, and to the four others with one.
    assert_eq!(counters.of(Kind::Audio).packets_out, 5 * 30 * 500);
}

#[test]
fn who_speaks_up_is_heard_and_everybody_is_told() {
    let mut hall = Hall::of(8);
    hall.people[7].below = SPEECH;
    hall.pass(2 * REVIEW);
    assert!(hall.heard.contains(&7));
    assert!(hall.slots().contains(&Some(name(7))));
    hall.pass(Duration::from_secs(1));
    assert_eq!(hall.active(), Some(name(7)));
    let before = hall.tellings;
    hall.pass(Duration::from_secs(60));
    assert_eq!(hall.tellings, before, "nothing changed");
}

#[test]
fn who_comes_speaking_is_heard_from_the_first_word() {
    let mut hall = Hall::of(6);
    hall.pass(Duration::from_secs(1));
    let guest = hall.house.enter("4711", "moved", Interest::All);
    let connection = hall.house.bind(guest, Kind::Audio, Rung::Udp);
    hall.house.publish(guest, Kind::Audio, 99);
    hall.house.take();
    let packet = loud_packet(99, 1, SPEECH);
    hall.house.send(connection, guest.flows.audio, packet);
    assert_eq!(forwarded(&hall.house.take()).len(), 7);
}

#[test]
fn who_comes_later_is_told_who_is_heard() {
    let mut hall = Hall::of(3);
    hall.pass(Duration::from_secs(1));
    let late = hall.house.enter("4711", "late", Interest::All);
    let told = said(&hall.house.take(), late.channel);
    assert!(matches!(told[0], FromRouter::Welcome { .. }));
    assert_eq!(Some(&told[1]), hall.told.as_ref());
}

#[test]
fn the_packets_are_passed_on_as_they_came() {
    let mut hall = Hall::of(1);
    let packet = loud_packet(0, 77, SPEECH);
    let person = &hall.people[0];
    let flow = person.guest.flows.audio;
    hall.house.send(person.connection, flow, packet.clone());
    let out = hall.house.take();
    assert!(matches!(
        &out[..],
        [plenum_router::Output::Forward { packet: sent, .. }] if sent.as_ptr() == packet.as_ptr()
    ));
}

#[test]
fn a_slot_is_free_again_when_its_track_ends() {
    let mut hall = Hall::of(6);
    hall.pass(Duration::from_secs(1));
    assert!(!hall.heard.contains(&5));
    let channel = hall.people[2].guest.channel;
    let kind = Kind::Audio;
    hall.house.say(channel, FromClient::Unpublish { kind });
    hall.house.take();
    hall.tick();
    assert!(hall.heard.contains(&5), "five are left: all are heard");
    let channel = hall.people[1].guest.channel;
    hall.house.handle(Input::ControlClosed { channel });
    hall.house.take();
    hall.people.truncate(1);
    hall.pass(2 * REVIEW);
    let slots = ["p0", "", "p5", "p3", "p4"];
    let slots = slots.map(|who| Some(who.to_owned()).filter(|who| !who.is_empty()));
    assert_eq!(hall.slots(), slots);
}

#[test]
fn whoever_wants_nothing_hears_nobody() {
    let mut hall = Hall::of(6);
    let picky = hall.house.enter("4711", "picky", Interest::None);
    let connection = hall.house.bind(picky, Kind::Audio, Rung::Udp);
    let person = &hall.people[0];
    let flow = person.guest.flows.audio;
    let packet = loud_packet(0, 1, SPEECH);
    hall.house.send(person.connection, flow, packet);
    let out = hall.house.take();
    assert!(forwarded(&out).iter().all(|(to, _)| *to != connection));
}

/// Random levels beside what the rules promise, however they come to it.
#[test]
fn the_loudest_are_heard_whatever_the_levels_do() {
    for seed in 0..24 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut hall = Hall::of(random.random_range(6..14));
        let rounds = 12;
        for _ in 0..rounds {
            // A while of changing levels ...
            let (mut before, mut since) = (None, 5_u32);
            for _ in 0..random.random_range(1..80) {
                if random.random_bool(0.3) {
                    let who = random.random_range(0..hall.people.len());
                    hall.people[who].below = random.random_range(0..128);
                }
                let tellings = hall.tellings;
                hall.tick();
                assert_eq!(hall.heard.len(), SLOTS, "no slot is left empty");
                // ... in which the meeting is told what is done, and not too often.
                since = since.saturating_add(1);
                if hall.tellings > tellings {
                    assert_eq!(hall.tellings, tellings + 1);
                    assert!(since * 20 >= 100, "told again after {since} ticks");
                    since = 0;
                }
                if let Some(FromRouter::Speakers { .. }) = &hall.told {
                    let told: BTreeSet<_> = hall.slots().into_iter().flatten().collect();
                    let heard: BTreeSet<_> = hall.heard.iter().map(|who| name(*who)).collect();
                    let waits = before.replace(heard.clone());
                    assert!(
                        told == heard || waits.as_ref() != Some(&heard),
                        "{told:?} {heard:?}"
                    );
                }
            }
            // ... then everybody goes on as loud as they are: the model is a sorted list.
            hall.pass(Duration::from_secs(8));
            let below = |who: usize| i32::from(hall.people[who].below);
            let silent: Vec<_> = (0..hall.people.len())
                .filter(|who| !hall.heard.contains(who))
                .collect();
            for out in silent.into_iter().filter(|who| below(*who) <= 54) {
                for &heard in &hall.heard {
                    assert!(
                        below(out) + 7 > below(heard).min(80),
                        "{out} at {} is not heard, {heard} at {} is",
                        below(out),
                        below(heard)
                    );
                }
            }
        }
    }
}
