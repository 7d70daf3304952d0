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

#[test]
fn a_track_that_was_not_sent_for_long_goes_on_wherever_it_is() {
    let now = Instant::now();
    let packet = Bytes::from_static(b"packet");
    for sequence in [8, 40_000, 6, 65_000] {
        let mut roster = Roster::default();
        roster.track_added(A, audio("ann", 1));
        assert!(roster.receive(1, 7, &packet, now).is_some());
        let later = now + Duration::from_secs(700);
        assert!(roster.receive(1, sequence, &packet, later).is_some());
        assert!(roster.receive(1, sequence, &packet, later).is_none());
        let next = sequence.wrapping_add(1);
        assert!(roster.receive(1, next, &packet, later).is_some());
    }
}

fn changes(roster: &mut Roster) -> Vec<String> {
    let seen = std::iter::from_fn(|| roster.poll());
    seen.map(|change| match change {
        Change::Came(present) => format!("+{}", present.participant),
        Change::Left(id) => format!("-{id}"),
        Change::Added(track) => format!("+{}/{}", track.participant, track.ssrc),
        Change::Removed(track) => format!("-{}/{}", track.participant, track.ssrc),
        Change::Packet(track, packet, _) => format!("{}:{}", track.participant, packet.len()),
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
    let (packet, now) = (Bytes::from_static(b"x"), Instant::now());
    assert!(roster.receive(1, 7, &packet, now).is_some());
    assert!(roster.receive(1, 7, &packet, now).is_none());
    assert_eq!(roster.copies(), 1);
}

#[test]
fn a_packet_before_its_track_waits_for_it() {
    let mut roster = Roster::default();
    let now = Instant::now();
    for (sequence, packet) in [(8, "12"), (9, "123"), (8, "12")] {
        let packet = Bytes::from_static(packet.as_bytes());
        assert!(roster.receive(1, sequence, &packet, now).is_none());
    }
    roster.track_added(A, audio("ada", 1));
    assert_eq!(changes(&mut roster), ["+ada/1", "ada:2", "ada:3"]);
}

#[test]
fn packets_of_nobody_are_bounded() {
    let mut roster = Roster::default();
    let now = Instant::now();
    let packet = Bytes::from_static(b"x");
    for sequence in 0..1_000 {
        roster.receive(1, sequence, &packet, now);
    }
    roster.track_added(A, audio("ada", 1));
    assert_eq!(changes(&mut roster).len(), 1 + EARLY_PACKETS);
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
