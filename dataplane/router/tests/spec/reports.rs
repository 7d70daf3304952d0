//! What controllers are told.

use std::net::IpAddr;
use std::time::Duration;

use plenum_router::{Input, LinkId};
use plenum_wire::control::{ErrorCode, FromClient, Interest};
use plenum_wire::link::{FromRouter, Load, MeetingLoad, ToRouter};

use crate::house::{House, Zone, reported};

const COALESCE: Duration = Duration::from_millis(50);
const HEARTBEAT: Duration = Duration::from_millis(500);

type Report = (Load, Vec<(String, u32)>, Vec<String>);

fn reports(house: &mut House, link: LinkId, within: Duration) -> Vec<Report> {
    let out = house.pass(within);
    let read = |message| match message {
        FromRouter::Report {
            load,
            meetings,
            ended,
        } => Some((
            load,
            meetings
                .into_iter()
                .map(|m: MeetingLoad| (m.meeting.into(), m.participants))
                .collect(),
            ended.into_iter().map(String::from).collect(),
        )),
        _ => None,
    };
    reported(&out, link).into_iter().filter_map(read).collect()
}

#[test]
fn links_that_open_later_hear_where_clients_reach_the_router_now() {
    let mut house = House::new(10);
    let moved: IpAddr = "203.0.113.7".parse().unwrap();
    house.handle(Input::Addresses {
        addresses: vec![moved],
    });
    let link = LinkId(99);
    house.handle(Input::LinkOpened { link });
    let out = house.take();
    let [FromRouter::Hello { endpoint, .. }, ..] = &reported(&out, link)[..] else {
        panic!("{out:?}")
    };
    assert_eq!(endpoint.addresses, [moved]);
}

#[test]
fn a_new_link_hears_hello_and_everything_at_once() {
    let mut house = House::new(10);
    house.join("4711", "ann");
    house.join("4711", "bob");
    house.join("4712", "cem");
    let link = LinkId(99);
    house.handle(Input::LinkOpened { link });
    let out = house.take();
    let told = reported(&out, link);
    let [
        FromRouter::Hello { router, .. },
        FromRouter::Report {
            load,
            meetings,
            ended,
        },
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(router.as_str(), "a");
    assert_eq!(
        *load,
        Load {
            participants: 3,
            capacity: 10,
            accepting: true,
            draining: false
        }
    );
    let meetings: Vec<_> = meetings
        .iter()
        .map(|m| (m.meeting.as_str(), m.participants))
        .collect();
    assert_eq!(meetings, [("4711", 2), ("4712", 1)]);
    assert!(ended.is_empty());
}

#[test]
fn a_burst_of_changes_is_one_report_with_only_what_changed() {
    let mut house = House::new(10);
    let link = house.link();
    house.join("4711", "ann");
    reports(&mut house, link, COALESCE);
    house.join("4712", "bob");
    house.join("4712", "cem");
    assert_eq!(
        reports(&mut house, link, COALESCE / 2),
        [],
        "not before 50 ms"
    );
    let told = reports(&mut house, link, COALESCE);
    assert_eq!(told.len(), 1);
    let (load, meetings, ended) = &told[0];
    assert_eq!(load.participants, 3);
    assert_eq!(meetings[..], [("4712".into(), 2)]);
    assert!(ended.is_empty());
}

#[test]
fn meetings_that_ended_are_named_once() {
    let mut house = House::new(10);
    let link = house.link();
    let ann = house.join("4711", "ann");
    reports(&mut house, link, COALESCE);
    house.say(ann.channel, FromClient::Bye);
    // This one comes and goes between two reports.
    let bob = house.join("4712", "bob");
    house.say(bob.channel, FromClient::Bye);
    let told = reports(&mut house, link, COALESCE);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].1, &told[0].2), (&vec![], &vec!["4711".into()]));
    let told = reports(&mut house, link, HEARTBEAT);
    assert_eq!((&told[0].1, &told[0].2), (&vec![], &vec![]));
}

#[test]
fn nothing_new_is_said_every_half_second() {
    let mut house = House::new(10);
    let link = house.link();
    house.take();
    let told = reports(&mut house, link, HEARTBEAT * 4);
    assert_eq!(told.len(), 4);
}

#[test]
fn each_controller_hears_all_of_it_whatever_happens_to_the_others() {
    let mut house = House::new(10);
    let first = house.link();
    house.join("4711", "ann");
    house.handle(Input::LinkClosed { link: first });
    house.take();
    assert_eq!(reports(&mut house, first, HEARTBEAT), []);
    let second = house.link();
    let told = reports(&mut house, second, Duration::ZERO);
    assert_eq!(told[0].1, [("4711".into(), 1)]);
}

#[test]
fn keys_of_every_open_link_are_good_and_the_last_ones_outlive_it() {
    let mut house = House::new(10);
    let link = LinkId(98);
    house.handle(Input::LinkOpened { link });
    // One controller rotated already, the other did not yet.
    let mut rotated = Zone::new("rotated");
    let welcome = |keys| ToRouter::Welcome {
        controller: "zc-1".into(),
        zone: "zone".parse().unwrap(),
        keys,
    };
    let ticket = rotated.offer("a", "4711", "ann").ticket;
    assert_eq!(house.refused(ticket.clone()).0, ErrorCode::TicketForged);
    house.order(link, welcome(vec![rotated.public.clone()]));
    house.join("4711", "bob");
    house.handle(Input::LinkClosed { link });
    house.hello(ticket, Interest::All);
    assert_eq!(house.shard.load().participants, 2, "bob and ann");
}
