//! A zone of 2,000 routers and 200,000 participants, in one broker.
//!
//! `cargo test --release -p plenum-zone --test scale -- --nocapture` prints how many joins a
//! second it decides.

mod support;

use std::collections::BTreeMap;

use plenum_wire::link::Load;
use support::{Zone, at, idle};

const ROUTERS: usize = 2_000;
const CAPACITY: u32 = 200;
const MEETINGS: usize = 10_000;
const EACH: u32 = 20;
/// A reservation lasts 5 s, so the routers report who has come before that.
const ROUNDS: usize = 5;

#[test]
fn everybody_is_placed_with_their_meeting_and_no_router_has_too_many() {
    let names: Vec<String> = (0..ROUTERS)
        .map(|index| format!("router-{index}"))
        .collect();
    let routers: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), CAPACITY)).collect();
    let mut zone = Zone::with(&routers);
    let mut homes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let started = support::origin();
    for round in 0..ROUNDS {
        let meetings = (0..MEETINGS).filter(|index| index % ROUNDS == round);
        for index in meetings {
            let home = fill(&mut zone, index);
            homes.entry(home).or_default().push(index);
        }
        report(&mut zone, &homes);
    }
    let took = support::origin() - started;
    let joins = f64::from(EACH) * f64::from(u32::try_from(MEETINGS).unwrap_or(u32::MAX));
    println!("{:.0} joins a second", joins / took.as_secs_f64());
    let fullest = homes.values().map(Vec::len).max().unwrap_or(0);
    assert!(fullest * 20 <= 200, "{fullest} meetings on one router");
    assert!(homes.len() > 1_950, "{} routers are used", homes.len());
    assert_eq!(zone.orders(), []);
}

/// The participants of one meeting join one after the other.
fn fill(zone: &mut Zone, index: usize) -> String {
    let name = format!("m{index}");
    let join = |zone: &mut Zone, who: u32| zone.join(&name, &format!("p{index}-{who}"));
    let home = join(zone, 0).expect("there is room for twice as many");
    for who in 1..EACH {
        assert_eq!(join(zone, who).as_ref(), Ok(&home));
    }
    home
}

fn report(zone: &mut Zone, homes: &BTreeMap<String, Vec<usize>>) {
    for (router, meetings) in homes {
        let participants = u32::try_from(meetings.len()).unwrap_or(u32::MAX) * EACH;
        let load = Load {
            participants,
            ..idle(CAPACITY)
        };
        let meetings = meetings.iter().map(|index| at(&format!("m{index}"), EACH));
        zone.report(router, load, meetings.collect());
    }
}
