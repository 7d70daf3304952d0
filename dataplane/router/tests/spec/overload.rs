//! A router that has more to do than it can: who comes in, what is left out, who is told.

use std::time::{Duration, Instant};

use plenum_router::{ConnectionId, Input, LinkId, Output, OverloadStep, Strain};
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest};
use plenum_wire::link::{self, Load, ToRouter};
use plenum_wire::{Kind, Rung};
use proptest::prelude::*;

use crate::house::{Guest, House, UNIX_S, forwarded, refusal, reported, rtp_packet, said};
use crate::speakers::loud_packet;

const SAMPLE: Duration = Duration::from_millis(100);

/// So many samples of how busy it is, and of packets lost, as there are few people; what the
/// router did about them.
fn strain(house: &mut House, samples: u32, busy: f32) -> Vec<Output> {
    let mut out = Vec::new();
    for _ in 0..samples {
        out.extend(house.pass(SAMPLE));
        house.handle(Input::Strain(Strain {
            busy,
            dropped: 1,
            ..Strain::default()
        }));
        out.extend(house.take());
    }
    out
}

/// A ticket of somebody whom the zone let in after all that has happened.
fn newcomer(house: &mut House, meeting: &str, who: &str) -> String {
    let mut claims = house.zone.claims("a", meeting, who);
    claims.admitted = UNIX_S + 1;
    house.zone.key.sign(&claims)
}

fn loads(out: &[Output], link: LinkId) -> Vec<Load> {
    let load = |message| match message {
        link::FromRouter::Report { load, .. } => Some(load),
        _ => None,
    };
    reported(out, link).into_iter().filter_map(load).collect()
}

#[test]
fn newcomers_are_refused_and_those_inside_stay() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    strain(&mut house, 2, 1.0);
    for meeting in ["4711", "4712"] {
        let ticket = newcomer(&mut house, meeting, "bob");
        let refused = house.refused(ticket);
        assert_eq!(refused, (ErrorCode::RouterOverloaded, 4505), "{meeting}");
    }
    assert_eq!(house.shard.load().participants, 1);
    assert_eq!(house.shard.counters().refused.router_overloaded, 2);
    assert!(said(&strain(&mut house, 20, 1.0), ann.channel).is_empty());
}

#[test]
fn few_people_come_in_and_keep_their_pictures_while_others_fill_the_machine() {
    let mut three = Three::new();
    for _ in 0..19 {
        three.house.pass(SAMPLE);
        let full = Strain {
            busy: 1.0,
            ..Strain::default()
        };
        three.house.handle(Input::Strain(full));
    }
    assert_eq!(three.seen(), [ALL; 3]);
    assert_eq!(three.house.shard.overload(), OverloadStep::Open);
}

#[test]
fn few_people_whose_router_uses_up_its_cpu_limit_keep_their_voices_and_screens() {
    let mut three = Three::new();
    for _ in 0..2 {
        three.house.pass(SAMPLE);
        let used_up = Strain {
            limit_used: 1.0,
            ..Strain::default()
        };
        three.house.handle(Input::Strain(used_up));
    }
    assert_eq!(three.house.shard.overload(), OverloadStep::LowLayers);
    assert_eq!(three.seen(), [NO_PICTURE, ALL, NO_PICTURE]);
}

#[test]
fn who_was_inside_comes_back_after_their_wire_was_closed() {
    let mut house = House::new(10);
    let ticket = house.zone.offer("a", "4711", "ann").ticket;
    let channel = house.hello(ticket.clone(), Interest::All);
    strain(&mut house, 2, 1.0);
    house.handle(Input::ControlClosed { channel });
    assert_eq!(house.shard.load().participants, 0);
    let channel = house.hello(ticket, Interest::All);
    let said = said(&house.take(), channel);
    assert!(matches!(said[..], [FromRouter::Welcome { .. }]), "{said:?}");
}

#[test]
fn a_move_that_was_under_way_when_it_closed_goes_on() {
    let mut house = House::new(10);
    // Both have been in the meeting for a while, on another router.
    let [ann, bob] = ["ann", "bob"].map(|who| house.zone.offer("a", "4711", who).ticket);
    let over = |house: &mut House, ticket| {
        let channel = house.open();
        let hello = FromClient::Hello {
            ticket,
            name: None,
            subscribe: Interest::All,
            moved_from: Some("b".parse().unwrap()),
        };
        house.say(channel, hello);
        matches!(
            said(&house.take(), channel)[..],
            [FromRouter::Welcome { .. }]
        )
    };
    assert!(over(&mut house, ann));
    strain(&mut house, 2, 1.0);
    assert!(over(&mut house, bob));
}

