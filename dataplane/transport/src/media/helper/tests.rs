//! What the deciding thread and another core say to each other, without the threads: that the
//! right things wait, and the right ones no longer.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use plenum_wire::{FlowId, Rung};

use super::*;

/// Too late for a camera, and not for a voice or a screen.
const LATE: Duration = Duration::from_millis(200);
/// Too late for all.
const TOO_LATE: Duration = Duration::from_millis(500);

/// The deciding thread's end, and what a thread would hold at the other.
fn ends() -> (Helper, Exit<Order>, Entry<News>) {
    let (orders, of_orders) = passage(ORDERS, Arc::default(), OF_ORDERS);
    let (reporter, news) = passage(NEWS, Arc::default(), OF_NEWS);
    let helper = Helper {
        gathered: Load::default(),
        orders,
        news,
        kinds: Kinds::default(),
        waker: Waker::new().unwrap(),
        thread: None,
    };
    (helper, of_orders, reporter)
}

fn connection(place: usize) -> ConnectionId {
    ConnectionId::on_core(CoreNumber(1), place, 7)
}

const VOICE: usize = 0;
const SCREEN: usize = 1;
const CAMERA: usize = 2;
const UNKNOWN: usize = 3;

fn flow() -> FlowId {
    FlowId::new(7).unwrap()
}

fn outbound() -> Outbound {
    Outbound {
        flow: flow(),
        packet: Bytes::from_static(b"RTP"),
        rewrite: None,
    }
}

fn event(place: usize) -> Event {
    Event::Packet {
        connection: connection(place),
        flow: flow(),
        packet: Bytes::from_static(b"RTP"),
    }
}

fn stray() -> Stray {
    Stray::new(CoreNumber(1), b"who knows")
}

/// What of all kinds of orders is taken so much later, in words.
fn orders_after(age: Duration) -> Vec<String> {
    let (mut helper, mut orders, _reporter) = ends();
    let now = Instant::now();
    helper.carries(connection(VOICE), Kind::Audio);
    helper.carries(connection(SCREEN), Kind::Content);
    helper.carries(connection(CAMERA), Kind::Video);
    for place in [VOICE, SCREEN, CAMERA, UNKNOWN] {
        helper.send(connection(place), outbound());
    }
    helper.take(stray());
    helper.close(connection(CAMERA), 0, "");
    helper.flush(now);
    let taken = orders.take(now + age);
    let words = taken.map(|(since, order)| {
        assert_eq!(since, now);
        match order {
            Order::Send(to, ..) => format!("send {}", to.place()),
            Order::Carries(whose, _) => format!("carries {}", whose.place()),
            Order::Close(which, ..) => format!("close {}", which.place()),
            Order::Take(_) => "take".to_owned(),
            Order::Stop => "stop".to_owned(),
        }
    });
    words.collect()
}

#[test]
fn orders_in_time_are_all_there_in_order() {
    let expected = [
        "carries 0",
        "carries 1",
        "carries 2",
        "send 0",
        "send 1",
        "send 2",
        "send 3",
        "take",
        "close 2",
    ];
    assert_eq!(orders_after(Duration::ZERO), expected);
}

#[test]
fn of_late_orders_a_voice_and_a_screen_are_sent_and_no_camera() {
    let expected = [
        "carries 0",
        "carries 1",
        "carries 2",
        "send 0",
        "send 1",
        "take",
        "close 2",
    ];
    assert_eq!(orders_after(LATE), expected);
}

#[test]
fn what_is_no_packet_is_done_however_late() {
    let expected = ["carries 0", "carries 1", "carries 2", "close 2"];
    assert_eq!(orders_after(TOO_LATE), expected);
}

#[test]
fn who_has_a_voices_place_next_is_not_taken_for_a_voice() {
    let (mut helper, mut orders, _reporter) = ends();
    let now = Instant::now();
    helper.carries(connection(VOICE), Kind::Audio);
    let next = ConnectionId::on_core(CoreNumber(1), VOICE, 8);
    helper.send(next, outbound());
    helper.flush(now);
    let taken: Vec<_> = orders.take(now + LATE).collect();
    assert!(
        matches!(taken.as_slice(), [(_, Order::Carries(..))]),
        "{taken:?}"
    );
}

/// What is heard so much later of news of all kinds: the places of packets, how many words, and
/// how many strays.
fn news_after(age: Duration) -> (Vec<usize>, usize, usize) {
    let (mut helper, _orders, reporter) = ends();
    let now = Instant::now();
    let kind_of = |whose: ConnectionId| match whose.place() {
        VOICE => Kind::Audio,
        SCREEN => Kind::Content,
        _ => Kind::Video,
    };
    let opened = Event::Opened {
        connection: connection(VOICE),
        rung: Rung::Udp,
        peer: SocketAddr::from(([127, 0, 0, 1], 1)),
    };
    let estimate = Event::Estimate {
        connection: connection(VOICE),
        bits_per_s: 1,
    };
    let closed = Event::Closed {
        connection: connection(VOICE),
    };
    let packets = [VOICE, SCREEN, CAMERA].map(event);
    let events = [opened].into_iter().chain(packets);
    let events = events.chain([estimate, closed]);
    let mut news = Load::default();
    for event in events {
        news.add(News::of(event, kind_of));
    }
    news.add(News::Stray(stray()));
    reporter.bring(&mut news, now);
    let (mut events, mut strays) = (Vec::new(), Vec::new());
    helper.hear(now + age, &mut events, &mut strays);
    let of_packet = |event: &Event| match event {
        Event::Packet { connection, .. } => Some(connection.place()),
        _ => None,
    };
    let packets: Vec<_> = events.iter().filter_map(of_packet).collect();
    let words = events.len() - packets.len();
    (packets, words, strays.len())
}

#[test]
fn of_late_news_voices_and_screens_are_heard_and_no_cameras() {
    let all = vec![VOICE, SCREEN, CAMERA];
    assert_eq!(news_after(Duration::ZERO), (all, 3, 1));
    assert_eq!(news_after(LATE), (vec![VOICE, SCREEN], 3, 1));
    assert_eq!(news_after(TOO_LATE), (vec![], 3, 0));
}

#[test]
fn an_estimate_makes_those_of_its_own_connection_worthless() {
    let estimate = Event::Estimate {
        connection: connection(VOICE),
        bits_per_s: 1,
    };
    let freight = News::of(estimate, |_| Kind::Audio).freight();
    assert_eq!(freight, Freight::Estimate(connection(VOICE)));
}
