//! For people: tables, colours and lengths of time.
//!
//! Everything is written with colours; [`anstream`] takes them off where the output is no
//! terminal or `NO_COLOR` is set.

mod findings;
mod table;

use anstyle::{AnsiColor, Style};

pub use findings::{finding, mark};
pub use table::Table;

/// What is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is to be known.
pub const ADVICE: Style = AnsiColor::Yellow.on_default();
/// What is wrong.
pub const WRONG: Style = AnsiColor::Red.on_default().bold();
/// What could not be seen, and what is beside the point.
pub const DIM: Style = Style::new().dimmed();
/// Headings.
pub const BOLD: Style = Style::new().bold();

/// The text in a style.
#[must_use]
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A length of time in seconds as `kubectl` writes ages: the two largest units.
#[must_use]
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => with(minutes, "m", seconds % 60, "s"),
        600..7_200 => format!("{minutes}m"),
        7_200..36_000 => with(hours, "h", minutes % 60, "m"),
        36_000..172_800 => format!("{hours}h"),
        172_800..691_200 => with(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

fn with(large: i64, unit: &str, small: i64, smaller: &str) -> String {
    match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{smaller}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units_at_most() {
        let cases = [
            (-5, "0s"),
            (119, "119s"),
            (120, "2m"),
            (135, "2m15s"),
            (3_700, "61m"),
            (7_260, "2h1m"),
            (90_000, "25h"),
            (180_000, "2d2h"),
            (90 * 86_400, "90d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn colours_can_be_taken_off() {
        let painted = paint(WRONG, "no");
        assert_ne!(painted, "no");
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), "no");
    }
}
