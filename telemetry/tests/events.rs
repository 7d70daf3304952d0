//! The events of the servers are those that docs/observability.md lists: people search logs and
//! raise alarms by their names.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use plenum_telemetry::name;

/// The sources of what runs as a service, and what is called so in the table.
const SOURCES: [(&str, &str); 8] = [
    ("operator/src", "operator"),
    ("dataplane/directory/src", "directory"),
    ("dataplane/plenum/src/directory", "directory"),
    ("dataplane/plenum/src/zc", "zone controller"),
    ("dataplane/plenum/src/mmr", "router"),
    ("dataplane/plenum/src/ht", "tunnel"),
    ("dataplane/tunnel/src", "tunnel"),
    ("dataplane/transport/src", "all"),
];
/// Files beside those folders.
const FILES: [(&str, &str); 7] = [
    ("dataplane/plenum/src/zc.rs", "zone controller"),
    ("dataplane/plenum/src/mmr.rs", "router"),
    ("dataplane/plenum/src/ht.rs", "tunnel"),
    ("dataplane/plenum/src/directory.rs", "directory"),
    ("dataplane/plenum/src/controllers.rs", "router, tunnel"),
    ("dataplane/plenum/src/health.rs", "all"),
    ("telemetry/src/stop.rs", "all"),
];
const LEVELS: [&str; 3] = ["error", "warn", "info"];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_page_lists_the_events() {
    let wanted = table(&events());
    let page = fs::read_to_string(sources().join("docs/observability.md")).unwrap();
    let there = page
        .lines()
        .skip_while(|line| *line != "## Events")
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with('|'))
        .fold(String::new(), |table, line| table + line + "\n");
    assert!(
        there == wanted,
        "docs/observability.md, section \"Events\", should hold\n\n{wanted}"
    );
}

/// Event, level, who, message.
type Row = (String, &'static str, &'static str, String);

fn events() -> BTreeSet<Row> {
    let mut files: Vec<(PathBuf, &str)> = FILES
        .iter()
        .map(|(file, who)| (sources().join(file), *who))
        .collect();
    for (folder, who) in SOURCES {
        let mut found = Vec::new();
        walk(&sources().join(folder), &mut found);
        files.extend(found.into_iter().map(|file| (file, who)));
    }
    let mut rows = BTreeSet::new();
    for (file, who) in files {
        let text = fs::read_to_string(&file).unwrap();
        for (level, arguments) in calls(without_tests(&text)) {
            let message = message(&arguments)
                .unwrap_or_else(|| panic!("{}: no message in {arguments}", file.display()));
            assert!(
                !message.contains('{'),
                "{}: what varies belongs into a field: {message}",
                file.display()
            );
            rows.insert((name(&message), level, who, message));
        }
    }
    assert!(rows.len() > 40, "only {} events were found", rows.len());
    rows
}

/// The text up to a module of tests that is in it; one that is in another file is only named.
fn without_tests(text: &str) -> &str {
    let mut tests = text.match_indices("#[cfg(test)]\nmod ");
    let inline = tests.find(|(at, _)| {
        let named = text[*at..].lines().nth(1);
        named.is_some_and(|line| line.ends_with('{'))
    });
    inline.map_or(text, |(at, _)| &text[..at])
}

fn table(rows: &BTreeSet<Row>) -> String {
    let mut table = String::from("| event | level | of | message |\n|---|---|---|---|\n");
    for (event, level, who, message) in rows {
        writeln!(table, "| `{event}` | {level} | {who} | {message} |").unwrap();
    }
    table
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            walk(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") && !name.contains("tests") {
            found.push(path);
        }
    }
}

/// The calls of the macros of `tracing`, each with what is between its parentheses.
fn calls(code: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for level in LEVELS {
        let mut rest = code;
        while let Some((_, after)) = rest.split_once(&format!("tracing::{level}!(")) {
            found.push((level, parts(after).concat()));
            rest = after;
        }
    }
    found
}

/// The text up to the parenthesis that closes, cut at its outermost commas, which are kept.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for it in text.chars() {
        let part = parts.last_mut().expect("there is one from the start on");
        if quoted {
            part.push(it);
            quoted = escaped || it != '"';
            escaped = it == '\\' && !escaped;
            continue;
        }
        match it {
            ')' if depth == 0 => break,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '"' => quoted = true,
            ',' if depth == 0 => {
                part.push(it);
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        part.push(it);
    }
    parts
}

/// The last argument that is a string and nothing else.
fn message(arguments: &str) -> Option<String> {
    parts(arguments).into_iter().rev().find_map(|part| {
        let part = part.trim().trim_end_matches(',').trim();
        let inner = part.strip_prefix('"')?.strip_suffix('"')?;
        // A line that goes on in the next one.
        Some(inner.split("\\\n").map(str::trim_start).collect())
    })
}

#[test]
fn calls_and_their_messages_are_found() {
    let code = r#"tracing::info!(zone = %format!("{a}, b)"), ok, "it \"is\" so, now"); tracing::warn!("x")"#;
    let found = calls(code);
    assert_eq!(found.len(), 2);
    let messages: Vec<Option<String>> = found.iter().map(|(_, it)| message(it)).collect();
    assert_eq!(messages[0].as_deref(), Some("x"));
    assert_eq!(messages[1].as_deref(), Some("it \\\"is\\\" so, now"));
}
