//! What somebody would pay who knew the whole day beforehand.

use crate::day::Day;

/// Router-seconds of a perfect oracle: at every second as many routers as hold the people there
/// are, each begun as early as it takes to start and ended the moment that it is one too many.
/// It can move everybody at any time for nothing, which nobody can, so nothing is cheaper.
///
/// `holds` is how many people it puts on a router.
pub fn router_seconds(day: &Day, holds: u32, starts_s: usize, least: u32) -> u64 {
    let needed: Vec<u32> = people(day)
        .into_iter()
        .map(|people| people.div_ceil(holds).max(least))
        .collect();
    let there = |second: usize| {
        let until = (second + starts_s).min(needed.len() - 1);
        needed[second..=until]
            .iter()
            .copied()
            .max()
            .unwrap_or(least)
    };
    (0..needed.len())
        .map(|second| u64::from(there(second)))
        .sum()
}

/// People in meetings at each second of the day.
pub fn people(day: &Day) -> Vec<u32> {
    let index = |second| usize::try_from(second - day.begins).unwrap();
    let mut change = vec![0_i64; index(day.ends) + 1];
    for visit in &day.visits {
        change[index(visit.comes)] += 1;
        change[index(visit.goes)] -= 1;
    }
    let mut now = 0;
    let mut sum = |change: i64| {
        now += change;
        u32::try_from(now).unwrap()
    };
    change.into_iter().map(&mut sum).collect()
}
