//! The report for people.

use std::fmt::{self, Write as _};

use anstyle::Style;

use super::{Part, Pool, Remaining, Report, Router, State, Zone};
use crate::render::{ADVICE, BOLD, DIM, GOOD, Table, WRONG, finding, paint, span};

/// Worth a colour.
const SOON_DAYS: i64 = 14;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, zone) in self.zones.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{zone}")?;
        }
        for trouble in &self.not_seen {
            let text = format!("not seen: {}", trouble.what);
            writeln!(f, "\n{}\n  do: {}", paint(DIM, &text), trouble.remedy)?;
        }
        Ok(())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("Zone {}/{}", self.namespace, self.name);
        let (word, style) = match (self.ready, self.deleting) {
            (_, true) => ("being deleted", ADVICE),
            (true, _) => ("ready", GOOD),
            (false, _) => ("NOT READY", WRONG),
        };
        let paused = if self.paused { ", paused" } else { "" };
        writeln!(f, "{}: {}{paused}", paint(BOLD, &title), paint(style, word))?;
        let people = self.participants;
        writeln!(f, "  people       {} of {}", people.in_use, people.capacity)?;
        writeln!(
            f,
            "  reached at   {}",
            self.url.as_deref().unwrap_or("nowhere yet")
        )?;
        if let Some(url) = &self.tunnel_url {
            writeln!(f, "  tunnels at   {url}")?;
        }
        let controllers = part("controllers", &self.controllers);
        write!(f, "{controllers}{}", part("tunnels", &self.tunnels))?;
        for pool in &self.pools {
            write!(f, "\n{pool}")?;
        }
        write!(f, "{}", certificates(&self.certificates))?;
        if self.problems.is_empty() {
            return writeln!(f, "\n{}", paint(GOOD, "No problems."));
        }
        writeln!(f, "\n{}", paint(BOLD, "Problems"))?;
        let mut findings = self.problems.iter().map(finding);
        findings.try_for_each(|it| write!(f, "{it}"))
    }
}

fn part(name: &str, part: &Part) -> String {
    let mut text = String::new();
    if part.desired == 0 && part.pods.is_empty() {
        return text;
    }
    let style = match part.ready {
        0 => WRONG,
        ready if ready < part.desired => ADVICE,
        _ => GOOD,
    };
    let count = paint(style, &format!("{} of {}", part.ready, part.desired));
    let pods: Vec<String> = part
        .pods
        .iter()
        .map(|pod| {
            let node = pod.node.as_deref().unwrap_or("no node");
            let state = if pod.ready { "" } else { ", not ready" };
            let restarts = match pod.restarts {
                0 => String::new(),
                1 => ", 1 restart".to_owned(),
                times => format!(", {times} restarts"),
            };
            format!("{} ({node}{state}{restarts})", pod.name)
        })
        .collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {name:<12} {count}  {}", pods.join(", "));
    text
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = if self.ready { GOOD } else { WRONG };
        let title = paint(BOLD, &format!("Pool {}", self.name));
        writeln!(
            f,
            "{title}: {}, {}; {} wanted, {} active, {} accepting, {} draining; people {} of {}",
            paint(style, &self.reason),
            self.scaling,
            self.desired,
            self.active,
            self.accepting,
            self.draining,
            self.participants.in_use,
            self.participants.capacity
        )?;
        if self.routers.is_empty() {
            return writeln!(f, "  no routers");
        }
        let mut table = Table::new(&["  NODE", "STATE", "PEOPLE", "ROOM", "MEETINGS", "DRAINING"]);
        for router in &self.routers {
            table.row(row(router));
        }
        write!(f, "{table}")
    }
}

fn row(router: &Router) -> [(String, Style); 6] {
    let plain = Style::new();
    let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let node = router.node.as_deref().unwrap_or("(none yet)");
    let style = match router.state {
        State::Accepting => GOOD,
        State::Lost => WRONG,
        _ => ADVICE,
    };
    let drain = match (&router.draining, router.drain_requested) {
        (Some(drain), _) => {
            let since = drain.seconds.map_or_else(|| drain.since.clone(), span);
            format!("{since}, {}", drain.reason)
        }
        (None, true) => "requested".to_owned(),
        (None, false) => String::new(),
    };
    [
        (format!("  {node}"), plain),
        (router.state.as_str().to_owned(), style),
        (number(router.participants), plain),
        (number(router.room), plain),
        (number(router.meetings), plain),
        (drain, plain),
    ]
}

fn certificates(all: &[Remaining]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["  CERTIFICATE", "OF", "REMAINING"]);
    for it in all {
        let (text, style) = match it.remaining_seconds {
            None => ("cannot be read".to_owned(), WRONG),
            Some(left) if left <= 0 => (format!("ran out {} ago", span(-left)), WRONG),
            Some(left) if left < SOON_DAYS * 86_400 => (span(left), ADVICE),
            Some(left) => (span(left), GOOD),
        };
        let plain = Style::new();
        table.row([
            (format!("  {}", it.secret), plain),
            (it.purpose.to_owned(), plain),
            (text, style),
        ]);
    }
    format!("\n{}\n{table}", paint(BOLD, "Certificates"))
}
