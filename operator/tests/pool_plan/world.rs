//! Pools and worlds that the planner is shown.

pub use std::collections::{BTreeMap, BTreeSet};
pub use std::time::Duration;

pub use jiff::Timestamp;
pub use plenum_crds::conditions::DrainReason;
pub use plenum_crds::{MMRPool, MMRPoolSpec};
use plenum_crds::{SpareFrom, Window};
pub use plenum_operator::pool::observed::{
    Coverage, Drain, Node, Observed, Owner, Pod, Reached, Said, View, Word, Zone,
};
pub use plenum_operator::pool::plan::{Change, Marks, Memory, Plan, Replaced, plan};
pub use plenum_operator::pool::validate::{ValidPool, validate};
pub use plenum_wire::{Boot, RouterId};

/// 100 people a router, 50 spare, 1 to 5 routers, one minute of patience, one drain at once.
pub fn pool(change: impl FnOnce(&mut MMRPoolSpec)) -> ValidPool {
    let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
    object.metadata.namespace = Some("n".into());
    object.spec.participants_per_router = 100;
    object.spec.spare_participants = 50;
    object.spec.min_routers = 1;
    object.spec.max_routers = 5;
    object.spec.scale_down_delay_seconds = 60;
    object.spec.drain_deadline_seconds = 600;
    change(&mut object.spec);
    validate(&object).expect("a valid pool")
}

/// The same, with room by those who come and are known to.
pub fn by_arrivals(change: impl FnOnce(&mut MMRPoolSpec)) -> ValidPool {
    pool(|spec| {
        spec.spare_from = SpareFrom::Arrivals;
        change(spec);
    })
}

/// A window of so many minutes, from 200 s on, in which there are three routers.
pub fn at_noon(minutes: u32) -> Vec<Window> {
    vec![Window {
        // The tests' clock begins on 12 January 1970, 13:46:40 UTC.
        cron: "50 13 * * *".into(),
        time_zone: "UTC".into(),
        minutes,
        spare_participants: 0,
        min_routers: Some(3),
    }]
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

pub fn router(node: &str) -> RouterId {
    format!("r-{node}").parse().unwrap()
}

/// A world in which all is well: `free` nodes without routers, and routers with people.
pub fn world(free: &[&str], routers: &[(&str, u32)]) -> Observed {
    let mut seen = Observed {
        zone: Zone::Found,
        startable: true,
        view: View {
            coverage: Coverage::Complete,
            age: Some(Duration::ZERO),
            ..View::default()
        },
        ..Observed::default()
    };
    for name in free {
        seen.nodes.insert((*name).into(), node(Owner::Nobody));
    }
    for (name, people) in routers {
        seen.nodes.insert((*name).into(), node(Owner::Us));
        let said = Said {
            accepting: Some(true),
            draining: Some(false),
            written: true,
            heard: true,
        };
        let pod = Pod {
            node: (*name).into(),
            born: at(-86_400),
            run: 0,
            started: true,
            stopped: false,
            trouble: None,
            ready: true,
            terminating: false,
            outdated: false,
            said,
            announced: None,
        };
        seen.pods.insert(router(name), pod);
        seen.view.routers.insert(router(name), word(*people));
    }
    seen
}

pub fn node(owner: Owner) -> Node {
    Node {
        selected: true,
        schedulable: true,
        drain_requested: false,
        ready: true,
        owner,
        protected: owner == Owner::Us,
        drain: None,
        reached: Reached::ByItself,
    }
}

pub fn word(participants: u32) -> Word {
    Word {
        boot: Boot(1),
        participants,
        participants_at_most: participants,
        capacity: 100,
        accepting: true,
        draining: false,
        fresh: true,
        connected: true,
        fresh_everywhere: true,
        empty_everywhere: None,
        received: None,
        unplaced: None,
    }
}

pub fn draining(seen: &mut Observed, name: &str, reason: DrainReason, since: i64) {
    draining_since(seen, name, reason, since);
    let word = seen.view.routers.get_mut(&router(name)).unwrap();
    word.draining = true;
    word.accepting = false;
    word.empty_everywhere = (word.participants == 0).then_some(Duration::ZERO);
}

/// The mark alone: nobody has heard of its router.
pub fn draining_since(seen: &mut Observed, name: &str, reason: DrainReason, since: i64) {
    let since = at(since);
    edit(seen, name).drain = Some(Drain { since, reason });
}

pub fn edit<'a>(seen: &'a mut Observed, name: &str) -> &'a mut Node {
    seen.nodes.get_mut(name).unwrap()
}

