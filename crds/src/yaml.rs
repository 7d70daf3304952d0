//! The CRDs as they stand in `charts/plenum/crds`.

use std::path::{Path, PathBuf};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value};

use crate::{MMRPool, MeetingZone};

const HEADER: &str = "# Made from crds/src by `make crds`. Edit there.\n";

/// One file of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it lies, from the root of the checkout.
    pub path: PathBuf,
    /// What it should hold.
    pub text: String,
}

/// Every CRD, as the API server should get it.
#[must_use]
pub fn definitions() -> Vec<Value> {
    [MeetingZone::crd(), MMRPool::crd()]
        .iter()
        .map(definition)
        .collect()
}

/// Every file of the chart that is made from this crate.
#[must_use]
pub fn files() -> Vec<File> {
    let chart = Path::new("charts/plenum/crds");
    definitions()
        .iter()
        .map(|crd| {
            let name = crd["spec"]["names"]["plural"].as_str().unwrap_or_default();
            let yaml = serde_yaml::to_string(crd).expect("a CRD is plain data");
            File {
                path: chart.join(format!("{name}.yaml")),
                text: format!("{HEADER}{yaml}"),
            }
        })
        .collect()
}

fn definition(crd: &CustomResourceDefinition) -> Value {
    let mut value = serde_json::to_value(crd).expect("a CRD is plain data");
    simplify(&mut value);
    value
}

/// Makes what schemars says what Kubernetes means.
fn simplify(value: &mut Value) {
    match value {
        Value::Object(map) => {
            simplify_schema(map);
            map.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Number(number) => {
            // Bounds of integers come as `1.0`.
            if let Some(whole) = number.as_f64().and_then(whole) {
                *value = whole.into();
            }
        }
        _ => {}
    }
}

fn simplify_schema(schema: &mut Map<String, Value>) {
    // Kubernetes knows only the formats of signed integers, and warns of others.
    let unsigned = |format: &str| format.starts_with("uint");
    if schema
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(unsigned)
    {
        schema.insert("format".into(), "int32".into());
    }
    // Without `nullable` the API server prunes a null, so that null means left out everywhere;
    // with it the rules would see the null.
    if schema.get("nullable").is_some_and(Value::is_boolean) {
        schema.remove("nullable");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = plain(text);
    }
}

/// A comment without the marks of Rust's documentation, one line a paragraph: `kubectl explain`
/// shows the marks as they are and wraps lines itself.
fn plain(comment: &str) -> String {
    let paragraphs: Vec<String> = comment
        .replace("[`", "")
        .replace("`]", "")
        .replace('`', "")
        .split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " "))
        .collect();
    paragraphs.join("\n\n")
}

/// The integer that this number is, below 2^53, where every integer has its own float.
fn whole(number: f64) -> Option<i64> {
    format!("{number:.0}")
        .parse()
        .ok()
        .filter(|whole: &i64| whole.unsigned_abs() < 1 << 53 && number.fract() == 0.0)
}
