//! An RRULE, checked part by part: the library that expands it takes some nonsense for
//! something else (`BYDAY=XXMO` for Mondays).

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::{InvalidRecurrence, end_of};

/// Longest rule in bytes: one that names every day of a month has 130.
pub(super) const RULE_BYTES: usize = 512;
/// Longest interval, and most occurrences counted.
const RANGE: std::ops::RangeInclusive<u16> = 1..=1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Frequency {
    /// Whole periods from the beginning of one to a moment.
    pub(super) fn between(self, begin: DateTime, to: DateTime) -> i64 {
        let days = i64::from((to.date() - begin.date()).get_days());
        let years = i64::from(to.year()) - i64::from(begin.year());
        match self {
            Self::Daily => days,
            Self::Weekly => days / 7,
            Self::Monthly => years * 12 + i64::from(to.month()) - i64::from(begin.month()),
            Self::Yearly => years,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The whole day, where the meeting is.
    Day(Date),
    /// Local time where the meeting is.
    Local(DateTime),
    /// UTC.
    Utc(DateTime),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    text: String,
    frequency: Frequency,
    interval: u16,
    counted: bool,
    until: Option<Until>,
    /// Everything but UNTIL.
    rest: String,
}

impl Rule {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidRecurrence> {
        if text.len() > RULE_BYTES {
            return Err(InvalidRecurrence::Long);
        }
        let text = text.to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text).to_owned();
        let parts = parts(&text)?;
        let value = |key: &str| parts.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        let frequency = value("FREQ")
            .and_then(frequency)
            .ok_or(InvalidRecurrence::Frequency)?;
        for (key, value) in &parts {
            check(key, value, frequency)?;
        }
        let interval = value("INTERVAL").map_or(Ok(1), ranged)?;
        let count = value("COUNT").map(ranged).transpose()?;
        let until = value("UNTIL").map(until).transpose()?;
        if count.is_some() && until.is_some() {
            return Err(InvalidRecurrence::TwoEnds);
        }
        let rest: Vec<String> = parts
            .iter()
            .filter(|(key, _)| *key != "UNTIL")
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let rest = rest.join(";");
        Ok(Self {
            frequency,
            interval,
            counted: count.is_some(),
            until,
            rest,
            text,
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) const fn frequency(&self) -> Frequency {
        self.frequency
    }

    pub(super) const fn interval(&self) -> u16 {
        self.interval
    }

    pub(super) const fn counted(&self) -> bool {
        self.counted
    }

    /// Whether the rule says which days, and not the first start.
    pub(super) fn names_days(&self) -> bool {
        self.rest.contains("BYDAY=") || self.rest.contains("BYMONTHDAY=")
    }

    /// The rule with its end in the meeting's local time, written as UTC.
    pub(super) fn floating(&self, zone: &TimeZone) -> String {
        let end = match self.until {
            None => return self.rest.clone(),
            Some(Until::Day(day)) => end_of(day),
            Some(Until::Local(end)) => end,
            Some(Until::Utc(end)) => TimeZone::UTC
                .to_timestamp(end)
                .map_or(end, |moment| zone.to_datetime(moment)),
        };
        format!("{};UNTIL={}Z", self.rest, end.strftime("%Y%m%dT%H%M%S"))
    }
}

fn parts(text: &str) -> Result<Vec<(&str, &str)>, InvalidRecurrence> {
    let mut parts: Vec<(&str, &str)> = Vec::new();
    for part in text.split(';') {
        let (key, value) = part.split_once('=').ok_or_else(|| unknown(part))?;
        if parts.iter().any(|(known, _)| *known == key) {
            return Err(InvalidRecurrence::Twice {
                key: key.to_owned(),
            });
        }
        parts.push((key, value));
    }
    Ok(parts)
}

fn unknown(part: &str) -> InvalidRecurrence {
    InvalidRecurrence::Part {
        part: part.to_owned(),
    }
}

fn frequency(value: &str) -> Option<Frequency> {
    Some(match value {
        "DAILY" => Frequency::Daily,
        "WEEKLY" => Frequency::Weekly,
        "MONTHLY" => Frequency::Monthly,
        "YEARLY" => Frequency::Yearly,
        _ => return None,
    })
}

fn ranged(value: &str) -> Result<u16, InvalidRecurrence> {
    let number = digits(value).and_then(|digits| digits.parse().ok());
    number
        .filter(|number| RANGE.contains(number))
        .ok_or(InvalidRecurrence::Range)
}

fn digits(value: &str) -> Option<&str> {
    (!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())).then_some(value)
}

fn until(value: &str) -> Result<Until, InvalidRecurrence> {
    let wrong = |_| unknown(&format!("UNTIL={value}"));
    if let Some(value) = value.strip_suffix('Z') {
        return DateTime::strptime("%Y%m%dT%H%M%S", value)
            .map(Until::Utc)
            .map_err(wrong);
    }
    if value.contains('T') {
        return DateTime::strptime("%Y%m%dT%H%M%S", value)
            .map(Until::Local)
            .map_err(wrong);
    }
    Date::strptime("%Y%m%d", value)
        .map(Until::Day)
        .map_err(wrong)
}

/// Which values a part has, and with which frequency it goes (RFC 5545, section 3.3.10).
fn check(key: &str, value: &str, frequency: Frequency) -> Result<(), InvalidRecurrence> {
    use Frequency::{Daily, Monthly, Weekly, Yearly};
    let signed = |most: i16| {
        list(value, |item| {
            number(item).is_some_and(|n| (1..=most).contains(&n.abs()))
        })
    };
    let good = match key {
        "FREQ" | "INTERVAL" | "COUNT" | "UNTIL" => true,
        "WKST" => weekday(value),
        "BYMONTH" => list(value, |item| {
            number(item).is_some_and(|n| (1..=12).contains(&n))
        }),
        "BYMONTHDAY" => frequency != Weekly && signed(31),
        "BYYEARDAY" => frequency == Yearly && signed(366),
        "BYWEEKNO" => frequency == Yearly && signed(53),
        "BYSETPOS" => signed(366),
        "BYDAY" => {
            let numbers = match frequency {
                Daily | Weekly => None,
                Monthly => Some(5),
                Yearly => Some(53),
            };
            list(value, |item| day(item, numbers))
        }
        _ => false,
    };
    if good {
        Ok(())
    } else {
        Err(unknown(&format!("{key}={value}")))
    }
}

fn list(value: &str, good: impl Fn(&str) -> bool) -> bool {
    value.split(',').all(good)
}

fn number(item: &str) -> Option<i16> {
    let plain = item.strip_prefix(['+', '-']).unwrap_or(item);
    digits(plain)?;
    item.parse().ok()
}

fn weekday(item: &str) -> bool {
    matches!(item, "MO" | "TU" | "WE" | "TH" | "FR" | "SA" | "SU")
}

/// `MO`, or by month and year `1MO` and `-1MO`, up to as many as there can be. The library takes
/// the very first of all counted from the end, such as the fifth last Monday of a month that has
/// five, for one that never is: those are refused rather than missed.
fn day(item: &str, numbers: Option<i16>) -> bool {
    let Some(at) = item.len().checked_sub(2) else {
        return false;
    };
    let Some((which, name)) = item.split_at_checked(at) else {
        return false;
    };
    let among = |most: i16| number(which).is_some_and(|n| n != 0 && (1 - most..=most).contains(&n));
    let good = which.is_empty() || numbers.is_some_and(among);
    good && weekday(name)
}
