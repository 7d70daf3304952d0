//! What is wrong with an installation, in the order in which it comes to be: the first thing
//! that is wrong is often why the rest is.
//!
//! Pure: from a [`Snapshot`] to findings. What could not be looked at is a finding too, as
//! nobody should take silence for health.

mod addresses;
mod autoscaled;
mod budgets;
mod certificates;
mod chart;
mod conditions;
mod definitions;
mod deployment;
mod directory;
mod kept_off;
mod namespaces;
mod near_miss;
mod nodes;
mod operator;
mod pods;
mod pools;
mod refusals;
mod refused;
mod render;
mod rights;
mod versions;
mod warnings;
mod zones;

use plenum_crds::MeetingZone;
use serde::Serialize;

use crate::finding::{Finding, Level};
use crate::snapshot::{Snapshot, namespace_of};

pub use rights::{Wanted, wanted};

/// The shape of [`Report`] as JSON.
pub const SCHEMA: &str = "kubectl-plenum.doctor/1";

/// What all checks came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Everything was looked at, and nothing is wrong.
    pub healthy: bool,
    /// In order.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Its name, for programs.
    pub name: &'static str,
    /// What holds when it is good.
    pub title: &'static str,
    /// The worst of its findings; good without any.
    pub result: Level,
    /// The worst first.
    pub findings: Vec<Finding>,
}

type Judge = fn(&Snapshot) -> Vec<Finding>;

const CHECKS: [(&str, &str, Judge); 12] = [
    (
        "definitions",
        "the resource definitions are installed, and of this version",
        definitions::check,
    ),
    (
        "operator",
        "the operator runs, and one replica leads",
        operator::check,
    ),
    (
        "rights",
        "the operator may do what it has to",
        rights::check,
    ),
    (
        "directory",
        "a directory of the chart runs, where there is one",
        directory::check,
    ),
    (
        "namespaces",
        "the namespaces of zones allow routers",
        namespaces::check,
    ),
    ("zones", "the zones are ready", zones::check),
    (
        "certificates",
        "certificates are valid, and for a while yet",
        certificates::check,
    ),
    (
        "pools",
        "the pools have the nodes and routers they want",
        pools::check,
    ),
    ("pods", "the pods of zones run", pods::check),
    (
        "nodes",
        "nodes with routers are alive, and drains end in time",
        nodes::check,
    ),
    (
        "budgets",
        "disruption budgets protect controllers, and block no node",
        budgets::check,
    ),
    ("versions", "versions fit together", versions::check),
];

/// All checks.
#[must_use]
pub fn diagnose(snapshot: &Snapshot) -> Report {
    let checks = CHECKS.map(|(name, title, judge)| {
        let findings = sorted(judge(snapshot));
        let worst = findings.iter().map(|finding| finding.level).max();
        Check {
            name,
            title,
            result: worst.unwrap_or(Level::Good),
            findings,
        }
    });
    Report {
        schema: SCHEMA,
        healthy: checks.iter().all(|check| check.result <= Level::Advice),
        checks: checks.into(),
    }
}

/// What is to be said about one zone: its own state, and that of everything it needs.
#[must_use]
pub fn of_zone(snapshot: &Snapshot, zone: &MeetingZone) -> Vec<Finding> {
    let mut findings = zones::of(snapshot, zone);
    findings.extend(namespaces::of(snapshot, namespace_of(zone)));
    findings.extend(certificates::of(snapshot, zone));
    for pool in snapshot.pools_of(zone) {
        findings.extend(pools::of(snapshot, pool));
        findings.extend(nodes::of(snapshot, pool));
    }
    findings.extend(pods::of(snapshot, zone));
    sorted(findings)
}

fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings
}

/// A few names of a long list.
fn some_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [a] => (*a).to_owned(),
        [a, b] => format!("{a} and {b}"),
        [a, b, c] => format!("{a}, {b} and {c}"),
        [a, b, rest @ ..] => format!("{a}, {b} and {} more", rest.len()),
    }
}
