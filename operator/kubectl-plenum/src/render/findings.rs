//! Findings: what, why, what to type.

use std::fmt::Write as _;

use anstyle::Style;

use super::{ADVICE, DIM, GOOD, WRONG, paint};
use crate::finding::{Finding, Level, parted};

/// A sign and its style; the signs differ without colours too.
#[must_use]
pub const fn mark(level: Level) -> (&'static str, Style) {
    match level {
        Level::Good => ("ok", GOOD),
        Level::Advice => ("note", ADVICE),
        Level::Unknown => ("not seen", DIM),
        Level::Wrong => ("WRONG", WRONG),
    }
}

/// A finding in a few lines, each indented by two spaces.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    let (sign, style) = mark(finding.level);
    let mut text = String::new();
    let about = &finding.object;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {}: {about}: {}", paint(style, sign), finding.what);
    if !finding.why.is_empty() {
        let _ = writeln!(text, "    why: {}", finding.why);
    }
    for remedy in &finding.remedies {
        let (typed, note) = parted(remedy);
        let _ = writeln!(text, "    do:  {typed}");
        // An interactive zsh takes a comment behind a command for its arguments.
        if let Some(note) = note {
            let _ = writeln!(text, "         {}", paint(DIM, &format!("({note})")));
        }
    }
    text
}
