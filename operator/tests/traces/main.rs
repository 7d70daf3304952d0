//! Whole days of load, replayed fast: what a pool costs that grows and shrinks by the real
//! planner, against somebody who knew the day beforehand.
//!
//! Second by second people come and go (`day`), the zone's own rules place and move them
//! (`site`), and every three seconds the planner looks (`calm`), as it would be shown the site by
//! reports. The oracle (`oracle`) respects the room of routers and the time that they
//! take to start, and nothing else.
//!
//! On every day and for every seed:
//! - nobody is refused for want of room, at any second;
//! - at most 15 % more router-hours than the oracle, which fills routers to nine tenths as zone
//!   controllers do (they keep the last tenth for meetings that grow); 20 % where the directory
//!   alone tells the pool of lectures, which hears when they begin and not when they end;
//! - no participant is moved for the load who was moved within the hour before. Meetings that
//!   outgrow their router are the zone controllers' to move, and cannot wait: of a thousand
//!   participants at most one is moved by that within an hour of another move.
//!
//! `cargo test -p plenum-operator --test traces -- --nocapture` prints the table of
//! `docs/pools.md`; `SEEDS=n` tries the first n seeds.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

#[path = "../calm/mod.rs"]
mod calm;
mod counted;
mod day;
mod oracle;
mod rng;
mod site;

use plenum_crds::{MMRPool, MMRPoolSpec, SpareFrom, Window};
use plenum_operator::pool::validate::{ValidPool, validate};

use calm::Operator;
use day::{Day, Second};
use site::Site;

/// How often the planner looks. Reports of changes make it look more often.
const LOOK_S: Second = 3;

/// A pool and its day.
struct Trace {
    name: &'static str,
    day: fn(u64) -> Day,
    pool: fn(&mut MMRPoolSpec),
    /// From the label to the first participant that a router takes.
    starts_s: u32,
    /// A directory tells of the meetings that were announced.
    directory: bool,
    /// Most router-hours, as a multiple of the oracle's.
    most_hours: f64,
}

/// What came of it.
struct Figures {
    most_people: u32,
    most_routers: u32,
    ours_hours: f64,
    /// An oracle that keeps a tenth of each router free for meetings that grow.
    oracle_hours: f64,
    /// One that fills routers to the last seat.
    ideal_hours: f64,
    refused: u32,
    longest_wait_s: Second,
    moved: u64,
    moved_by_growth: u64,
    drained_again: usize,
    grown_again: usize,
    participants: usize,
}

const OFFICE: Trace = Trace {
    name: "office day",
    day: |seed| day::office(seed, 20_000.0),
    pool: |spec| {
        spec.participants_per_router = 800;
        spec.max_routers = 60;
        spec.spare_participants = 300;
        spec.spare_from = SpareFrom::Arrivals;
        spec.max_draining = 10;
    },
    starts_s: 15,
    directory: false,
    most_hours: 1.15,
};

const LECTURES: Trace = Trace {
    name: "lecture start",
    day: |seed| day::lectures(seed, 20_000.0),
    pool: |spec| {
        spec.participants_per_router = 800;
        spec.max_routers = 60;
        spec.spare_participants = 800;
        spec.max_draining = 10;
        let hours = [(8, 20), (10, 29), (12, 18), (14, 28), (16, 15)];
        spec.schedule = hours.map(|(hour, routers)| window(hour, routers)).into();
    },
    starts_s: 60,
    directory: false,
    most_hours: 1.15,
};

/// The same lectures, known from the directory: no timetable in the pool, and room kept free for
/// a fraction of those who come at once. Nodes have to be brought, which takes minutes.
const LECTURES_KNOWN: Trace = Trace {
    name: "lecture start, known from the directory",
    pool: |spec| {
        spec.participants_per_router = 800;
        spec.max_routers = 60;
        spec.spare_participants = 100;
        spec.spare_from = SpareFrom::Arrivals;
        spec.max_draining = 10;
    },
    starts_s: 240,
    directory: true,
    most_hours: 1.2,
    ..LECTURES
};

/// The timetable: from some minutes before the lectures of an hour begin until they end.
fn window(hour: u32, routers: u32) -> Window {
    Window {
        cron: format!("7 {hour} * * MON-FRI"),
        time_zone: "UTC".to_owned(),
        minutes: 98,
        spare_participants: 0,
        min_routers: Some(routers),
    }
}

const CROWD: Trace = Trace {
    name: "flash crowd",
    day: |seed| day::crowd(seed, 13_000.0, 20_000.0),
    pool: |spec| {
        spec.participants_per_router = 800;
        spec.max_routers = 60;
        spec.spare_participants = 600;
        spec.spare_from = SpareFrom::Arrivals;
        spec.max_draining = 10;
    },
    starts_s: 15,
    directory: false,
    most_hours: 1.15,
};

fn pool(change: fn(&mut MMRPoolSpec)) -> ValidPool {
    let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
    object.metadata.namespace = Some("n".into());
    change(&mut object.spec);
    let valid = validate(&object).expect("a valid pool");
    assert_eq!(valid.schedule.problem(), None);
    valid
}

