//! What a router leaves out that has more to do than it can.

use plenum_router::{Input, OverloadStep, Strain};
use plenum_wire::{Kind, Rung};

use super::panel::Panel;
use crate::house::{House, rtp_packet};
use crate::studio::{MS, delivered};

#[test]
fn a_router_without_time_sends_small_pictures_and_then_none_but_the_active_speakers() {
    let mut panel = Panel::new(Kind::Video, 10_000);
    panel.speaks(1);
    let mut strain = |samples: u32, busy| {
        for _ in 0..samples {
            panel.house.pass(100 * MS);
            panel.house.handle(Input::Strain(Strain {
                busy,
                dropped: 1,
                ..Strain::default()
            }));
        }
        (panel.house.shard.overload(), panel.layers())
    };
    assert_eq!(strain(1, 0.1), (OverloadStep::Open, [Some(2); 3]));
    let (step, layers) = strain(2, 1.0);
    assert_eq!(
        (step, layers),
        (OverloadStep::LowLayers, [Some(0), Some(2), Some(0)])
    );
    let (step, layers) = strain(20, 1.0);
    assert_eq!(
        (step, layers),
        (OverloadStep::ActiveOnly, [None, Some(2), None])
    );
    let (step, layers) = strain(30, 0.1);
    assert_eq!((step, layers), (OverloadStep::Open, [Some(2); 3]));
}

#[test]
fn a_plain_camera_that_was_left_out_goes_on_with_a_key_frame() {
    let mut house = House::new(10);
    let (ann, bob) = (house.join("4711", "ann"), house.join("4711", "bob"));
    let from = house.bind(ann, Kind::Video, Rung::Udp);
    let to = house.bind(bob, Kind::Video, Rung::Udp);
    house.publish(ann, Kind::Video, 7);
    let mut next = 0;
    let mut sent = |house: &mut House| {
        house.take();
        next += 1;
        house.send(from, ann.flows.video, rtp_packet(7, next));
        house
            .take()
            .iter()
            .filter_map(delivered)
            .any(|it| it.0 == to)
    };
    assert!(sent(&mut house));
    let strain = |house: &mut House, busy| {
        house.pass(100 * MS);
        house.handle(Input::Strain(Strain {
            busy,
            ..Strain::default()
        }));
    };
    while house.shard.overload() < OverloadStep::LowLayers {
        strain(&mut house, 1.0);
    }
    assert!(!sent(&mut house));
    assert_eq!(house.shard.counters().dropped.shed, 1);
    while house.shard.overload() >= OverloadStep::LowLayers {
        house.take();
        strain(&mut house, 0.1);
    }
    let asked = house.take();
    let asked = asked.iter().filter_map(delivered);
    assert_eq!(asked.filter(|it| it.0 == from).count(), 1);
    assert!(sent(&mut house));
}