#[test]
fn who_is_in_already_may_come_again_over_a_wire_that_broke_silently() {
    let mut house = House::new(10);
    let ticket = house.zone.offer("a", "4711", "ann").ticket;
    let older = house.hello(ticket.clone(), Interest::All);
    strain(&mut house, 2, 1.0);
    let newer = house.hello(ticket, Interest::All);
    let out = house.take();
    assert_eq!(refusal(&out, older), (ErrorCode::Replaced, 4409));
    assert!(matches!(
        said(&out, newer)[..],
        [FromRouter::Welcome { .. }]
    ));
}

#[test]
fn controllers_hear_at_once_that_it_takes_nobody_and_that_it_does_again() {
    let mut house = House::new(10);
    let link = house.link();
    strain(&mut house, 4, 0.5);
    let out = strain(&mut house, 6, 0.92);
    let load = *loads(&out, link).last().unwrap();
    assert!(!load.accepting && !load.draining, "{load:?}");
    assert_eq!(
        (house.shard.overload(), load.capacity),
        (OverloadStep::Closed, 10)
    );
    strain(&mut house, 4, 0.5);
    let out = house.pass(Duration::from_millis(50));
    assert!(loads(&out, link)[0].accepting);
    house.join("4711", "ann");
}

#[test]
fn all_is_as_before_within_two_seconds_of_the_end() {
    let mut house = House::new(10);
    strain(&mut house, 600, 1.0);
    assert_eq!(house.shard.overload(), OverloadStep::ActiveOnly);
    strain(&mut house, 19, 0.3);
    assert_eq!(house.shard.overload(), OverloadStep::Open);
    house.join("4711", "ann");
    let totals = house.shard.counters().overload;
    assert_eq!(totals.entered, [1, 1, 2, 1], "each of them on its way");
}

#[test]
fn a_router_that_is_emptied_says_that_rather() {
    let mut house = House::new(10);
    let link = house.link();
    strain(&mut house, 2, 1.0);
    house.order(link, ToRouter::SetDraining { draining: true });
    let ticket = house.zone.offer("a", "4711", "bob").ticket;
    assert_eq!(house.refused(ticket).0, ErrorCode::RouterDraining);
}

#[test]
fn what_the_kernel_dropped_is_counted_whatever_it_means() {
    let mut house = House::new(10);
    for _ in 0..3 {
        house.handle(Input::Strain(Strain {
            busy: 0.1,
            dropped: 5,
            ..Strain::default()
        }));
    }
    assert_eq!(house.shard.counters().overload.dropped_by_kernel, 15);
    assert_eq!(house.shard.overload(), OverloadStep::Open);
}

/// Ann, Bob and Cem send everything to each other; only Bob speaks.
struct Three {
    house: House,
    people: [(Guest, [ConnectionId; 3]); 3],
    sequence: u16,
    /// When it was [`UNIX_S`].
    begun: Instant,
    /// When the zone let them in.
    admitted: [Instant; 3],
    /// Since when the router takes nobody new.
    closed: Option<Instant>,
}

const NAMES: [&str; 3] = ["ann", "bob", "cem"];
const ANN: usize = 0;
const BOB: usize = 1;
const CEM: usize = 2;
/// Receivers of somebody's audio, video and content: all others.
const ALL: [usize; 3] = [2, 2, 2];
/// Of who does not speak nobody gets the picture.
const NO_PICTURE: [usize; 3] = [2, 0, 2];

