//! What happened to a world, a line each with its time, for whoever looks for a cause.

use std::collections::VecDeque;
use std::fmt::Display;

/// Lines that are kept.
const LINES: usize = 600;

/// The last of them.
#[derive(Debug, Default)]
pub struct Journal(VecDeque<String>);

impl Journal {
    /// It happened now.
    pub fn note(&mut self, what: impl Display) {
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        let now = jiff::Timestamp::now().strftime("%F %T%.3f");
        self.0.push_back(format!("{now} {what}"));
    }

    /// All lines, the oldest first. Those of two journals sort by their times.
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay() {
        let mut journal = Journal::default();
        for line in 0..LINES + 2 {
            journal.note(format_args!("line {line}"));
        }
        let lines = journal.lines();
        assert_eq!(lines.len(), LINES);
        assert!(lines[0].ends_with("line 2"), "{}", lines[0]);
    }
}
