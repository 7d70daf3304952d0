//! What a router was too slow for is counted, on every core's socket.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::net::UdpSocket;
use std::num::NonZeroU8;

use common::loopback;
use plenum_transport::media::{Config, Switch};
use plenum_transport::tls::Identity;

/// More than any receive buffer of a router holds.
const MANY: usize = 100_000;

#[tokio::test]
async fn packets_that_nobody_took_are_counted_by_strain() {
    let identity = Identity::self_signed(&["router".to_owned()]).unwrap();
    let config = Config {
        udp: loopback(),
        tcp: loopback(),
        identity,
        cores: NonZeroU8::MIN,
    };
    let (mut switch, _streams) = Switch::bind(&config).unwrap();
    assert_eq!(switch.strain().dropped, 0);
    // Nobody drives the switch, so nothing is taken.
    let sender = UdpSocket::bind(loopback()).unwrap();
    let to = switch.udp_address().unwrap();
    let last = UdpSocket::bind(loopback()).unwrap();
    let mut sent = 0;
    let mut dropped = 0;
    while dropped == 0 && sent < MANY {
        for _ in 0..100 {
            sender.send_to(&[0; 1_200], to).unwrap();
        }
        sent += 100;
        // A busy kernel may have some of them on its way until this one has arrived.
        sender.send_to(b"last", last.local_addr().unwrap()).unwrap();
        last.recv(&mut [0; 4]).unwrap();
        dropped = switch.strain().dropped;
    }
    assert!(dropped > 0 && dropped <= 100, "{dropped} of {sent}");
    // Each packet takes less than 3 kB of the room, the kernel's own overhead included, and
    // the kernel doubles the room for that.
    let room = switch.receive_buffer() * 2 / 3_000;
    assert!(sent > room, "{sent} of {room} were taken");
    assert_eq!(switch.strain().dropped, 0, "each is counted once");
}
