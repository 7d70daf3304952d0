//! Days of load: who comes to which meeting, and when they go.
//!
//! No recorded day of meetings with its single joins is published by anybody, so these are made,
//! each from a seed, by rules that can be read here. What they rest on is common knowledge of
//! such systems: meetings begin at full and half hours; a working day has two humps with lunch
//! between; people come within two or three minutes around the beginning, a few much later; a
//! lecture fills within ten minutes; an unannounced crowd rises within minutes and fades slowly.
//! The numbers are chosen, not measured.

use crate::rng::Rng;

/// Seconds of a day.
pub type Second = i64;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
/// Nobody comes before the first router is there, which takes four minutes at most.
const FIRST_S: Second = 300;

/// Somebody in a meeting. Who comes back is somebody else.
#[derive(Clone, Copy)]
pub struct Visit {
    pub meeting: u32,
    pub comes: Second,
    pub goes: Second,
}

/// A meeting that a directory knows of beforehand.
#[derive(Clone, Copy)]
pub struct Announced {
    pub meeting: u32,
    pub begins: Second,
    pub people: u32,
}

/// One day.
pub struct Day {
    /// In the order in which they come.
    pub visits: Vec<Visit>,
    pub announced: Vec<Announced>,
    pub begins: Second,
    pub ends: Second,
}

struct Diary {
    rng: Rng,
    visits: Vec<Visit>,
    announced: Vec<Announced>,
    meetings: u32,
}

/// A meeting to be filled.
#[derive(Clone, Copy)]
struct Meeting {
    begins: f64,
    ends: f64,
    people: u32,
    /// How people come: seconds after the beginning, in the middle, and the deviation.
    come: (f64, f64),
}

impl Diary {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            visits: Vec::new(),
            announced: Vec::new(),
            meetings: 0,
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn add(&mut self, meeting: Meeting) {
        let lasts = meeting.ends - meeting.begins;
        for _ in 0..meeting.people {
            let (middle, deviation) = meeting.come;
            let late = self.rng.chance(0.04);
            let after = if late {
                self.rng.between(0.0, lasts / 2.0)
            } else {
                self.rng.normal(middle, deviation)
            };
            let early = self.rng.chance(0.05);
            let before = if early {
                self.rng.between(0.0, lasts / 2.0)
            } else {
                self.rng.normal(0.0, 45.0)
            };
            let comes = (meeting.begins + after) as Second;
            let goes = ((meeting.ends - before) as Second).max(comes + 30);
            let meeting = self.meetings;
            self.visits.push(Visit {
                meeting,
                comes,
                goes,
            });
        }
        self.meetings += 1;
    }

    fn finish(mut self, begins: f64, ends: f64) -> Day {
        #[allow(clippy::cast_possible_truncation)]
        let (begins, ends) = (begins as Second, ends as Second);
        self.visits
            .retain(|visit| visit.comes > begins + FIRST_S && visit.comes < ends - 60);
        for visit in &mut self.visits {
            visit.goes = visit.goes.min(ends - 1);
        }
        self.visits
            .sort_by_key(|visit| (visit.comes, visit.meeting));
        Day {
            visits: self.visits,
            announced: self.announced,
            begins,
            ends,
        }
    }

    /// Two people at least; most meetings are small.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn few_people(&mut self) -> u32 {
        (2.0 + self.rng.exponential(4.0)).min(40.0) as u32
    }
}

/// People in meetings at each hour of a working day, as a share of the most.
const OFFICE: [(u32, f64); 16] = [
    (6, 0.03),
    (7, 0.12),
    (8, 0.40),
    (9, 0.85),
    (10, 1.0),
    (11, 0.95),
    (12, 0.60),
    (13, 0.75),
    (14, 0.95),
    (15, 0.95),
    (16, 0.80),
    (17, 0.50),
    (18, 0.22),
    (19, 0.10),
    (20, 0.06),
    (21, 0.04),
];

