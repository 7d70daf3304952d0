//! Alerts, dashboards and pages fit together. Which metrics there are is in docs/observability.md,
//! and each program's own tests hold that page to its registries.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

use crate::render::{Object, chart, read, render, sources, try_render};

/// Labels that Prometheus or the monitors of the chart put on every series.
const TARGET: [&str; 5] = ["namespace", "zone", "pool", "pod", "le"];

struct Metric {
    kind: String,
    labels: BTreeSet<String>,
}

/// The metrics that the page lists, by name.
fn documented() -> BTreeMap<String, Metric> {
    let page = read(sources().join("docs/observability.md"));
    let metrics: BTreeMap<String, Metric> = page.lines().filter_map(metric).collect();
    assert!(metrics.len() > 50, "only {} are listed", metrics.len());
    metrics
}

/// ``| `name` | kind | `label`, `label` | meaning |``
fn metric(line: &str) -> Option<(String, Metric)> {
    let mut cells = line.strip_prefix("| `")?.split(" | ");
    let name = cells.next()?.strip_suffix('`')?.to_owned();
    let kind = cells.next()?.to_owned();
    let labels = cells.next()?.split(", ");
    let labels = labels.map(|label| label.trim_matches('`').to_owned());
    let is_metric = ["counter", "gauge", "histogram"].contains(&kind.as_str());
    is_metric.then(|| {
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (name, Metric { kind, labels })
    })
}

/// The series that an expression asks for, each with the labels in its braces.
fn series(expression: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest
        .find("plenum_")
        .into_iter()
        .chain(rest.find("process_"))
        .min()
    {
        rest = &rest[start..];
        let end = rest
            .find(|it: char| !it.is_ascii_alphanumeric() && it != '_')
            .unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let braces = rest.strip_prefix('{').and_then(|it| it.split_once('}'));
        let matchers = braces.map_or("", |(inside, _)| inside);
        found.push((name, matcher_labels(matchers)));
    }
    found
}

/// The names in `a="x",b=~"y|z"`.
fn matcher_labels(matchers: &str) -> Vec<String> {
    let mut names = Vec::new();
    // Between an even number of quotes is what is outside of them.
    for (index, outside) in matchers.split('"').enumerate() {
        let name = outside.trim_matches([',', ' ', '=', '~', '!']);
        if index % 2 == 0 && !name.is_empty() {
            names.push(name.to_owned());
        }
    }
    names
}

/// Panics unless every series of the expression can be there.
fn check(place: &str, expression: &str, metrics: &BTreeMap<String, Metric>) {
    let asked = series(expression);
    assert!(
        !asked.is_empty(),
        "{place} asks for no metric: {expression}"
    );
    for (name, labels) in asked {
        let metric =
            exported(&name, metrics).unwrap_or_else(|| panic!("{place}: nobody exports {name}"));
        for label in labels {
            assert!(
                metric.labels.contains(&label) || TARGET.contains(&label.as_str()),
                "{place}: {name} has no label {label}"
            );
        }
    }
    for function in ["rate(", "increase("] {
        for argument in expression.split(function).skip(1) {
            let name = argument.split(['{', '[', ')']).next().unwrap_or_default();
            let counts = exported(name, metrics).is_none_or(|it| it.kind != "gauge");
            assert!(counts, "{place}: {name} does not only grow");
        }
    }
}

/// The metric that a series belongs to; a histogram has several.
fn exported<'a>(name: &str, metrics: &'a BTreeMap<String, Metric>) -> Option<&'a Metric> {
    let part_of = ["_bucket", "_count", "_sum"]
        .iter()
        .filter_map(|part| name.strip_suffix(part))
        .find_map(|base| metrics.get(base).filter(|it| it.kind == "histogram"));
    metrics.get(name).or(part_of)
}

/// Path and text of the files in a folder of the chart.
pub fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let folder = chart().join(folder);
    let mut files: Vec<(String, String)> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .map(|path| (path.display().to_string(), read(&path)))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// All alerts, with the file of each.
fn alerts() -> Vec<(String, Value)> {
    let mut alerts = Vec::new();
    for (file, text) in files("files/alerts", "yaml") {
        let rules: Value = serde_yaml::from_str(&text).expect("YAML");
        for group in rules["groups"].as_sequence().expect("groups") {
            let rules = group["rules"].as_sequence().expect("rules");
            alerts.extend(rules.iter().map(|rule| (file.clone(), rule.clone())));
        }
    }
    alerts
}