fn replay(trace: &Trace, seed: u64) -> Figures {
    let day = (trace.day)(seed);
    let pool = pool(trace.pool);
    let people = oracle::people(&day);
    let starts_s = Second::from(trace.starts_s);
    let mut site = Site::new(day.begins, pool.max, pool.per_router, starts_s);
    if trace.directory {
        site.announced.clone_from(&day.announced);
    }
    let mut operator = Operator::new(pool.clone());
    let mut waiting: Vec<usize> = Vec::new();
    let (mut refused, mut longest_wait_s) = (0, 0);
    let mut goes: Vec<usize> = (0..day.visits.len()).collect();
    goes.sort_by_key(|visit| day.visits[*visit].goes);
    let mut goes = goes.into_iter().peekable();
    let mut comes = (0..day.visits.len()).peekable();
    while site.now < day.ends {
        if (site.now - day.begins) % LOOK_S == 0 {
            operator.look(&mut site);
        }
        site.second();
        while let Some(visit) = goes.next_if(|visit| day.visits[*visit].goes <= site.now) {
            site.leave(visit, day.visits[visit].meeting);
        }
        waiting.retain(|visit| {
            let one = day.visits[*visit];
            let stays = one.goes > site.now && !site.join(*visit, one.meeting);
            longest_wait_s = longest_wait_s.max(site.now - one.comes);
            stays
        });
        while let Some(visit) = comes.next_if(|visit| day.visits[*visit].comes <= site.now) {
            if !site.join(visit, day.visits[visit].meeting) {
                refused += 1;
                waiting.push(visit);
            }
        }
    }
    let oracle = |holds| {
        let start = usize::try_from(trace.starts_s).unwrap();
        hours(oracle::router_seconds(&day, holds, start, pool.min))
    };
    let counted = &site.counted;
    Figures {
        most_people: people.into_iter().max().unwrap(),
        most_routers: counted.most_routers,
        ours_hours: hours(counted.router_seconds),
        oracle_hours: oracle(pool.per_router * 9 / 10),
        ideal_hours: oracle(pool.per_router),
        refused,
        longest_wait_s,
        moved: counted.moves,
        moved_by_growth: counted.moved_by_growth,
        drained_again: counted.drained_again(),
        grown_again: counted.grown_again(),
        participants: day.visits.len(),
    }
}

#[allow(clippy::cast_precision_loss)]
fn hours(seconds: u64) -> f64 {
    seconds as f64 / 3_600.0
}

fn holds(trace: &Trace) -> Vec<Figures> {
    let seeds = std::env::var("SEEDS").map_or(1, |n| n.parse().expect("SEEDS is a number"));
    let held = |seed| {
        let figures = replay(trace, seed);
        let ratio = figures.ours_hours / figures.oracle_hours;
        let ideal = figures.ours_hours / figures.ideal_hours;
        println!(
            "{}, seed {seed}: {} participants, {} at once, {} routers at most; {:.1} router-hours, \
             oracle {:.1} ({ratio:.3}), to the last seat {:.1} ({ideal:.3}); {} refused, longest \
             wait {} s; {} moves, {} of them by growth; moved again within the hour by a drain {}, \
             by growth {}",
            trace.name,
            figures.participants,
            figures.most_people,
            figures.most_routers,
            figures.ours_hours,
            figures.oracle_hours,
            figures.ideal_hours,
            figures.refused,
            figures.longest_wait_s,
            figures.moved,
            figures.moved_by_growth,
            figures.drained_again,
            figures.grown_again,
        );
        let what = format!("{} seed {seed}", trace.name);
        assert_eq!(figures.refused, 0, "{what}: no room");
        assert_eq!(figures.drained_again, 0, "{what}: moved twice for the load");
        let few = figures.participants / 1_000;
        assert!(
            figures.grown_again <= few,
            "{what}: {}",
            figures.grown_again
        );
        assert!(ratio <= trace.most_hours, "{what}: {ratio:.3}");
        figures
    };
    (0..seeds).map(held).collect()
}

#[test]
fn an_office_day() {
    holds(&OFFICE);
}

#[test]
fn a_day_of_lectures_that_begin_all_at_once() {
    holds(&LECTURES);
}

/// Where nodes have to be brought, who is seen to come is seen too late: without the directory
/// the same pool turns people away, and pays and moves more.
#[test]
fn a_day_of_lectures_that_the_directory_knows_of() {
    let untold = Trace {
        directory: false,
        ..LECTURES_KNOWN
    };
    for (known, seed) in holds(&LECTURES_KNOWN).into_iter().zip(0..) {
        let untold = replay(&untold, seed);
        println!(
            "{}, seed {seed}: untold {:.1} router-hours, {} refused, longest wait {} s, {} moves, \
             again by growth {}",
            LECTURES_KNOWN.name,
            untold.ours_hours,
            untold.refused,
            untold.longest_wait_s,
            untold.moved,
            untold.grown_again,
        );
        assert!(untold.refused > 1_000, "{}", untold.refused);
        assert!(known.ours_hours < untold.ours_hours);
        assert!(known.moved < untold.moved);
    }
}

#[test]
fn a_crowd_that_nobody_announced() {
    holds(&CROWD);
}
