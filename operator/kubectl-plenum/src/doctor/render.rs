//! The report for people.

use std::fmt;

use super::Report;
use crate::finding::Level;
use crate::render::{BOLD, finding, mark, paint};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let (sign, style) = mark(check.result);
            let gap = 8usize.saturating_sub(sign.len()) + 1;
            writeln!(f, "{}{:gap$}{}", paint(style, sign), "", check.title)?;
            for found in &check.findings {
                write!(f, "{}", finding(found))?;
            }
        }
        let count = |level: Level| {
            let findings = self.checks.iter().flat_map(|check| &check.findings);
            findings.filter(|finding| finding.level == level).count()
        };
        let summary = match (count(Level::Wrong), count(Level::Unknown)) {
            (0, 0) => "Nothing is wrong.".to_owned(),
            (0, unseen) => format!("Nothing is wrong that was seen; {unseen} could not be seen."),
            (1, _) => "1 thing is wrong; begin with it.".to_owned(),
            (wrong, _) => format!("{wrong} things are wrong; begin with the first."),
        };
        writeln!(f, "\n{}", paint(BOLD, &summary))
    }
}
