//! What was measured beside what it should be.

use std::process::ExitCode;

/// One figure.
pub struct Row {
    what: &'static str,
    measured: String,
    aim: String,
    holds: bool,
}

impl Row {
    /// It should not be less. What could not be measured is no number, and misses its aim.
    pub fn at_least(what: &'static str, measured: f64, aim: f64, unit: &str) -> Self {
        Self {
            what,
            measured: format!("{measured:.0}{unit}"),
            aim: format!(">= {aim}{unit}"),
            holds: measured >= aim,
        }
    }

    /// It should not be more. As [`Row::at_least`] otherwise.
    pub fn at_most(what: &'static str, measured: f64, aim: f64, unit: &str) -> Self {
        Self {
            what,
            measured: format!("{measured:.1}{unit}"),
            aim: format!("<= {aim}{unit}"),
            holds: measured <= aim,
        }
    }

    pub const fn holds(&self) -> bool {
        self.holds
    }
}

/// Prints the table; a failure where an aim is missed.
pub fn verdict(rows: &[Row]) -> ExitCode {
    println!("\n  {:44} {:>12} {:>12}", "", "measured", "aim");
    for row in rows {
        let missed = if row.holds() { "" } else { "  missed" };
        println!(
            "  {:44} {:>12} {:>12}{missed}",
            row.what, row.measured, row.aim
        );
    }
    if rows.iter().all(Row::holds) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
