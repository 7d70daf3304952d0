//! The findings for a person and for a program.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use plenum_client::connect::RouteKind;
use plenum_wire::{Kind, Rung};
use serde::Serialize;

use super::advice::{Opening, advice, openings};
use super::findings::{Finding, Findings, Health, Subject};
use crate::join::words;

/// What `--output json` prints.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    schema: &'static str,
    joinable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteKind>,
    media: &'a BTreeMap<Kind, Rung>,
    findings: &'a [Finding],
    ports: Vec<Opening>,
    advice: Vec<String>,
}

impl<'a> Report<'a> {
    /// Everything.
    pub fn new(findings: &'a Findings) -> Self {
        let zone = findings.zone.as_ref();
        Self {
            schema: "plenum.doctor/1",
            joinable: findings.joined,
            zone: zone.map(|(zone, _)| zone.as_str()),
            route: zone.map(|(_, route)| *route),
            media: &findings.media,
            findings: &findings.all,
            ports: openings(findings),
            advice: advice(findings),
        }
    }
}

/// One line, as soon as it is known.
pub fn line(finding: &Finding) -> String {
    let mut line = format!(
        "{:<8} {:<12} {}",
        health(finding.health),
        subject(finding.subject),
        finding.at
    );
    if let Some(rung) = finding.rung {
        let _ = write!(line, " by {rung}");
    }
    if let Some(route) = finding.route.filter(|route| *route != RouteKind::Direct) {
        let _ = write!(line, " ({})", words(route));
    }
    if !finding.says.is_empty() {
        let _ = write!(line, ": {}", finding.says);
    }
    if let Some(took) = finding.took_ms {
        let _ = write!(line, " [{took} ms]");
    }
    line
}

/// What follows the lines.
pub struct Summary<'a>(pub &'a Findings);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = self.0;
        writeln!(f)?;
        match (&findings.zone, findings.joined) {
            (Some((zone, route)), true) => {
                writeln!(
                    f,
                    "A meeting can be joined from here: zone {zone}, {}.",
                    words(*route)
                )?;
            }
            _ => writeln!(f, "No meeting could be joined from here.")?,
        }
        for (kind, rung) in &findings.media {
            writeln!(f, "  {kind} takes {rung}")?;
        }
        let advice = advice(findings);
        if !advice.is_empty() {
            writeln!(f, "\nWhat to do:")?;
            for line in &advice {
                writeln!(f, "  - {line}")?;
            }
        }
        writeln!(f, "\nPorts that Plenum uses, from this network:")?;
        for opening in openings(findings) {
            let Opening {
                port,
                to,
                why,
                open,
            } = opening;
            let open = match open {
                Some(true) => "open",
                Some(false) => "blocked",
                None => "not tried",
            };
            writeln!(f, "  {port:<10} to {to:<22} {open:<10} {why}")?;
        }
        Ok(())
    }
}

const fn health(health: Health) -> &'static str {
    match health {
        Health::Works => "works",
        Health::Odd => "look",
        Health::Blocked => "blocked",
        Health::Untried => "untried",
    }
}

const fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Proxy => "proxy",
        Subject::Name => "name",
        Subject::Port => "port",
        Subject::Certificate => "certificate",
        Subject::Portal => "sign-in",
        Subject::Clock => "clock",
        Subject::Lookup => "lookup",
        Subject::Test => "test",
        Subject::Tunnel => "tunnel",
        Subject::Join => "join",
        Subject::Rung => "media",
        Subject::PacketSize => "packet size",
    }
}

#[cfg(test)]
mod tests;
