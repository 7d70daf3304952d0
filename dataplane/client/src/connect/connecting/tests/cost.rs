//! What the network test costs: never more than 100 kB by one way out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::join::Refusal;

use super::world::*;
use crate::connect::measure::{BUDGET, LOOKS};
use crate::connect::words::{Fault, Out, Target};

/// TCP, TLS and a request, and one request more: as the public web is, and a little more than
/// tests over real TLS count.
const CONNECT: usize = 6_000;
const REQUEST: usize = 500;
/// Two requests, which tell whether a sign-in page answers in place of a host.
const LOOK: usize = 2_000;

/// Whether it is a tunnel, and the way.
type Kind = (bool, Out);

/// Counts bytes as if nothing that is begun could be stopped before it has cost its part.
#[derive(Debug, Default)]
pub struct Cost {
    spent: BTreeMap<Kind, Spent>,
    /// Of the dearest test, by one way.
    pub most: usize,
}

#[derive(Debug, Default)]
struct Spent {
    /// When the test began.
    test: Option<Instant>,
    bytes: usize,
    /// Hosts; here every door has its own.
    looked: usize,
}

impl Cost {
    /// By a test that began then, if it still goes on.
    pub fn ping(&mut self, target: Target, out: Out, way: Way, test: Option<Instant>) {
        let spent = self.spent.entry(kind(target, out)).or_default();
        if test.is_some_and(|test| spent.test != Some(test)) {
            *spent = Spent {
                test,
                ..Spent::default()
            };
        }
        let portal = [Fault::Untrusted, Fault::Nonsense, Fault::Portal].map(Way::Wrong);
        let look = portal.contains(&way) && spent.looked < LOOKS;
        spent.looked += usize::from(look);
        let nothing = match way {
            Way::Hole | Way::Comes(..) | Way::Goes(..) | Way::Misses(..) => true,
            Way::Wrong(fault) => matches!(
                fault,
                Fault::Silent | Fault::Refused | Fault::UnknownName | Fault::ProxyAway
            ),
            Way::Open(_) | Way::Stalls(_) | Way::Balancer(_) => false,
        };
        let connect = match way {
            _ if nothing => 0,
            // The request is not sent.
            Way::Wrong(Fault::Untrusted) => CONNECT - REQUEST,
            _ => CONNECT,
        };
        let look = if look { LOOK } else { 0 };
        self.spend(target, out, connect + look);
    }

    pub fn again(&mut self, target: Target, out: Out) {
        self.spend(target, out, REQUEST);
    }

    fn spend(&mut self, target: Target, out: Out, bytes: usize) {
        let spent = self.spent.entry(kind(target, out)).or_default();
        spent.bytes += bytes;
        self.most = self.most.max(spent.bytes);
        assert!(spent.bytes <= BUDGET, "{} bytes", spent.bytes);
    }
}

const fn kind(target: Target, out: Out) -> Kind {
    (matches!(target, Target::Tunnel(_)), out)
}

#[test]
fn a_slow_line_costs_no_more_than_a_fast_one() {
    for away in [40.0, 200.0, 310.0, 400.0, 600.0, 900.0, 1_200.0] {
        for (outs, controllers) in [(1, 1), (1, 4), (2, 1), (2, 4)] {
            let mut world = world();
            world.outs = outs;
            world.directories[0].ways = vec![open(away); outs];
            let mut zone = Zone::at(&vec![open(away); outs]);
            zone.controllers = controllers;
            world.zones = vec![zone; 16];
            let seen = world.join();
            seen.found();
            // There was something to pay for.
            assert!(seen.cost > 50_000, "{} bytes", seen.cost);
        }
    }
}

#[test]
fn what_answers_wrongly_is_paid_for_too() {
    let wrong = [Fault::Untrusted, Fault::Nonsense, Fault::Portal].map(Way::Wrong);
    for way in wrong.into_iter().chain([Way::Balancer(clear(40.0))]) {
        let mut world = world();
        world.zones = vec![Zone::at(&[way]); 16];
        for zone in &mut world.zones {
            zone.controllers = 8;
        }
        let seen = world.join();
        assert!(seen.result.is_err(), "{way:?}");
        assert!(seen.cost > 50_000, "{} bytes", seen.cost);
    }
}

#[test]
fn a_cloud_that_is_full_is_tested_less_and_less_often() {
    let mut world = world();
    let mut zone = Zone::at(&[open(40.0)]);
    zone.refusal = Some((Refusal::ZoneFull, usize::MAX));
    zone.retry_after = Some(Duration::from_secs(1));
    world.zones = vec![zone; 12];
    world.within = Duration::from_secs(120);
    let seen = world.join();
    assert!(seen.error().to_string().contains("full"), "{seen:?}");
    // After 5, 15, 35, 65 and 95 s.
    let tests = seen.pinged.len() / world.zones.len();
    assert_eq!(tests, 6, "{} pings", seen.pinged.len());
}

#[test]
fn what_refuses_costs_nothing_and_leaves_room_for_all_others() {
    let mut world = world();
    world.zones = vec![Zone::at(&[Way::Wrong(Fault::Refused)]); 12];
    world.zones.extend(vec![Zone::at(&[open(40.0)]); 4]);
    let seen = world.join();
    assert_eq!(seen.pinged.len(), 16);
    assert_eq!(seen.found().zone, 12);
}