pub fn first(pool: &ValidPool, seen: &Observed) -> Plan {
    plan(pool, seen, &Memory::default(), at(0))
}

/// The plan after the same has been seen for two minutes, longer than the delay.
pub fn patient(pool: &ValidPool, seen: &Observed) -> Plan {
    let memory = first(pool, seen).memory;
    plan(pool, seen, &memory, at(120))
}

pub fn changes(plan: &Plan) -> Vec<(&str, Change)> {
    plan.nodes
        .iter()
        .map(|(name, write)| (name.as_str(), write.change))
        .collect()
}

pub fn verdict<'a>(plan: &'a Plan, type_: &str) -> (&'a str, &'a str) {
    let found = plan.verdicts.iter().find(|v| v.type_ == type_).unwrap();
    (found.truth.as_str(), found.reason)
}

/// The newest word of a router.
pub fn word_of<'a>(seen: &'a mut Observed, name: &str) -> &'a mut Word {
    seen.view.routers.get_mut(&router(name)).unwrap()
}

/// Every controller says that so many people are on a router.
pub fn people_on(seen: &mut Observed, name: &str, people: u32) {
    let word = word_of(seen, name);
    (word.participants, word.participants_at_most) = (people, people);
}

/// The pod of a router.
pub fn pod_of<'a>(seen: &'a mut Observed, name: &str) -> &'a mut Pod {
    seen.pods.get_mut(&router(name)).unwrap()
}

/// Its process ended, time and again, and waits to be started: nobody has heard of it.
pub fn crashing(seen: &mut Observed, name: &str) {
    starting(seen, name);
    let pod = pod_of(seen, name);
    (pod.started, pod.stopped) = (true, true);
}

/// Its kubelet finds it well, and no controller has ever heard of it.
pub fn mute(seen: &mut Observed, name: &str) {
    starting(seen, name);
    let pod = pod_of(seen, name);
    (pod.started, pod.ready) = (true, true);
}

/// A pod was just made, and nothing was heard of it yet.
pub fn starting(seen: &mut Observed, name: &str) {
    let pod = pod_of(seen, name);
    (pod.started, pod.ready, pod.outdated) = (false, false, false);
    pod.said.heard = false;
    pod.born = at(0);
    seen.view.routers.remove(&router(name));
}

pub fn message<'a>(plan: &'a Plan, type_: &str) -> &'a str {
    let found = plan.verdicts.iter().find(|v| v.type_ == type_);
    &found.unwrap().message
}

/// A router is missed for two minutes before nobody waits for it.
pub fn patience_of_two_minutes() -> ValidPool {
    pool(|p| p.rollout_deadline_seconds = 120)
}

/// No controller hears it any more.
pub fn falls_silent(seen: &mut Observed, name: &str) {
    let word = word_of(seen, name);
    (word.fresh, word.connected, word.fresh_everywhere) = (false, false, false);
}

/// One controller of several does not hear it.
pub fn half_heard(seen: &mut Observed, name: &str) {
    word_of(seen, name).fresh_everywhere = false;
}

/// What is planned after the same was seen for `seconds`.
pub fn after(pool: &ValidPool, seen: &Observed, seconds: i64) -> Plan {
    plan(pool, seen, &first(pool, seen).memory, at(seconds))
}
