//! The table of values in the chart's README, made from `values.yaml` and its comments: one
//! place to write them. `make chart-readme` writes it, and a test fails when it is old.

use std::fmt::Write as _;

/// The table is between these lines.
const BEGIN: &str = "<!-- The table below is made from values.yaml by make chart-readme. -->";
const END: &str = "<!-- Here it ends. -->";

/// A value, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// From the top, joined by dots.
    pub path: String,
    /// As it is written there; empty for a group, and for one that is only named in a comment.
    pub default: String,
    /// The comment above it.
    pub meaning: String,
}

/// Reads `values.yaml`: mappings of two spaces each, lists in one line, comments above what they
/// are about.
#[must_use]
pub fn rows(values: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in values.lines() {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 2;
        if let Some(said) = text.strip_prefix("# ") {
            match key(said).filter(|(_, value)| is_number(value)) {
                // A value that has no default, with an example.
                Some((name, example)) => {
                    path.truncate(depth);
                    let said = std::mem::take(&mut comment).join(" ");
                    let meaning = format!("{said} For example {example}.");
                    rows.push(row(&path, name, "", meaning.trim_start().to_owned()));
                }
                None => comment.push(said),
            }
        } else if let Some((name, value)) = key(text) {
            path.truncate(depth);
            rows.push(row(&path, name, value, comment.join(" ")));
            comment.clear();
            path.push(name);
        } else {
            comment.clear();
        }
    }
    // A group of which nothing is said is told by its members.
    rows.retain(|row| !(row.default.is_empty() && row.meaning.is_empty()));
    rows
}

fn row(path: &[&str], name: &str, default: &str, meaning: String) -> Row {
    Row {
        path: [path, &[name]].concat().join("."),
        default: default.to_owned(),
        meaning,
    }
}

/// `name: value`, of a name as values have them.
fn key(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let is_name = name
        .chars()
        .all(|it| it.is_ascii_alphanumeric() || it == '_');
    let is_apart = value.is_empty() || value.starts_with(' ');
    (is_name && is_apart && !name.is_empty()).then(|| (name, value.trim()))
}

fn is_number(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|it| it.is_ascii_digit())
}

/// The table, in Markdown.
#[must_use]
pub fn table(values: &str) -> String {
    let mut table = String::from("| value | default | meaning |\n|---|---|---|\n");
    for row in rows(values) {
        let default = match row.default.as_str() {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let meaning = row.meaning.replace('|', "\\|");
        writeln!(table, "| `{}` | {default} | {meaning} |", row.path)
            .expect("writing to a String cannot fail");
    }
    table
}

/// The page with the table of these values; `None` where it has no place for it.
#[must_use]
pub fn with_table(page: &str, values: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}{END}{after}", table(values)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = "\
# All of it.
image:
  repository: plenum
  # Left empty: the chart's
  # appVersion.
  tag: \"\"

labels: {}

service:
  port: 443
  # nodePort: 30444
  # In seconds.
  # patience: 3
  annotations: {}
";

    fn row(path: &str, default: &str, meaning: &str) -> Row {
        Row {
            path: path.to_owned(),
            default: default.to_owned(),
            meaning: meaning.to_owned(),
        }
    }

    #[test]
    fn groups_values_and_their_comments_are_read() {
        assert_eq!(
            rows(VALUES),
            [
                row("image", "", "All of it."),
                row("image.repository", "plenum", ""),
                row("image.tag", "\"\"", "Left empty: the chart's appVersion."),
                row("labels", "{}", ""),
                row("service.port", "443", ""),
                row("service.nodePort", "", "For example 30444."),
                row("service.patience", "", "In seconds. For example 3."),
                row("service.annotations", "{}", ""),
            ]
        );
    }

    #[test]
    fn the_table_takes_the_place_of_the_last_one() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = with_table(&page, "a: 1\n").unwrap();
        assert_eq!(
            new,
            format!(
                "before\n{BEGIN}\n| value | default | meaning |\n|---|---|---|\n| `a` | `1` |  |\n{END}\nafter\n"
            )
        );
        assert_eq!(with_table(&new, "a: 1\n").as_deref(), Some(new.as_str()));
        assert_eq!(with_table("no place", "a: 1\n"), None);
    }
}