/// An office of some thousands: `most` people in meetings at the same time.
pub fn office(seed: u64, most: f64) -> Day {
    let mut diary = Diary::new(seed);
    let lengths = [(0.45, 30.0), (0.1, 45.0), (0.4, 60.0), (0.05, 90.0)];
    let mean: f64 = lengths.iter().map(|(share, length)| share * length).sum();
    // Meetings begin at full and half hours, a few at the quarters, and some at any time.
    let minutes = [(0.40, 0.0), (0.30, 30.0), (0.05, 15.0), (0.05, 45.0)];
    for (hour, share) in OFFICE {
        let begin = f64::from(hour) * HOUR;
        let mut people = most * share * 60.0 / mean;
        while people > 0.0 {
            let size = diary.few_people();
            people -= f64::from(size);
            let minute = if diary.rng.chance(0.2) {
                diary.rng.between(0.0, 60.0)
            } else {
                diary.rng.pick(&minutes)
            };
            let begins = begin + minute * MINUTE + diary.rng.normal(0.0, 45.0);
            let length = diary.rng.pick(&lengths) * MINUTE;
            // Most end a little early, some late.
            let ends = begins + length + diary.rng.normal(-60.0, 120.0);
            diary.add(Meeting {
                begins,
                ends,
                people: size,
                come: (20.0, 90.0),
            });
        }
    }
    diary.finish(6.0 * HOUR, 22.0 * HOUR)
}

/// When lectures begin, and the share of the students that has one then.
const LECTURES: [(f64, f64); 5] = [
    (8.25, 0.7),
    (10.25, 1.0),
    (12.25, 0.6),
    (14.25, 0.95),
    (16.25, 0.5),
];

/// A university: lectures of ninety minutes that begin all at once, `most` students in them.
pub fn lectures(seed: u64, most: f64) -> Day {
    let mut diary = Diary::new(seed);
    for (hour, share) in LECTURES {
        let mut students = most * share;
        while students > 0.0 {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let size = diary.rng.between(15.0, 60.0) as u32;
            students -= f64::from(size);
            #[allow(clippy::cast_possible_truncation)]
            diary.announced.push(Announced {
                meeting: diary.meetings,
                begins: (hour * HOUR) as Second,
                people: size,
            });
            let begins = hour * HOUR + diary.rng.normal(0.0, 30.0);
            let ends = begins + 90.0 * MINUTE + diary.rng.normal(-60.0, 120.0);
            diary.add(Meeting {
                begins,
                ends,
                people: size,
                come: (-120.0, 150.0),
            });
        }
    }
    small_groups(&mut diary, (7.0, 19.0), most * 0.05, 40.0);
    diary.finish(7.0 * HOUR, 19.0 * HOUR)
}

/// Meetings that begin at any time, so many people in them on average.
fn small_groups(diary: &mut Diary, (from, to): (f64, f64), people: f64, minutes: f64) {
    let mut at = from * HOUR - minutes * MINUTE;
    while at < to * HOUR {
        let size = diary.few_people();
        at += diary
            .rng
            .exponential(f64::from(size) * minutes * MINUTE / people);
        let lasts = 300.0 + diary.rng.exponential((minutes - 5.0) * MINUTE);
        diary.add(Meeting {
            begins: at,
            ends: at + lasts,
            people: size,
            come: (20.0, 60.0),
        });
    }
}

/// A crowd that nobody announced: within a minute people come as fast as they will, go on for
/// five, and it fades within a quarter of an hour.
pub fn crowd(seed: u64, usual: f64, crowd: f64) -> Day {
    let mut diary = Diary::new(seed);
    small_groups(&mut diary, (9.0, 15.0), usual, 40.0);
    let begins = 11.0 * HOUR + diary.rng.between(0.0, 40.0 * MINUTE);
    let mut left = crowd;
    while left > 0.0 {
        let size = diary.few_people();
        left -= f64::from(size);
        let after = if diary.rng.chance(0.6) {
            // The rise is a triangle, then it holds.
            let at = diary.rng.between(0.0, 330.0);
            if at < 30.0 {
                (at * 120.0).sqrt()
            } else {
                at + 30.0
            }
        } else {
            360.0 + diary.rng.exponential(5.0 * MINUTE)
        };
        let at = begins + after;
        let lasts = 300.0 + diary.rng.exponential(30.0 * MINUTE);
        diary.add(Meeting {
            begins: at,
            ends: at + lasts,
            people: size,
            come: (20.0, 30.0),
        });
    }
    diary.finish(9.0 * HOUR, 15.0 * HOUR)
}