#[test]
fn alerts_ask_for_metrics_that_are_exported() {
    let metrics = documented();
    for (file, alert) in alerts() {
        let name = alert["alert"].as_str().expect("a name");
        let expression = alert["expr"].as_str().expect("an expression");
        check(&format!("{file}: {name}"), expression, &metrics);
    }
}

#[test]
fn alerts_say_how_bad_it_is_and_where_to_read_on() {
    let mut pages = BTreeSet::new();
    let list = read(sources().join("docs/observability.md"));
    for (file, alert) in alerts() {
        let name = alert["alert"].as_str().expect("a name");
        let severity = alert["labels"]["severity"].as_str().unwrap_or_default();
        assert!(
            ["critical", "warning"].contains(&severity),
            "{file}: {name}"
        );
        for needed in ["summary", "description"] {
            assert!(alert["annotations"][needed].is_string(), "{name}: {needed}");
        }
        assert!(alert["for"].is_string(), "{name} is not patient");
        let page = format!("docs/runbooks/{name}.md");
        let link = alert["annotations"]["runbook_url"].as_str();
        assert_eq!(link, Some(page.as_str()), "{name}");
        let text = read(sources().join(&page));
        for heading in ["## What it means", "## How to look", "## What to do"] {
            assert!(text.contains(heading), "{page} lacks {heading:?}");
        }
        let said = format!("Severity: {severity}.");
        assert!(text.contains(&said), "{page} does not say {said:?}");
        let link = format!("[{name}](runbooks/{name}.md)");
        assert!(list.contains(&link), "observability.md lacks {link}");
        assert!(pages.insert(format!("{name}.md")), "{name} is there twice");
    }
    let folder = sources().join("docs/runbooks");
    for entry in std::fs::read_dir(folder).expect("the runbooks") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("UTF-8");
        assert!(pages.contains(name), "{name} is of no alert");
    }
}

#[test]
fn runbooks_link_to_pages_that_are_there() {
    let folder = sources().join("docs/runbooks");
    for entry in std::fs::read_dir(&folder).expect("the runbooks") {
        let path = entry.expect("an entry").path();
        for link in links(&read(&path)) {
            let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let page = read(folder.join(target));
            let found = anchor.is_empty() || page.lines().any(|line| is_heading(line, anchor));
            assert!(found, "{}: {link}", path.display());
        }
    }
}

/// The targets of Markdown links.
fn links(page: &str) -> Vec<String> {
    page.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.to_owned())
        .collect()
}

/// As GitHub makes anchors: in lower case, without punctuation, spaces as hyphens.
fn is_heading(line: &str, anchor: &str) -> bool {
    let Some(heading) = line.strip_prefix('#') else {
        return false;
    };
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|it| it.is_alphanumeric() || [' ', '-', '_'].contains(it));
    let made: String = kept.map(|it| if it == ' ' { '-' } else { it }).collect();
    made == anchor
}

#[test]
fn dashboards_ask_for_metrics_that_are_exported() {
    let metrics = documented();
    let mut uids = BTreeSet::new();
    for (file, text) in files("files/dashboards", "json") {
        let board: Value = serde_yaml::from_str(&text).expect("JSON, which is YAML");
        let title = board["title"].as_str().expect("a title");
        assert!(title.ends_with('?'), "{file}: {title} is no question");
        let uid = board["uid"].as_str().expect("a uid").to_owned();
        assert!(uids.insert(uid), "{file}: its uid is another's");
        for panel in board["panels"].as_sequence().expect("panels") {
            let place = format!("{file}: {}", panel["title"].as_str().expect("a title"));
            let said = panel["description"].as_str().unwrap_or_default();
            assert!(!said.is_empty(), "{place} says nothing about itself");
            for target in panel["targets"].as_sequence().expect("targets") {
                let expression = target["expr"].as_str().expect("an expression");
                check(&place, expression, &metrics);
            }
        }
        let variables = board["templating"]["list"].as_sequence();
        for variable in variables.expect("variables") {
            let query = variable["query"].as_str().expect("a query");
            if query.contains("plenum_") {
                check(&format!("{file}: its variables"), query, &metrics);
            }
        }
    }
    assert_eq!(uids.len(), 5);
}

