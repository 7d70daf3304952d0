//! Mutations of a resource, from the schema that its definition carries.

use serde_json::{Value, json};

/// A field of a spec, and another value for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutation {
    /// Its path below `spec`.
    pub path: Vec<String>,
    /// What it gets; null takes it out.
    pub value: Value,
}

impl Mutation {
    /// As a merge patch of the whole object.
    pub fn patch(&self) -> Value {
        let nested = |inner: Value, key: &String| json!({ key: inner });
        let spec = self.path.iter().rev().fold(self.value.clone(), nested);
        json!({ "spec": spec })
    }
}

/// Values for every field of a definition's spec, good ones and bad ones.
pub fn mutations(definition: &Value) -> Vec<Mutation> {
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut all = Vec::new();
    fields(&schema["properties"]["spec"], &mut Vec::new(), &mut all);
    all
}

fn fields(schema: &Value, path: &mut Vec<String>, all: &mut Vec<Mutation>) {
    let within = schema["properties"].as_object().into_iter().flatten();
    for (name, field) in within {
        path.push(name.clone());
        for value in values(field) {
            all.push(Mutation {
                path: path.clone(),
                value,
            });
        }
        fields(field, path, all);
        path.pop();
    }
}

fn values(schema: &Value) -> Vec<Value> {
    let mut all = match schema["type"].as_str() {
        Some("integer") => integers(schema),
        Some("string") => strings(schema),
        Some("boolean") => vec![json!(true), json!(false)],
        Some("array") => vec![json!([]), json!([{}]), json!(["x"])],
        Some("object") if schema["properties"].is_object() => vec![json!({})],
        Some("object") => vec![json!({}), json!({"a": "b"}), json!({"a": "b c!"})],
        _ => vec![json!(1), json!("x")],
    };
    all.push(Value::Null);
    all.push(json!(["of another type"]));
    all
}

fn integers(schema: &Value) -> Vec<Value> {
    let bound = |key: &str| schema[key].as_i64();
    let near = |it: i64| [it - 1, it, it + 1];
    let bounds = [bound("minimum"), bound("maximum")].into_iter().flatten();
    let mut all: Vec<Value> = bounds.flat_map(near).map(Value::from).collect();
    all.extend([json!(3), json!("three"), json!(2.5)]);
    all
}

fn strings(schema: &Value) -> Vec<Value> {
    let mut all = schema["enum"].as_array().cloned().unwrap_or_default();
    let longest = schema["maxLength"].as_u64().unwrap_or(300).min(5_000);
    let too_long = "x".repeat(usize::try_from(longest).unwrap_or(300) + 1);
    all.extend(["", "other", "two words", "Ünïcode", &too_long].map(Value::from));
    all.push(json!(7));
    all
}

#[cfg(test)]
mod tests {
    use plenum_crds::yaml::definitions;

    use super::*;

    #[test]
    fn every_field_of_both_resources_gets_other_values() {
        let definitions = definitions();
        let all: Vec<Vec<Mutation>> = definitions.iter().map(mutations).collect();
        let has = |index: usize, path: &[&str]| {
            let path: Vec<String> = path.iter().map(|&part| part.to_owned()).collect();
            all[index].iter().filter(|it| it.path == path).count() >= 3
        };
        assert!(has(0, &["controllers", "replicas"]) && has(0, &["drainDeadlineSeconds"]));
        assert!(has(1, &["minRouters"]) && has(1, &["nodeSelector"]) && has(1, &["image"]));
    }

    #[test]
    fn a_mutation_is_a_patch_of_its_field_alone() {
        let mutation = Mutation {
            path: vec!["controllers".into(), "replicas".into()],
            value: json!(3),
        };
        let patch = mutation.patch();
        assert_eq!(patch, json!({"spec": {"controllers": {"replicas": 3}}}));
    }
}