impl Three {
    fn new() -> Self {
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

    fn strain(&mut self, samples: u32, busy: f32) {
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
    fn expected(&self, who: usize) -> Option<bool> {
        let Some(closed) = self.closed else {
            return Some(true);
        };
        let admitted = self.admitted[who];
        let known = admitted > closed + Duration::from_secs(2);
        (known || admitted < closed).then_some(!known)
    }

    /// Asks to come in, maybe once more; whether they are.
    fn come(&mut self, who: usize) -> bool {
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
    fn seen(&mut self) -> [[usize; 3]; 3] {
        self.sequence += 1;
        [ANN, BOB, CEM].map(|who| Kind::ALL.map(|kind| self.send(who, kind)))
    }

    fn send(&mut self, who: usize, kind: Kind) -> usize {
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

#[test]
fn pictures_of_who_does_not_speak_are_left_out_and_nothing_else() {
    let mut three = Three::new();
    assert_eq!(three.seen(), [ALL; 3]);
    strain(&mut three.house, 2, 1.0);
    assert_eq!(three.house.shard.overload(), OverloadStep::LowLayers);
    assert_eq!(three.seen(), [NO_PICTURE, ALL, NO_PICTURE]);
    strain(&mut three.house, 20, 1.0);
    assert_eq!(three.house.shard.overload(), OverloadStep::ActiveOnly);
    assert_eq!(three.seen(), [NO_PICTURE, ALL, NO_PICTURE]);
    strain(&mut three.house, 19, 0.3);
    assert_eq!(three.seen(), [ALL; 3]);
}

#[test]
fn a_closed_router_leaves_out_nothing() {
    let mut three = Three::new();
    strain(&mut three.house, 10, 0.92);
    assert_eq!(three.house.shard.overload(), OverloadStep::Closed);
    assert_eq!(three.seen(), [ALL; 3]);
}

#[test]
fn who_speaks_again_after_a_return_is_heard_by_all_others_and_asked_for_a_picture() {
    let mut three = Three::new();
    three.strain(1, 1.0);
    assert!(three.come(BOB));
    for busy in [1.0, 0.0] {
        three.sequence += 1;
        assert_eq!(three.send(BOB, Kind::Audio), 2);
        three.strain(1, busy);
    }
    three.sequence += 1;
    assert_eq!(three.send(BOB, Kind::Audio), 2);
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Strain(u32, f32),
    Send(usize, Kind),
    Leave(usize),
    Return(usize),
    /// The zone lets them in anew, and they come.
    ComeAnew(usize),
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..3_usize;
    let kind = prop::sample::select(Kind::ALL.to_vec());
    prop_oneof![
        3 => (1..6_u32, 0.0..=1.0_f32).prop_map(|(samples, busy)| Act::Strain(samples, busy)),
        2 => (1..6_u32).prop_map(|samples| Act::Strain(samples, 1.0)),
        8 => (who.clone(), kind).prop_map(|(who, kind)| Act::Send(who, kind)),
        1 => who.clone().prop_map(Act::Leave),
        2 => who.clone().prop_map(Act::Return),
        1 => who.prop_map(Act::ComeAnew),
        1 => (10..2_000_u64).prop_map(Act::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn voices_and_screens_reach_everybody_whatever_the_strain(
        acts in prop::collection::vec(act(), 1..150),
    ) {
        let mut three = Three::new();
        let mut there = [true; 3];
        for act in acts {
            match act {
                Act::Strain(samples, busy) => {
                    three.strain(samples, busy);
                }
                Act::Send(who, kind) if there[who] => {
                    let others = there.iter().filter(|there| **there).count() - 1;
                    three.sequence += 1;
                    let reached = three.send(who, kind);
                    match kind {
                        Kind::Audio | Kind::Content => prop_assert_eq!(reached, others),
                        Kind::Video if three.house.shard.overload() < OverloadStep::LowLayers => {
                            prop_assert_eq!(reached, others);
                        }
                        Kind::Video => prop_assert!(reached == 0 || reached == others),
                    }
                }
                Act::Leave(who) if there[who] => {
                    three.house.say(three.people[who].0.channel, FromClient::Bye);
                    there[who] = false;
                }
                Act::Return(who) | Act::ComeAnew(who) => {
                    if matches!(act, Act::ComeAnew(_)) {
                        three.admitted[who] = three.house.now;
                    }
                    let welcome = three.come(who);
                    let expected = three.expected(who).unwrap_or(welcome);
                    prop_assert_eq!(welcome, expected || there[who]);
                    there[who] = welcome;
                }
                Act::Pass(millis) => {
                    three.house.pass(Duration::from_millis(millis));
                }
                Act::Send(..) | Act::Leave(_) => {}
            }
        }
        // Longer than a router is ever wary.
        strain(&mut three.house, 700, 0.1);
        prop_assert_eq!(three.house.shard.overload(), OverloadStep::Open);
        let others = there.iter().filter(|there| **there).count().saturating_sub(1);
        for who in [ANN, BOB, CEM].into_iter().filter(|who| there[*who]) {
            three.sequence += 1;
            prop_assert_eq!(three.send(who, Kind::Video), others);
        }
    }
}
