use plenum_wire::Codec;

use super::*;

const A: LegId = LegId(0);
const B: LegId = LegId(1);

fn who(name: &str) -> Present {
    Present {
        participant: name.parse().unwrap(),
        name: None,
    }
}

fn audio(name: &str, ssrc: u32) -> Track {
    Track {
        participant: name.parse().unwrap(),
        kind: Kind::Audio,
        ssrc,
        codec: Codec {
            name: "opus".to_owned(),
            clock_rate: 48_000,
            payload_type: 111,
            width: 0,
            height: 0,
            channels: 2,
        },
        layers: Vec::new(),
    }
}

fn layered(name: &str, ssrc: u32) -> Track {
    let layer = |ssrc| plenum_wire::control::Layer {
        ssrc,
        width: 320,
        height: 180,
        kbps: 100,
    };
    let mut video = audio(name, ssrc);
    video.layers = vec![layer(2), layer(3)];
    video
}

/// What the user gets of a packet of a layered track, and who is asked for it again by which
/// number.
fn frame(roster: &mut Roster, leg: LegId, sequence: u16, frame: u32) -> Vec<(u16, LegId, u16)> {
    let (mut header, _) = packet(1, sequence, 12);
    header.timestamp = frame * 3_600;
    let packet = plenum_wire::rtp::write(&header, &frame.to_be_bytes());
    let received = roster.receive(leg, &header, packet, Instant::now());
    let waited = std::iter::from_fn(|| roster.poll());
    let waited = waited.filter_map(|change| match change {
        Change::Packet(one) => Some(one),
        _ => None,
    });
    let all = received.into_iter().chain(waited);
    let numbers = all.map(|one| {
        let shown = Header::parse(&one.packet).unwrap().sequence;
        (shown, one.numbered_by.unwrap(), one.sequence)
    });
    numbers.collect()
}

#[test]
fn a_track_with_layers_goes_on_from_one_router_to_the_other_as_one() {
    let mut roster = Roster::default();
    roster.track_added(A, layered("ada", 1));
    roster.track_added(B, layered("ada", 1));
    let sent = [
        (A, 40, 0_u32),
        (B, 700, 0),
        (A, 41, 1),
        (B, 701, 1),
        (B, 702, 2),
    ];
    let mut numbers = Vec::new();
    for (leg, sequence, number) in sent {
        numbers.extend(frame(&mut roster, leg, sequence, number));
    }
    assert_eq!(numbers, [(40, A, 40), (41, B, 701), (42, B, 702)]);
}

#[test]
fn what_is_left_over_of_a_dead_router_holds_up_no_picture() {
    let mut roster = Roster::default();
    roster.track_added(A, layered("ada", 1));
    roster.track_added(B, layered("ada", 1));
    for (leg, sequence, number) in [(A, 40, 0), (B, 700, 0), (B, 701, 1)] {
        frame(&mut roster, leg, sequence, number);
    }
    roster.gone(B);
    assert_eq!(frame(&mut roster, B, 703, 3), []);
    frame(&mut roster, A, 41, 1);
    assert_eq!(frame(&mut roster, A, 42, 2), [(42, A, 42)]);
}

#[test]
fn what_is_left_over_of_a_dead_router_is_heard() {
    let mut roster = on_a();
    roster.died(A);
    roster.gone(A);
    assert!(comes(&mut roster, 7, 20, Instant::now()));
}

/// A packet of so many bytes, at least a header's.
fn packet(ssrc: u32, sequence: u16, bytes: usize) -> (Header, Bytes) {
    let header = Header {
        payload_type: 111,
        marker: false,
        sequence,
        timestamp: 0,
        ssrc,
        payload_offset: 12,
    };
    let packet = plenum_wire::rtp::write(&header, &vec![0; bytes - 12]);
    (header, packet)
}

fn comes(roster: &mut Roster, sequence: u16, bytes: usize, now: Instant) -> bool {
    let (header, packet) = packet(1, sequence, bytes);
    roster.receive(A, &header, packet, now).is_some()
}

