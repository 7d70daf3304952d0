//! What is lost is sent again.

use std::time::Duration;

use bytes::Bytes;
use plenum_router::{ConnectionId, Output};
use plenum_wire::rtcp::{self, Feedback};
use plenum_wire::{Kind, Rung};

use crate::house::{Guest, House, rtp_packet};

const MS: Duration = Duration::from_millis(1);
const SSRC: u32 = 7;

/// Ann, who publishes, and two who listen.
struct Meeting {
    house: House,
    ann: (Guest, ConnectionId),
    bob: (Guest, ConnectionId),
    cem: (Guest, ConnectionId),
    kind: Kind,
}

impl Meeting {
    fn new(kind: Kind) -> Self {
        let mut house = House::new(10);
        let mut come = |who| {
            let guest = house.join("4711", who);
            let connection = house.bind(guest, kind, Rung::Udp);
            (guest, connection)
        };
        let (ann, bob, cem) = (come("ann"), come("bob"), come("cem"));
        house.publish(ann.0, kind, SSRC);
        house.take();
        Self {
            house,
            ann,
            bob,
            cem,
            kind,
        }
    }

    fn publish(&mut self, sequences: impl IntoIterator<Item = u16>) -> Vec<(ConnectionId, Bytes)> {
        for sequence in sequences {
            let (guest, connection) = self.ann;
            let flow = guest.flows.of(self.kind);
            self.house
                .send(connection, flow, rtp_packet(SSRC, sequence));
        }
        sent(self.house.take())
    }

    fn says(&mut self, who: (Guest, ConnectionId), packet: Bytes) -> Vec<(ConnectionId, Bytes)> {
        self.house.send(who.1, who.0.flows.of(self.kind), packet);
        sent(self.house.take())
    }
}

fn sent(out: Vec<Output>) -> Vec<(ConnectionId, Bytes)> {
    out.into_iter()
        .filter_map(|output| match output {
            Output::Forward { to, packet, .. } => Some((to, packet)),
            _ => None,
        })
        .collect()
}

/// What a NACK asks for.
fn asked(packet: &[u8]) -> Vec<u16> {
    let [Feedback::Nack(nack)] = rtcp::feedback(packet).collect::<Vec<_>>()[..] else {
        panic!("no request: {packet:?}")
    };
    assert_eq!(nack.media, SSRC);
    nack.sequences().collect()
}

#[test]
fn who_misses_a_packet_gets_it_again_as_it_was_and_nobody_else_does() {
    let mut meeting = Meeting::new(Kind::Video);
    meeting.publish(1..=5);
    let again = meeting.says(meeting.bob, rtcp::nack(1, SSRC, &[2, 4, 9]));
    let to = meeting.bob.1;
    assert_eq!(
        again,
        [(to, rtp_packet(SSRC, 2)), (to, rtp_packet(SSRC, 4))]
    );
    assert_eq!(meeting.house.shard.counters().of(Kind::Video).repaired, 2);
}

#[test]
fn a_second_later_it_is_too_late() {
    let mut meeting = Meeting::new(Kind::Audio);
    meeting.publish(1..=5);
    meeting.house.pass(1_001 * MS);
    let again = meeting.says(meeting.bob, rtcp::nack(1, SSRC, &[2]));
    assert_eq!(again, []);
}

#[test]
fn only_what_one_receives_can_be_asked_for() {
    let mut meeting = Meeting::new(Kind::Audio);
    let dan = meeting.house.join("4712", "dan");
    let dan = (dan, meeting.house.bind(dan, Kind::Audio, Rung::Udp));
    meeting.publish(1..=5);
    assert_eq!(meeting.says(dan, rtcp::nack(1, SSRC, &[2])), []);
    assert_eq!(meeting.says(dan, rtcp::picture_loss(1, SSRC)), []);
    // Not even one's own.
    assert_eq!(meeting.says(meeting.ann, rtcp::nack(1, SSRC, &[2])), []);
}

#[test]
fn a_flood_of_requests_gets_half_of_what_the_track_sends() {
    let mut meeting = Meeting::new(Kind::Video);
    let everything: Vec<u16> = (1..=200).collect();
    meeting.publish(everything.clone());
    let flood = |meeting: &mut Meeting| -> usize {
        (0..50)
            .map(|_| {
                meeting
                    .says(meeting.bob, rtcp::nack(1, SSRC, &everything))
                    .len()
            })
            .sum()
    };
    assert_eq!(flood(&mut meeting), 64);
    meeting.publish(201..=220);
    assert_eq!(flood(&mut meeting), 10);
    let others = meeting.says(meeting.cem, rtcp::nack(1, SSRC, &everything));
    assert_eq!(
        others.len(),
        64,
        "somebody else's flood costs the others nothing"
    );
}

#[test]
fn what_the_publisher_lost_is_asked_for_once_for_all_and_passed_on_once() {
    let mut meeting = Meeting::new(Kind::Audio);
    assert_eq!(meeting.publish([1, 2, 5]).len(), 6);
    assert_eq!(
        sent(meeting.house.pass(9 * MS)),
        [],
        "perhaps only overtaken"
    );
    let requests = sent(meeting.house.pass(2 * MS));
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].0, meeting.ann.1);
    assert_eq!(asked(&requests[0].1), [3, 4]);
    let to = [meeting.bob.1, meeting.cem.1];
    let repaired = meeting.publish([3]);
    assert_eq!(repaired, to.map(|to| (to, rtp_packet(SSRC, 3))));
    assert_eq!(meeting.publish([3]), [], "the answer to a second request");
    assert_eq!(
        meeting.says(meeting.bob, rtcp::nack(1, SSRC, &[3])).len(),
        1,
        "it is kept for those who lost it after all"
    );
}

#[test]
fn a_publisher_is_asked_a_few_times_and_then_no_more() {
    let mut meeting = Meeting::new(Kind::Audio);
    meeting.publish([1, 3]);
    let requests = sent(meeting.house.pass(5_000 * MS));
    assert_eq!(requests.len(), 6);
    assert!(requests.iter().all(|(_, packet)| asked(packet) == [2]));
}

#[test]
fn a_track_that_is_over_is_asked_for_nothing() {
    let mut meeting = Meeting::new(Kind::Audio);
    meeting.publish([1, 3]);
    let channel = meeting.ann.0.channel;
    let kind = Kind::Audio;
    meeting.house.say(
        channel,
        plenum_wire::control::FromClient::Unpublish { kind },
    );
    assert_eq!(sent(meeting.house.pass(1_000 * MS)), []);
}

#[test]
fn wishes_for_a_key_frame_are_passed_on_together() {
    let mut meeting = Meeting::new(Kind::Video);
    meeting.publish([1]);
    let wish = rtcp::picture_loss(1, SSRC);
    let first = meeting.says(meeting.bob, wish.clone());
    assert_eq!(first, [(meeting.ann.1, rtcp::picture_loss(0, SSRC))]);
    assert_eq!(meeting.says(meeting.cem, wish.clone()), []);
    meeting.house.pass(499 * MS);
    assert_eq!(meeting.says(meeting.bob, wish.clone()), []);
    meeting.house.pass(MS);
    assert_eq!(meeting.says(meeting.bob, wish).len(), 1);
}
