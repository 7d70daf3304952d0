//! What a rule means, said once more and as plainly as possible: every day is looked at by
//! itself. Slow, and without the library that expands rules for the directory.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    Day,
    Week,
    Month,
    Year,
}

/// A rule as a test makes it up; empty lists say nothing.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub every: Every,
    pub interval: i64,
    pub months: Vec<i8>,
    pub month_days: Vec<i8>,
    /// With a number, the so-many-th of the month; without, each.
    pub weekdays: Vec<(Option<i8>, Weekday)>,
    pub count: Option<usize>,
    pub until: Option<Date>,
}

impl Wanted {
    /// As RFC 5545 writes it.
    pub fn rule(&self) -> String {
        let frequency = match self.every {
            Every::Day => "DAILY",
            Every::Week => "WEEKLY",
            Every::Month => "MONTHLY",
            Every::Year => "YEARLY",
        };
        let mut rule = format!("FREQ={frequency};INTERVAL={}", self.interval);
        let mut part = |key: &str, values: Vec<String>| {
            if !values.is_empty() {
                rule.extend([";", key, "=", &values.join(",")]);
            }
        };
        part(
            "BYMONTH",
            self.months.iter().map(ToString::to_string).collect(),
        );
        part(
            "BYMONTHDAY",
            self.month_days.iter().map(ToString::to_string).collect(),
        );
        part(
            "BYDAY",
            self.weekdays
                .iter()
                .map(|(nth, day)| weekday(*nth, *day))
                .collect(),
        );
        part(
            "COUNT",
            self.count.iter().map(ToString::to_string).collect(),
        );
        part(
            "UNTIL",
            self.until
                .iter()
                .map(|day| day.strftime("%Y%m%d").to_string())
                .collect(),
        );
        rule
    }

    /// The days of a series up to one, in order.
    pub fn days(&self, first: Date, to: Date) -> Vec<Date> {
        let to = self.until.map_or(to, |until| until.min(to));
        let all = first.series(1.day()).take_while(|day| *day <= to);
        let matching = all.filter(|day| self.in_rhythm(first, *day) && self.is_one(first, *day));
        match self.count {
            Some(count) => matching.take(count).collect(),
            None => matching.collect(),
        }
    }

    fn in_rhythm(&self, first: Date, day: Date) -> bool {
        let since = |a: Date, b: Date| i64::from((b - a).get_days());
        let monday = |day: Date| day - i64::from(day.weekday().to_monday_zero_offset()).days();
        let month = |day: Date| i64::from(day.year()) * 12 + i64::from(day.month());
        let periods = match self.every {
            Every::Day => since(first, day),
            Every::Week => since(monday(first), monday(day)) / 7,
            Every::Month => month(day) - month(first),
            Every::Year => i64::from(day.year()) - i64::from(first.year()),
        };
        periods % self.interval == 0
    }

    /// What the rule leaves open is as on the first day.
    fn is_one(&self, first: Date, day: Date) -> bool {
        let named = !self.month_days.is_empty() || !self.weekdays.is_empty();
        let month = match self.every {
            Every::Year if self.months.is_empty() && !named => day.month() == first.month(),
            _ => self.months.is_empty() || self.months.contains(&day.month()),
        };
        let day_itself = match self.every {
            Every::Day => true,
            Every::Week => !self.weekdays.is_empty() || day.weekday() == first.weekday(),
            Every::Month | Every::Year => named || day.day() == first.day(),
        };
        month && day_itself && self.month_day(day) && self.weekday(day)
    }

    fn month_day(&self, day: Date) -> bool {
        let from_end = day.day() - day.days_in_month() - 1;
        let wanted = &self.month_days;
        wanted.is_empty() || wanted.contains(&day.day()) || wanted.contains(&from_end)
    }

    fn weekday(&self, day: Date) -> bool {
        let nth = (day.day() - 1) / 7 + 1;
        let nth_from_end = -((day.days_in_month() - day.day()) / 7 + 1);
        self.weekdays.is_empty()
            || self.weekdays.iter().any(|(wanted, weekday)| {
                *weekday == day.weekday()
                    && wanted.is_none_or(|wanted| wanted == nth || wanted == nth_from_end)
            })
    }
}

fn weekday(nth: Option<i8>, day: Weekday) -> String {
    let name = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let day = name[usize::try_from(day.to_monday_zero_offset()).unwrap()];
    nth.map_or(day.to_owned(), |nth| format!("{nth}{day}"))
}

/// Start and end of each, as moments.
pub fn moments(starts: &[DateTime], zone: &TimeZone, minutes: i64) -> Vec<(Timestamp, Timestamp)> {
    let moment = |start: &DateTime| {
        let start = zone.to_timestamp(*start).unwrap();
        (start, start + minutes.minutes())
    };
    starts.iter().map(moment).collect()
}
