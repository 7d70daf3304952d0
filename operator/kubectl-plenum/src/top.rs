//! The routers' figures, and how fast they grow between two looks.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anstyle::Style;
use plenum_crds::labels;
use serde::Serialize;

use crate::exposition::Page;
use crate::render::{ADVICE, BOLD, DIM, Table, WRONG, paint};
use crate::snapshot::{Name, Snapshot, label, namespace_of, node_of};

/// The shape of [`Board`] as JSON.
pub const SCHEMA: &str = "kubectl-plenum.top/1";

/// Above this a router's cores, or its CPU limit, are nearly full.
const BUSY: f64 = 0.7;

/// Why packets are dropped that somebody misses: the alert `PlenumRouterDropsPackets` goes by the
/// same. For other reasons meetings drop thousands a second, as nobody is to have them.
pub const LOST: [&str; 4] = [
    "receive_buffer",
    "router_too_slow",
    "between_cores_in",
    "between_cores_out",
];

/// What one look saw: the routers, and what they said.
#[derive(Debug, Clone, Default)]
pub struct Look {
    routers: BTreeMap<Name, (Place, Option<Page>)>,
}

#[derive(Debug, Clone)]
struct Place {
    zone: String,
    pool: String,
    node: String,
}

impl Look {
    /// The routers of the snapshot; only those of one zone, where it is named.
    #[must_use]
    pub fn at(snapshot: &Snapshot, zone: Option<&str>) -> Self {
        let ours = snapshot.pods.iter().filter(|pod| {
            label(*pod, labels::APP_COMPONENT) == Some(labels::COMPONENT_ROUTER)
                && zone.is_none_or(|zone| label(*pod, labels::ZONE) == Some(zone))
        });
        let routers = ours.map(|pod| {
            let word = |key| label(pod, key).unwrap_or_default().to_owned();
            let place = Place {
                zone: format!("{}/{}", namespace_of(pod), word(labels::ZONE)),
                pool: word(labels::POOL),
                node: node_of(pod).unwrap_or("(none yet)").to_owned(),
            };
            let name = Name::of(pod);
            let page = snapshot.figures.get(&name).cloned();
            (name, (place, page))
        });
        Self {
            routers: routers.collect(),
        }
    }
}

/// All routers at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Board {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// By zone, pool and node.
    pub routers: Vec<Row>,
}

/// A router. What could not be asked is `null`; rates are over the time between two looks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// `NAMESPACE/NAME`.
    pub zone: String,
    /// Its pool.
    pub pool: String,
    /// Its node.
    pub node: String,
    /// Its pod.
    pub pod: String,
    /// People on it.
    pub participants: Option<u64>,
    /// People it takes at most.
    pub limit: Option<u64>,
    /// Meetings on it.
    pub meetings: Option<u64>,
    /// Media that comes in, in bits a second.
    pub in_bits_per_second: Option<f64>,
    /// Media that goes out, in bits a second.
    pub out_bits_per_second: Option<f64>,
    /// Packets that go out a second.
    pub out_packets_per_second: Option<f64>,
    /// Packets dropped a second, for whatever reason: most of them, as nobody is to have them.
    pub dropped_packets_per_second: Option<f64>,
    /// Packets lost in the router a second: dropped for one of the reasons [`LOST`].
    pub lost_packets_per_second: Option<f64>,
    /// Cores used.
    pub cpu_cores: Option<f64>,
    /// Share of time in which the busiest media thread works, 0 to 1.
    pub busy_ratio: Option<f64>,
    /// Share of its CPU limit that it uses, 0 to 1; 0 without a limit. Where it is used up the
    /// router is stopped, whatever its node has left.
    pub cpu_limit_used_ratio: Option<f64>,
    /// What it does about too much to do, from 0, nothing, to 3.
    pub overload_step: Option<u64>,
}

/// The board from two looks so far apart.
#[must_use]
pub fn board(before: &Look, now: &Look, apart: Duration) -> Board {
    let mut routers: Vec<Row> = now
        .routers
        .iter()
        .map(|(name, (place, page))| {
            let earlier = before.routers.get(name).and_then(|(_, page)| page.as_ref());
            row(name, place, page.as_ref(), earlier, apart)
        })
        .collect();
    routers.sort_by(|a, b| {
        (&a.zone, &a.pool, &a.node, &a.pod).cmp(&(&b.zone, &b.pool, &b.node, &b.pod))
    });
    Board {
        schema: SCHEMA,
        routers,
    }
}

