//! For tests: whether the metrics that a process exports are those that docs/observability.md
//! lists. Users build alerts and dashboards on them, so they are an interface.
//!
//! A test lets every metric of a registry count something once, then calls [`check`]:
//!
//! ```no_run
//! # use plenum_documented::check;
//! # let registry = prometheus_client::registry::Registry::default();
//! check("Routers", &registry);
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// The page that lists all metrics, a section for each kind of process.
const PAGE: &str = include_str!("../../../docs/observability.md");

/// One metric, as Prometheus sees it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Metric {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

/// Panics, with the table that should be there, unless the section `### title` of the page lists
/// exactly what `registry` exports: names, kinds, labels and meanings.
///
/// Panics as well where a metric has no sample: its kind and labels cannot be seen then.
pub fn check(title: &str, registry: &Registry) {
    let mut page = String::new();
    encode(&mut page, registry).expect("writing to a String cannot fail");
    let metrics = exported(&page);
    let silent = without_samples(&format!("{registry:?}"), &metrics);
    assert!(
        silent.is_empty(),
        "let the test count something of {silent:?}"
    );
    let wanted = table(&metrics);
    let there = section(PAGE, title);
    assert!(
        there == wanted,
        "docs/observability.md, section \"{title}\", should hold\n\n{wanted}\ninstead of\n\n{there}"
    );
}

/// Panics unless everything in the answer of a process to `GET /metrics` is on the page: what a
/// process exports is put together in several places, each of which [`check`]s its own part alone.
pub fn check_process(answer: &str) {
    let metrics = exported(answer);
    assert!(!metrics.is_empty(), "there are no metrics in\n{answer}");
    let missing = missing(PAGE, &metrics);
    assert!(
        missing.is_empty(),
        "docs/observability.md should list\n\n{}",
        table(&missing)
    );
}

/// Those that are in no table of the page.
fn missing(page: &str, metrics: &BTreeMap<String, Metric>) -> BTreeMap<String, Metric> {
    let listed = |(name, metric): &(&String, &Metric)| page.contains(&beginning(name, metric));
    let missing = metrics.iter().filter(|it| !listed(it));
    missing
        .map(|(name, metric)| (name.clone(), metric.clone()))
        .collect()
}

/// Reads the `OpenMetrics` text format, as far as ours goes.
fn exported(page: &str) -> BTreeMap<String, Metric> {
    let mut metrics = BTreeMap::<String, Metric>::new();
    for line in page.lines() {
        if let Some(about) = line.strip_prefix("# ") {
            let mut words = about.splitn(3, ' ');
            let (what, name, text) = (words.next(), words.next(), words.next());
            if let (Some(what), Some(name), Some(text)) = (what, name, text) {
                let metric = metrics.entry(name.to_owned()).or_default();
                match what {
                    "TYPE" => text.clone_into(&mut metric.kind),
                    "HELP" => text.trim_end_matches('.').clone_into(&mut metric.help),
                    _ => {}
                }
            }
        } else if let Some((name, rest)) = line.split_once('{') {
            let series = rest.split_once('}').map_or(rest, |(labels, _)| labels);
            let owner = metrics
                .iter_mut()
                .filter(|(metric, _)| name.starts_with(metric.as_str()))
                .max_by_key(|(metric, _)| metric.len());
            if let Some((_, metric)) = owner {
                metric.labels.extend(label_names(series));
            }
        }
    }
    metrics
}

/// The names of `a="x",b="y"`; values of ours hold no quotes. `le` is part of a histogram.
fn label_names(series: &str) -> impl Iterator<Item = String> {
    series
        .split("\",")
        .filter_map(|pair| pair.split_once("=\""))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "le")
}

/// What was registered and does not appear, by the registry's own description of itself.
fn without_samples(registry: &str, metrics: &BTreeMap<String, Metric>) -> Vec<String> {
    registry
        .split("Descriptor { name: \"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name)
        .filter(|name| {
            let ends = |metric: &String| {
                let bare = metric.strip_suffix("_seconds").unwrap_or(metric);
                [metric.as_str(), bare]
                    .iter()
                    .any(|full| *full == *name || full.ends_with(&format!("_{name}")))
            };
            !metrics.keys().any(ends)
        })
        .map(str::to_owned)
        .collect()
}

fn table(metrics: &BTreeMap<String, Metric>) -> String {
    let mut table = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for (name, metric) in metrics {
        let labels: Vec<String> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
        let (beginning, labels) = (beginning(name, metric), labels.join(", "));
        writeln!(table, "{beginning} {labels} | {} |", metric.help)
            .expect("writing to a String cannot fail");
    }
    table
}

/// A line of a table, up to what varies with what was counted.
fn beginning(name: &str, Metric { kind, .. }: &Metric) -> String {
    let total = if kind == "counter" { "_total" } else { "" };
    format!("| `{name}{total}` | {kind} |")
}

/// The table of a section.
fn section(page: &str, title: &str) -> String {
    let heading = format!("### {title}");
    page.lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with('|'))
        .fold(String::new(), |table, line| table + line + "\n")
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::EncodeLabelSet;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::registry::Unit;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
    struct ByDoor {
        door: &'static str,
    }

    fn registry() -> (Registry, Family<ByDoor, Counter>) {
        let mut registry = Registry::default();
        let opened = Family::<ByDoor, Counter>::default();
        let ours = registry.sub_registry_with_prefix("ours");
        ours.register("opened", "Doors opened", opened.clone());
        ours.register_with_unit("lag", "How late", Unit::Seconds, Gauge::<i64>::default());
        (registry, opened)
    }

    fn metrics(registry: &Registry) -> BTreeMap<String, Metric> {
        let mut page = String::new();
        encode(&mut page, registry).unwrap();
        exported(&page)
    }

    #[test]
    fn kinds_labels_and_meanings_are_read() {
        let (registry, opened) = registry();
        opened.get_or_create(&ByDoor { door: "front" }).inc();
        let table = table(&metrics(&registry));
        assert!(
            table.contains("| `ours_opened_total` | counter | `door` | Doors opened |"),
            "{table}"
        );
        assert!(
            table.contains("| `ours_lag_seconds` | gauge |  | How late |"),
            "{table}"
        );
    }

    #[test]
    fn one_that_never_counted_is_named() {
        let (registry, opened) = registry();
        let described = format!("{registry:?}");
        assert_eq!(without_samples(&described, &metrics(&registry)), ["opened"]);
        opened.get_or_create(&ByDoor { door: "front" }).inc();
        assert!(without_samples(&described, &metrics(&registry)).is_empty());
    }

    #[test]
    fn what_is_on_no_page_is_named() {
        let (registry, _) = registry();
        let page = "| `ours_opened_total` | counter | `door` | Doors opened |\n";
        let missing = missing(page, &metrics(&registry));
        assert_eq!(missing.keys().collect::<Vec<_>>(), ["ours_lag_seconds"]);
    }

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let page = "### One\ntext\n| a |\n| b |\n### Two\n| c |\n";
        assert_eq!(section(page, "One"), "| a |\n| b |\n");
        assert_eq!(section(page, "Three"), "");
    }

    #[test]
    #[should_panic(expected = "should hold")]
    fn a_metric_that_is_not_listed_is_a_failure() {
        let (registry, opened) = registry();
        opened.get_or_create(&ByDoor { door: "front" }).inc();
        check("Routers", &registry);
    }
}
