//! The part of structural schemas that our CRDs use. A keyword that is not known here fails the
//! test, so that nothing passes unseen.

use serde_json::{Map, Value};

/// Keywords that say nothing about which values are allowed, or that `cel` looks at.
const SILENT: &[&str] = &[
    "default",
    "description",
    "format",
    "title",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "x-kubernetes-validations",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-int-or-string",
];

/// What the API server drops before it looks: null where the schema is not nullable.
pub fn pruned_of_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), pruned_of_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Every violation, in the words of the API server. What it checks of every object, the metadata
/// and the kind, is not our schema's.
pub fn violations(schema: &Value, object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (field, schema) in schema["properties"].as_object().unwrap() {
        match object.get(field) {
            Some(value) => check(field, schema, value, &mut found),
            None if field == "spec" => found.push("spec: Required value".into()),
            None => {}
        }
    }
    found
}

fn check(path: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    let keywords = schema.as_object().expect("a schema is an object");
    for (keyword, rule) in keywords {
        if let Some(violation) = keyword_violation(path, keyword, rule, value) {
            found.push(violation);
        }
    }
    match value {
        Value::Object(map) => check_object(path, schema, map, found),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check(&format!("{path}[{index}]"), &schema["items"], item, found);
            }
        }
        _ => {}
    }
}

fn check_object(path: &str, schema: &Value, map: &Map<String, Value>, found: &mut Vec<String>) {
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if !map.contains_key(name) {
            found.push(format!("{path}.{name}: Required value"));
        }
    }
    for (key, value) in map {
        let path = format!("{path}.{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) => found.push(format!("unknown field \"{path}\"")),
            (Value::Null, any) => check(&path, any, value, found),
            (property, _) => check(&path, property, value, found),
        }
    }
}

fn keyword_violation(path: &str, keyword: &str, rule: &Value, value: &Value) -> Option<String> {
    let length = || match value {
        Value::String(text) => text.chars().count() as u64,
        Value::Array(items) => items.len() as u64,
        Value::Object(map) => map.len() as u64,
        _ => 0,
    };
    let number = || value.as_f64().unwrap_or_default();
    let bound = || rule.as_f64().unwrap();
    let (broken, says) = match keyword {
        "type" => (
            !is_of_type(value, rule),
            format!("must be of type {}", text(rule)),
        ),
        "enum" => (
            !rule.as_array().unwrap().contains(value),
            format!(
                "Unsupported value: {value}: supported values: {}",
                listed(rule)
            ),
        ),
        "minimum" => (
            value.is_number() && number() < bound(),
            format!("should be greater than or equal to {rule}"),
        ),
        "maximum" => (
            value.is_number() && number() > bound(),
            format!("should be less than or equal to {rule}"),
        ),
        "minLength" => (
            value.is_string() && length() < rule.as_u64().unwrap(),
            format!("should be at least {rule} chars long"),
        ),
        "maxLength" => (length() > rule.as_u64().unwrap(), "Too long".into()),
        "maxItems" | "maxProperties" => (length() > rule.as_u64().unwrap(), "Too many".into()),
        "pattern" => (
            value.as_str().is_some_and(|value| !matches(rule, value)),
            format!("should match '{}'", text(rule)),
        ),
        "x-kubernetes-list-type" => (rule == "set" && repeats(value), "Duplicate value".into()),
        known if SILENT.contains(&known) => return None,
        unknown => panic!("teach tests/api_server/schema.rs the keyword {unknown}"),
    };
    broken.then(|| format!("{path}: {says}"))
}

fn text(rule: &Value) -> &str {
    rule.as_str().expect("the rule is a word")
}

fn listed(values: &Value) -> String {
    let values: Vec<String> = values
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    values.join(", ")
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match text(name) {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        unknown => panic!("a schema of ours has the type {unknown}"),
    }
}

fn repeats(list: &Value) -> bool {
    let items = list.as_array().expect("a set is a list");
    items
        .iter()
        .enumerate()
        .any(|(index, item)| items[..index].contains(item))
}

/// By the regular expressions of CEL, which are those of Go, as the API server's are.
fn matches(pattern: &Value, value: &str) -> bool {
    let rule = serde_json::json!({
        "type": "string",
        "x-kubernetes-validations": [{ "rule": format!("self.matches({pattern})") }],
    });
    kube::core::cel::Validator::new()
        .validate(&rule, &value.into(), None)
        .is_ok()
}