fn row(
    name: &Name,
    place: &Place,
    page: Option<&Page>,
    earlier: Option<&Page>,
    apart: Duration,
) -> Row {
    let count = |metric: &str| page?.count(metric);
    let growth = |of: &dyn Fn(&Page) -> Option<f64>| {
        let grown = of(page?)? - of(earlier?)?;
        let seconds = apart.as_secs_f64();
        // A router that began anew counts from 0.
        (grown >= 0.0 && seconds > 0.0).then(|| grown / seconds)
    };
    let rate = |metric: &str| growth(&|page| page.sum(metric));
    let dropped = "plenum_packets_dropped_total";
    let bits = |metric: &str| rate(metric).map(|bytes| bytes * 8.0);
    Row {
        zone: place.zone.clone(),
        pool: place.pool.clone(),
        node: place.node.clone(),
        pod: name.name.clone(),
        participants: count("plenum_participants"),
        limit: count("plenum_participants_limit"),
        meetings: count("plenum_meetings"),
        in_bits_per_second: bits("plenum_bytes_in_total"),
        out_bits_per_second: bits("plenum_bytes_out_total"),
        out_packets_per_second: rate("plenum_packets_out_total"),
        dropped_packets_per_second: rate(dropped),
        lost_packets_per_second: growth(&|page| page.sum_of(dropped, "reason", &LOST)),
        cpu_cores: rate("process_cpu_seconds_total"),
        busy_ratio: page.and_then(|page| page.sum("plenum_media_busy_ratio")),
        cpu_limit_used_ratio: page.and_then(|page| page.sum("plenum_cpu_limit_used_ratio")),
        overload_step: count("plenum_overload_step"),
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.routers.is_empty() {
            return writeln!(f, "No routers here. -A looks in all namespaces.");
        }
        let mut table = Table::new(&[
            "ZONE",
            "POOL",
            "NODE",
            "PEOPLE",
            "MEETINGS",
            "IN",
            "OUT",
            "PACKETS/S",
            "LOST/S",
            "CPU",
            "BUSY",
            "LIMIT",
            "OVERLOAD",
        ]);
        for row in &self.routers {
            table.row(cells(row));
        }
        write!(f, "{table}")?;
        let people: u64 = self.routers.iter().filter_map(|it| it.participants).sum();
        let out: f64 = self
            .routers
            .iter()
            .filter_map(|it| it.out_bits_per_second)
            // Nothing added up is -0.
            .fold(0.0, |sum, it| sum + it);
        let silent = self
            .routers
            .iter()
            .filter(|it| it.participants.is_none())
            .count();
        let sum = format!(
            "{} routers, {people} people, {} out",
            self.routers.len(),
            bits(out)
        );
        write!(f, "{}", paint(BOLD, &sum))?;
        if silent > 0 {
            write!(f, "{}", paint(DIM, &format!(", {silent} do not answer")))?;
        }
        writeln!(f)
    }
}

fn cells(row: &Row) -> [(String, Style); 13] {
    let plain = Style::new();
    let unknown = || "?".to_owned();
    let number = |number: Option<f64>| number.map_or_else(unknown, |it| format!("{it:.0}"));
    let people = match (row.participants, row.limit) {
        (Some(there), Some(limit)) => format!("{there}/{limit}"),
        _ => unknown(),
    };
    let full = |ratio: Option<f64>| ratio.unwrap_or_default() > BUSY;
    let percent = |ratio: f64| format!("{:.0}%", ratio * 100.0);
    let of_limit = |ratio: f64| match ratio {
        0.0 => "-".to_owned(),
        ratio => percent(ratio),
    };
    let overload = row.overload_step.unwrap_or_default();
    let loses = row.lost_packets_per_second.unwrap_or_default() >= 1.0;
    let if_so = |so: bool, style: Style| if so { style } else { plain };
    [
        (row.zone.clone(), plain),
        (row.pool.clone(), plain),
        (row.node.clone(), plain),
        (people, plain),
        (
            row.meetings.map_or_else(unknown, |it| it.to_string()),
            plain,
        ),
        (row.in_bits_per_second.map_or_else(unknown, bits), plain),
        (row.out_bits_per_second.map_or_else(unknown, bits), plain),
        (number(row.out_packets_per_second), plain),
        (number(row.lost_packets_per_second), if_so(loses, ADVICE)),
        (
            row.cpu_cores.map_or_else(unknown, |it| format!("{it:.2}")),
            plain,
        ),
        (
            row.busy_ratio.map_or_else(unknown, percent),
            if_so(full(row.busy_ratio), ADVICE),
        ),
        (
            row.cpu_limit_used_ratio.map_or_else(unknown, of_limit),
            if_so(full(row.cpu_limit_used_ratio), ADVICE),
        ),
        (
            row.overload_step.map_or_else(unknown, |it| it.to_string()),
            if_so(overload > 0, WRONG),
        ),
    ]
}

/// With the unit that leaves one to three digits before the point.
fn bits(per_second: f64) -> String {
    let units = [(1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")];
    let unit = units.into_iter().find(|(size, _)| per_second >= *size);
    match unit {
        Some((size, unit)) => format!("{:.1} {unit}", per_second / size),
        None => format!("{per_second:.0} bit/s"),
    }
}
