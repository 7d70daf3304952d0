//! Columns as `kubectl` writes them: three spaces between, headings in capitals.

use std::fmt;

use anstyle::Style;

use super::DIM;

/// A table. Cells hold ASCII, as names and numbers are.
#[derive(Debug, Clone)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<(String, Style)>>,
}

impl Table {
    /// With these columns.
    #[must_use]
    pub fn new(headings: &[&'static str]) -> Self {
        Self {
            headings: headings.to_vec(),
            rows: Vec::new(),
        }
    }

    /// One more row; each cell in its style.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (String, Style)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// One more row without colours.
    pub fn plain(&mut self, cells: impl IntoIterator<Item = String>) {
        self.row(cells.into_iter().map(|cell| (cell, Style::new())));
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|(text, _)| text.chars().count()).max();
            widest.unwrap_or(0).max(self.headings[column].len())
        };
        (0..self.headings.len()).map(width).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let headings = self.headings.iter().map(|it| ((*it).to_owned(), DIM));
        line(f, &headings.collect::<Vec<_>>(), &widths)?;
        self.rows.iter().try_for_each(|row| line(f, row, &widths))
    }
}

/// No spaces at the end of a line.
fn line(f: &mut fmt::Formatter<'_>, cells: &[(String, Style)], widths: &[usize]) -> fmt::Result {
    let last = cells.len().saturating_sub(1);
    for (column, ((text, style), width)) in cells.iter().zip(widths).enumerate() {
        write!(f, "{style}{text}{style:#}")?;
        if column < last {
            let gap = width.saturating_sub(text.chars().count()) + 3;
            write!(f, "{:gap$}", "")?;
        }
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "PEOPLE"]);
        table.plain(["a".to_owned(), "12".to_owned()]);
        table.plain(["longer-name".to_owned(), "3".to_owned()]);
        let text = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(
            text,
            "NAME          PEOPLE\na             12\nlonger-name   3\n"
        );
    }
}