#[test]
fn panels_do_not_lie_on_each_other() {
    for (file, text) in files("files/dashboards", "json") {
        let board: Value = serde_yaml::from_str(&text).expect("JSON, which is YAML");
        let mut taken = BTreeSet::new();
        for panel in board["panels"].as_sequence().expect("panels") {
            let [x, y, w, h] =
                ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().expect("a number"));
            assert!(x + w <= 24, "{file}: {panel:?} is too wide");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{file}: two panels at {cell:?}");
            }
        }
    }
}

fn one<'a>(objects: &'a [Object], kind: &str) -> &'a Object {
    let mut found = objects.iter().filter(|object| object.text("kind") == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    first
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn the_chart_carries_all_alerts_with_links_to_their_pages() {
    let objects = render("everything");
    let rule = one(&objects, "PrometheusRule");
    let groups = rule.at("spec.groups").as_sequence().expect("groups");
    let rendered: Vec<&Value> = groups
        .iter()
        .flat_map(|group| group["rules"].as_sequence().expect("rules"))
        .collect();
    let alerts = alerts();
    assert_eq!(rendered.len(), alerts.len());
    for (_, alert) in &alerts {
        let name = &alert["alert"];
        let there = rendered
            .iter()
            .find(|rule| rule["alert"] == *name)
            .unwrap_or_else(|| panic!("{name:?} is not rendered"));
        assert_eq!(there["expr"], alert["expr"]);
        assert_eq!(
            there["annotations"]["summary"],
            alert["annotations"]["summary"]
        );
        let url = there["annotations"]["runbook_url"]
            .as_str()
            .expect("a link");
        let name = name.as_str().expect("a name");
        assert_eq!(
            url,
            format!("https://runbooks.example.org/plenum/{name}.md")
        );
    }
}

/// Those of the only `PrometheusRule`.
fn rendered_alerts(settings: &str) -> Vec<Value> {
    let settings = format!("prometheusRule.enabled=true{settings}");
    let objects = try_render(&chart(), &["--set", &settings]).expect("good values");
    let groups = one(&objects, "PrometheusRule").at("spec.groups").clone();
    let groups = groups.as_sequence().expect("groups").clone();
    let rules = groups
        .iter()
        .map(|group| group["rules"].as_sequence().expect("rules"));
    rules.flatten().cloned().collect()
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn an_alert_links_to_no_page_unless_it_is_known_where_pages_are() {
    // The second as values of a former chart have it.
    for settings in ["", ",prometheusRule.runbookBase=docs/runbooks"] {
        for alert in rendered_alerts(settings) {
            let name = alert["alert"].as_str().expect("a name");
            let notes = &alert["annotations"];
            assert!(notes["runbook_url"].is_null(), "{name} {settings}");
            let page = format!("docs/runbooks/{name}.md");
            assert_eq!(notes["runbook"].as_str(), Some(page.as_str()));
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn dashboards_come_through_as_they_are() {
    let objects = render("everything");
    let maps = objects
        .iter()
        .filter(|object| object.text("kind") == "ConfigMap");
    let mut rendered: Vec<String> = Vec::new();
    for map in maps {
        assert_eq!(
            map.labels().get("grafana_dashboard").map(String::as_str),
            Some("1")
        );
        assert_eq!(
            map.at("metadata.annotations.grafana_folder").as_str(),
            Some("Plenum")
        );
        for text in map.at("data").as_mapping().expect("data").values() {
            rendered.push(text.as_str().expect("text").trim_end().to_owned());
        }
    }
    rendered.sort();
    let mut files: Vec<String> = files("files/dashboards", "json")
        .into_iter()
        .map(|(_, text)| text.trim_end().to_owned())
        .collect();
    files.sort();
    assert_eq!(rendered, files);
}

#[test]
fn series_and_labels_are_found_in_expressions() {
    let expression =
        r#"sum by (zone) (rate(plenum_a_total{zone=~"x|y{1}",kind!="b"}[5m])) / process_cpu"#;
    // A brace within quotes would end it early; ours have none, and the name is found anyway.
    let found = series(expression);
    assert_eq!(found[0].0, "plenum_a_total");
    assert_eq!(found[0].1[0], "zone");
    assert_eq!(found[1].0, "process_cpu");
    assert_eq!(matcher_labels(r#"a="1",b=~"c,d",e!="f""#), ["a", "b", "e"]);
}
