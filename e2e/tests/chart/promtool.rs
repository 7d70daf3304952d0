//! Each alert fires when it should, and is quiet when it should, by Prometheus's own test of
//! rules.

use std::collections::BTreeSet;
use std::process::Command;

use plenum_e2e::{Layout, Tools};

use crate::monitoring::files;
use crate::render::{read, sources};

const FILES: [&str; 3] = ["operator", "zones", "directory"];

fn promtool(arguments: &[&str]) -> String {
    let layout = Layout::from_environment().expect("a cache directory");
    let promtool = Tools::prometheus(&layout)
        .expect("promtool")
        .join("promtool");
    let output = Command::new(promtool)
        .args(arguments)
        .current_dir(sources().join("e2e/tests/chart/alerts"))
        .output()
        .expect("promtool starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}

#[test]
#[ignore = "needs promtool: make test-monitoring"]
fn prometheus_takes_the_rules() {
    for file in FILES {
        let rules = format!("../../../../charts/plenum/files/alerts/{file}.yaml");
        promtool(&["check", "rules", "--lint=all", "--lint-fatal", &rules]);
    }
}

/// As rules that would record them, which is how promtool reads expressions.
#[test]
#[ignore = "needs promtool: make test-monitoring"]
fn panels_ask_what_prometheus_understands() {
    let mut rules = Vec::new();
    for (_, text) in files("files/dashboards", "json") {
        let board: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for panel in board["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().expect("targets") {
                let expression = target["expr"].as_str().expect("an expression");
                let asked = ["$namespace", "$zone", "$pool"]
                    .iter()
                    .fold(expression.to_owned(), |text, name| text.replace(name, ".*"));
                let record = format!("plenum:panel_{}", rules.len());
                rules.push(serde_json::json!({ "record": record, "expr": asked }));
            }
        }
    }
    assert!(rules.len() > 60, "only {} expressions", rules.len());
    let group = serde_json::json!({ "groups": [{ "name": "panels", "rules": rules }] });
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), group.to_string()).expect("a file that can be written");
    let file = file.path().to_str().expect("a path in UTF-8");
    promtool(&["check", "rules", "--lint=none", file]);
}

#[test]
#[ignore = "needs promtool: make test-monitoring"]
fn alerts_fire_when_they_should_and_not_before() {
    for file in FILES {
        promtool(&["test", "rules", &format!("{file}.yaml")]);
    }
}

#[test]
fn each_alert_has_a_time_at_which_it_fires_and_one_at_which_it_does_not() {
    for file in FILES {
        let rules = read(sources().join(format!("charts/plenum/files/alerts/{file}.yaml")));
        let tests = read(sources().join(format!("e2e/tests/chart/alerts/{file}.yaml")));
        let tests: serde_yaml::Value = serde_yaml::from_str(&tests).expect("YAML");
        let (mut firing, mut quiet) = (BTreeSet::new(), BTreeSet::new());
        for test in tests["tests"].as_sequence().expect("tests") {
            for look in test["alert_rule_test"].as_sequence().expect("looks") {
                let name = look["alertname"].as_str().expect("a name").to_owned();
                let expected = look["exp_alerts"].as_sequence();
                let fires = expected.is_some_and(|alerts| !alerts.is_empty());
                if fires { &mut firing } else { &mut quiet }.insert(name);
            }
        }
        let alerts: BTreeSet<String> = rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- alert: "))
            .map(str::to_owned)
            .collect();
        assert_eq!(firing, alerts, "{file}: fire in a test");
        assert_eq!(quiet, alerts, "{file}: are quiet in a test");
    }
}
