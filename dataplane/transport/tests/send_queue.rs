//! What waits too long on a rung that keeps the order is never sent.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_transport::media::{Outbound, QUEUE_PACKETS, SendQueue, max_age};
use plenum_wire::rtp::Rewrite;
use plenum_wire::{FlowId, Kind};

const FLOW: FlowId = FlowId::from_random(1);

fn packet(number: usize) -> Outbound {
    Outbound {
        flow: FLOW,
        packet: Bytes::from(number.to_be_bytes().to_vec()),
        rewrite: None,
    }
}

#[test]
fn what_is_young_comes_out_in_order() {
    let now = Instant::now();
    let mut queue = SendQueue::new(max_age(Kind::Audio));
    for number in 0..3 {
        queue.push(now, packet(number));
    }
    for number in 0..3 {
        assert_eq!(queue.pop(now), Some(packet(number)));
    }
    assert_eq!(queue.pop(now), None);
    assert_eq!(queue.take_dropped(), 0);
}

#[test]
fn a_voice_is_dropped_after_400_ms_and_a_picture_after_a_second() {
    for (kind, limit) in [
        (Kind::Audio, 400),
        (Kind::Video, 1_000),
        (Kind::Content, 1_000),
    ] {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut queue = SendQueue::new(max_age(kind));
        queue.push(start, packet(1));
        queue.push(at(1), packet(2));
        assert_eq!(queue.pop(at(limit + 1)), Some(packet(2)), "{kind}");
        assert_eq!(queue.take_dropped(), 1, "{kind}");
        assert_eq!(queue.take_dropped(), 0, "told once");
    }
}

#[test]
fn a_shorter_limit_counts_for_what_waits_already() {
    let start = Instant::now();
    let mut queue = SendQueue::new(max_age(Kind::Video));
    queue.push(start, packet(1));
    queue.set_max_age(max_age(Kind::Audio));
    assert_eq!(queue.pop(start + Duration::from_millis(500)), None);
    assert_eq!(queue.take_dropped(), 1);
}

#[test]
fn a_full_queue_gives_up_its_oldest() {
    let now = Instant::now();
    let mut queue = SendQueue::new(max_age(Kind::Video));
    for number in 0..QUEUE_PACKETS + 2 {
        queue.push(now, packet(number));
    }
    assert_eq!(queue.len(), QUEUE_PACKETS);
    assert_eq!(queue.take_dropped(), 2);
    assert_eq!(queue.pop(now), Some(packet(2)));
}

#[test]
fn a_clock_that_steps_back_drops_nothing() {
    let earlier = Instant::now();
    let now = earlier + Duration::from_secs(5);
    let mut queue = SendQueue::new(max_age(Kind::Audio));
    queue.push(now, packet(1));
    assert_eq!(queue.pop(earlier), Some(packet(1)));
}

#[test]
fn what_is_of_a_layer_gets_half_as_old() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut queue = SendQueue::new(max_age(Kind::Video));
    let (ssrc, sequence, later) = (7, 1, false);
    let layered = |number| Outbound {
        rewrite: Some(Rewrite {
            ssrc,
            sequence,
            later,
        }),
        ..packet(number)
    };
    queue.push(start, layered(1));
    queue.push(start, packet(2));
    queue.push(at(1), layered(3));
    assert_eq!(queue.pop(at(501)), Some(packet(2)));
    assert_eq!(queue.pop(at(501)), Some(layered(3)));
    assert_eq!(queue.take_dropped(), 1);
}
