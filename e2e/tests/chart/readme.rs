//! The chart's own pages.

use plenum_e2e::chart::readme::{rows, with_table};
use serde_yaml::Value;

use crate::render::{chart, read};

#[test]
fn the_readme_lists_the_values_as_they_are() {
    let page = read(chart().join("README.md"));
    let values = read(chart().join("values.yaml"));
    let wanted = with_table(&page, &values).expect("a place for the table in README.md");
    assert!(page == wanted, "README.md is old: run make chart-readme");
}

/// Every value is one that the schema names, so that each has a type, and its misspellings are
/// refused.
#[test]
fn the_schema_names_every_value() {
    let schema: Value = serde_yaml::from_str(&read(chart().join("values.schema.json")))
        .expect("JSON, which is YAML");
    let values = read(chart().join("values.yaml"));
    let known = rows(&values);
    assert!(known.len() > 60, "only {} values were read", known.len());
    for row in known {
        let mut node = &schema;
        for step in row.path.split('.') {
            node = resolved(&schema, node);
            let next = node
                .get("properties")
                .and_then(|properties| properties.get(step))
                .or_else(|| {
                    node.get("additionalProperties")
                        .filter(|it| it.is_mapping())
                });
            node = next.unwrap_or_else(|| panic!("the schema does not name {}", row.path));
        }
    }
}

fn resolved<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    match node.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let name = reference.trim_start_matches("#/$defs/");
            &schema["$defs"][name]
        }
        None => node,
    }
}

#[test]
fn artifact_hub_finds_what_it_shows() {
    let about: Value = serde_yaml::from_str(&read(chart().join("Chart.yaml"))).expect("YAML");
    for field in [
        "description",
        "icon",
        "kubeVersion",
        "keywords",
        "maintainers",
        "appVersion",
    ] {
        assert!(!about[field].is_null(), "Chart.yaml lacks {field}");
    }
    let annotations = &about["annotations"];
    for name in [
        "category",
        "license",
        "operator",
        "crds",
        "crdsExamples",
        "changes",
        "images",
        "prerelease",
    ] {
        let name = format!("artifacthub.io/{name}");
        assert!(annotations[name.as_str()].is_string(), "no {name}");
    }
    // Lists in lists are given as text there.
    let list = |name: &str| -> Vec<Value> {
        let text = annotations[name].as_str().expect("text");
        serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let values: Value = serde_yaml::from_str(&read(chart().join("values.yaml"))).expect("YAML");
    let repository = values["image"]["repository"].as_str().expect("a name");
    let version = about["appVersion"].as_str().expect("a version");
    let image = format!("{repository}:{version}");
    let images = list("artifacthub.io/images");
    assert!(images.iter().all(|it| it["image"] == image.as_str()));
    for change in list("artifacthub.io/changes") {
        let kind = change["kind"].as_str().expect("a kind");
        let known = [
            "added",
            "changed",
            "deprecated",
            "removed",
            "fixed",
            "security",
        ];
        assert!(known.contains(&kind), "{kind}");
        assert!(change["description"].is_string(), "{change:?}");
    }
    let kinds: Vec<Value> = list("artifacthub.io/crds")
        .into_iter()
        .map(|one| one["kind"].clone())
        .collect();
    let examples: Vec<Value> = list("artifacthub.io/crdsExamples")
        .into_iter()
        .map(|one| one["kind"].clone())
        .collect();
    assert_eq!(kinds, ["MeetingZone", "MMRPool"]);
    assert_eq!(examples, kinds);
}
