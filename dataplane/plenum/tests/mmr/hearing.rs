//! People hear each other.

use std::time::Duration;

use plenum_wire::{Kind, Rung};

use crate::client::{Client, packet};
use crate::house::House;
use crate::within;

#[tokio::test]
async fn two_clients_hear_each_other_on_every_rung() {
    let house = House::start(Duration::ZERO).await;
    let mut ann = Client::join(&house, "ann").await;
    let mut bob = Client::join(&house, "bob").await;
    ann.publish(7).await;
    let mut sequence = 0;
    // Going up a rung is one more connection; the newest carries.
    for rung in [Rung::Tls, Rung::Tcp, Rung::Udp] {
        let (from_ann, _ann_hears) = ann.connect(rung).await;
        let (_from_bob, mut bob_hears) = bob.connect(rung).await;
        for _ in 0..10 {
            sequence += 1;
            let sent = packet(7, sequence);
            assert!(from_ann.send(ann.flows.audio, &sent));
            let heard = within(bob_hears.recv()).await;
            assert_eq!(heard, Some((bob.flows.audio, sent)), "{rung}");
        }
    }
    let status = house
        .until(|status| status.counters.of(Kind::Audio).packets_out == 30)
        .await;
    assert_eq!((status.load.participants, status.meetings), (2, 1));
    assert_eq!(status.counters.dropped, plenum_router::Dropped::default());
}
