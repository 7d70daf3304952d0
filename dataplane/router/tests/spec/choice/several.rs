//! Who is seen large among several.

use plenum_router::Input;
use plenum_wire::control::FromClient;
use plenum_wire::limits::LAYER_KBPS;
use plenum_wire::{Kind, Rung};

use super::panel::Panel;
use crate::studio::simulcast;

#[test]
fn everybody_is_seen_before_somebody_is_seen_large() {
    let mut panel = Panel::new(Kind::Video, 1_000);
    assert_eq!(panel.layers(), [Some(1), Some(0), Some(0)]);
}

#[test]
fn where_not_all_fit_some_are_not_seen() {
    let mut panel = Panel::new(Kind::Video, 320);
    assert_eq!(panel.layers(), [Some(0), Some(0), None]);
}

#[test]
fn who_has_priority_is_seen_large() {
    let mut panel = Panel::new(Kind::Video, 1_000);
    panel.wants("dan", 720, 1);
    assert_eq!(panel.layers(), [Some(0), Some(0), Some(1)]);
    panel.wants("cem", 720, 2);
    assert_eq!(panel.layers(), [Some(0), Some(1), Some(0)]);
    panel.wants("cem", 180, 2);
    assert_eq!(panel.layers(), [Some(0), Some(0), Some(1)]);
    panel.wants("dan", 0, 1);
    assert_eq!(panel.layers(), [Some(1), Some(0), None]);
}

#[test]
fn who_speaks_is_seen_large() {
    let mut panel = Panel::new(Kind::Video, 1_000);
    panel.speaks(1);
    assert_eq!(panel.layers(), [Some(0), Some(1), Some(0)]);
    panel.wants("ann", 720, 1);
    assert_eq!(panel.layers(), [Some(1), Some(0), Some(0)]);
}

#[test]
fn who_says_it_takes_all_the_room_there_is_hides_nobody() {
    let mut panel = Panel::new(Kind::Video, 1_000);
    let mut publish = simulcast(Kind::Video, 100, &[101, 102, 103]);
    if let FromClient::Publish { layers, .. } = &mut publish {
        for (layer, kbps) in layers.iter_mut().zip([90_000, 95_000, LAYER_KBPS]) {
            layer.kbps = kbps;
        }
    }
    let channel = panel.speakers[0].0.channel;
    panel.house.say(channel, publish);
    panel.wants("ann", 720, 255);
    assert_eq!(panel.layers(), [None, Some(1), Some(1)]);
}

#[test]
fn more_participants_fit_where_each_is_shown_small() {
    let mut panel = Panel::new(Kind::Content, 1_700);
    assert_eq!(panel.layers(), [Some(1), Some(1), Some(1)]);
    panel.wants("cem", 180, 0);
    panel.wants("dan", 0, 0);
    assert_eq!(panel.layers(), [Some(2), Some(0), None]);
}

#[test]
fn who_changes_connections_sees_what_was_seen_until_the_new_one_meets_a_limit() {
    let mut panel = Panel::new(Kind::Video, 10_000);
    assert_eq!(panel.layers(), [Some(2); 3]);
    let guest = panel.bob.0;
    panel.bob.1 = panel.house.bind(guest, Kind::Video, Rung::Tcp);
    let mut estimate = |kbps: u64| {
        panel.house.handle(Input::Estimate {
            connection: panel.bob.1,
            bits_per_s: kbps * 1_000,
        });
        panel.layers()
    };
    // Where a new connection begins, whatever the path, and grows from.
    assert_eq!(estimate(2_000), [Some(2); 3]);
    assert_eq!(estimate(2_500), [Some(2); 3]);
    assert_eq!(estimate(2_000), [Some(1); 3]);
    // And what the old one found out is forgotten.
    assert_eq!(estimate(2_100), [Some(1); 3]);
}