#[test]
fn a_track_that_was_not_sent_for_long_goes_on_wherever_it_is() {
    let now = Instant::now();
    for sequence in [8, 40_000, 6, 65_000] {
        let mut roster = Roster::default();
        roster.track_added(A, audio("ann", 1));
        assert!(comes(&mut roster, 7, 20, now));
        let later = now + Duration::from_secs(700);
        assert!(comes(&mut roster, sequence, 20, later));
        assert!(!comes(&mut roster, sequence, 20, later));
        assert!(comes(&mut roster, sequence.wrapping_add(1), 20, later));
    }
}

fn changes(roster: &mut Roster) -> Vec<String> {
    let seen = std::iter::from_fn(|| roster.poll());
    seen.map(|change| match change {
        Change::Came(present) => format!("+{}", present.participant),
        Change::Left(id) => format!("-{id}"),
        Change::Added(track) => format!("+{}/{}", track.participant, track.ssrc),
        Change::Removed(track) => format!("-{}/{}", track.participant, track.ssrc),
        Change::Packet(one) => format!("{}:{}", one.track.participant, one.packet.len()),
    })
    .collect()
}

fn on_a() -> Roster {
    let mut roster = Roster::default();
    roster.welcome(A, vec![who("ada")], vec![audio("ada", 1)]);
    assert_eq!(changes(&mut roster), ["+ada", "+ada/1"]);
    roster
}

#[test]
fn a_move_shows_nothing_to_the_user() {
    let mut roster = on_a();
    roster.welcome(B, vec![], vec![]);
    roster.came(B, who("ada"));
    roster.track_added(B, audio("ada", 1));
    roster.close(A);
    assert_eq!(changes(&mut roster), Vec::<String>::new());
}

#[test]
fn who_did_not_come_along_has_left() {
    let mut roster = on_a();
    roster.welcome(B, vec![], vec![]);
    roster.close(A);
    assert_eq!(changes(&mut roster), ["-ada/1", "-ada"]);
}

#[test]
fn a_packet_over_two_routers_is_received_once() {
    let mut roster = on_a();
    roster.welcome(B, vec![who("ada")], vec![audio("ada", 1)]);
    let now = Instant::now();
    let (header, packet) = packet(1, 7, 20);
    let first = roster.receive(A, &header, packet.clone(), now);
    assert_eq!(first.unwrap().numbered_by, None, "but by the publisher");
    assert_eq!(roster.receive(B, &header, packet, now), None);
    assert_eq!(roster.copies(), 1);
}

#[test]
fn a_packet_before_its_track_waits_for_it() {
    let mut roster = Roster::default();
    let now = Instant::now();
    for (sequence, bytes) in [(8, 20), (9, 30), (8, 20)] {
        assert!(!comes(&mut roster, sequence, bytes, now));
    }
    roster.track_added(A, audio("ada", 1));
    assert_eq!(changes(&mut roster), ["+ada/1", "ada:20", "ada:30"]);
}

#[test]
fn packets_of_nobody_are_bounded() {
    let mut roster = Roster::default();
    let now = Instant::now();
    for sequence in 0..1_000 {
        comes(&mut roster, sequence, 20, now);
    }
    roster.track_added(A, audio("ada", 1));
    assert_eq!(changes(&mut roster).len(), 1 + early::PACKETS);
}

#[test]
fn those_on_a_dead_router_have_time_to_come_back() {
    let mut roster = on_a();
    let now = Instant::now();
    roster.died(A);
    assert_eq!(
        roster.next_timeout(),
        None,
        "not while we are away ourselves"
    );
    roster.welcome(B, vec![], vec![]);
    roster.back(now);
    roster.welcome(B, vec![who("ada")], vec![audio("ada", 1)]);
    roster.handle_timeout(now + FADE);
    assert_eq!(changes(&mut roster), Vec::<String>::new());
}

#[test]
fn those_who_do_not_come_back_have_left() {
    let mut roster = on_a();
    let now = Instant::now();
    roster.died(A);
    roster.back(now);
    roster.handle_timeout(now + FADE / 2);
    assert_eq!(changes(&mut roster), Vec::<String>::new());
    roster.handle_timeout(roster.next_timeout().unwrap());
    assert_eq!(changes(&mut roster), ["-ada/1", "-ada"]);
}

#[test]
fn a_new_source_is_a_new_track() {
    let mut roster = on_a();
    roster.track_added(A, audio("ada", 2));
    assert_eq!(changes(&mut roster), ["-ada/1", "+ada/2"]);
}
