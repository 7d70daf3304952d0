//! To which zone those will come who are expected, as far as one can tell beforehand. Pure.
//!
//! Where a meeting runs already, the rest of its people come there too. A meeting that nobody is
//! in yet may begin in any zone: which, the first who comes decides, by where they are. So those
//! people are shared out among the zones by weight, as chance would.

use std::collections::BTreeMap;

use jiff::Timestamp;
use plenum_wire::MeetingId;
use plenum_wire::directory::Expected;

/// A meeting that begins soon, and said how many come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Which.
    pub meeting: MeetingId,
    /// When it begins.
    pub begins: Timestamp,
    /// How many come, those who are there already included.
    pub people: u32,
}

/// People by the minute in which their meetings begin, in seconds of Unix time.
type Minutes = BTreeMap<i64, u32>;

/// Who is still to come to each zone. `running` says how many people of a meeting are in which
/// zone, by its place in `weights`; a zone without a weight begins no meetings.
pub fn by_zone(
    announced: &[Announced],
    running: impl Fn(&MeetingId) -> BTreeMap<usize, u32>,
    weights: &[Option<u16>],
) -> Vec<Vec<Expected>> {
    let mut anywhere = Minutes::new();
    let mut zones = vec![Minutes::new(); weights.len()];
    for Announced {
        meeting,
        begins,
        people,
    } in announced
    {
        let there = running(meeting);
        let missing = people.saturating_sub(there.values().sum());
        let home = there.iter().filter(|(_, people)| **people > 0);
        let home = home.max_by_key(|(_, people)| **people);
        let minutes = match home {
            Some((place, _)) => &mut zones[*place],
            None => &mut anywhere,
        };
        add(minutes, begins.as_second().div_euclid(60) * 60, missing);
    }
    for (at, people) in anywhere {
        for (minutes, part) in zones.iter_mut().zip(parts(people, weights)) {
            add(minutes, at, part);
        }
    }
    zones.into_iter().map(in_order).collect()
}

fn add(minutes: &mut Minutes, at: i64, people: u32) {
    if people > 0 {
        let sum = minutes.entry(at).or_default();
        *sum = sum.saturating_add(people);
    }
}

fn in_order(minutes: Minutes) -> Vec<Expected> {
    let minutes = minutes.into_iter();
    minutes
        .map(|(at, people)| Expected { at, people })
        .collect()
}

/// So many people by weight, rounded up. Zones with the weight 0 are the last resort.
fn parts(people: u32, weights: &[Option<u16>]) -> impl Iterator<Item = u32> {
    let all: u64 = weights.iter().flatten().copied().map(u64::from).sum();
    weights.iter().map(move |weight| {
        let part = match weight {
            None => 0,
            // There are only such.
            Some(_) if all == 0 => people.into(),
            Some(weight) => (u64::from(people) * u64::from(*weight)).div_ceil(all),
        };
        u32::try_from(part).unwrap_or(people)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meeting(name: &str, begins: &str, people: u32) -> Announced {
        Announced {
            meeting: name.parse().unwrap(),
            begins: begins.parse().unwrap(),
            people,
        }
    }

    /// People expected in each zone by the minute, where so many of `lecture` are in these zones.
    fn expected(
        announced: &[Announced],
        lecture: &[(usize, u32)],
        weights: &[Option<u16>],
    ) -> Vec<Vec<(String, u32)>> {
        let there: BTreeMap<_, _> = lecture.iter().copied().collect();
        let running = |meeting: &MeetingId| match meeting.as_str() {
            "lecture" => there.clone(),
            _ => BTreeMap::new(),
        };
        let shown = |it: Expected| {
            let at = Timestamp::from_second(it.at).unwrap();
            (at.strftime("%H:%M:%S").to_string(), it.people)
        };
        let zones = by_zone(announced, running, weights).into_iter();
        zones
            .map(|zone| zone.into_iter().map(shown).collect())
            .collect()
    }

    fn at(minute: &str, people: u32) -> (String, u32) {
        (format!("{minute}:00"), people)
    }

    #[test]
    fn a_zone_alone_is_told_of_all_by_the_minute() {
        let day = [
            meeting("lecture", "2026-11-23T08:15:00Z", 300),
            meeting("seminar", "2026-11-23T08:15:30Z", 20),
            meeting("tea", "2026-11-23T08:16:00Z", 5),
        ];
        assert_eq!(
            expected(&day, &[], &[Some(100)]),
            [[at("08:15", 320), at("08:16", 5)]]
        );
    }

    #[test]
    fn who_has_come_is_not_expected_any_more() {
        let lecture = [meeting("lecture", "2026-11-23T08:15:00Z", 300)];
        let there = |people| expected(&lecture, &[(0, people)], &[Some(100)]);
        assert_eq!(there(120), [[at("08:15", 180)]]);
        assert_eq!(there(300), [[]]);
        assert_eq!(there(400), [[]], "more than were expected");
    }

    #[test]
    fn a_meeting_that_nobody_is_in_is_shared_out_by_weight() {
        let lecture = [meeting("lecture", "2026-11-23T08:15:00Z", 301)];
        assert_eq!(
            expected(&lecture, &[], &[Some(100), Some(200), Some(0), None]),
            [
                vec![at("08:15", 101)],
                vec![at("08:15", 201)],
                vec![],
                vec![]
            ]
        );
        let last_resorts = expected(&lecture, &[], &[Some(0), None]);
        assert_eq!(last_resorts, [vec![at("08:15", 301)], vec![]]);
    }

    #[test]
    fn one_that_runs_gets_the_rest_of_its_people_where_most_of_them_are() {
        let lecture = [meeting("lecture", "2026-11-23T08:15:00Z", 300)];
        let zones = [Some(100), None, Some(100)];
        assert_eq!(
            expected(&lecture, &[(0, 9), (1, 11)], &zones),
            [vec![], vec![at("08:15", 280)], vec![]]
        );
    }
}
