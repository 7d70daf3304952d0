//! Mutations of a resource, from the schema that its definition carries: of every field, of the
//! items of lists and of the values of maps.

use serde_json::{Map, Value, json};

/// A field of a spec, and another value for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutation {
    /// Its place below `spec`, such as `schedule[].cron` and `nodeSelector{}`.
    pub path: String,
    /// What is merged into `spec`; null takes a field out.
    pub change: Value,
}

impl Mutation {
    /// As a merge patch of the whole object.
    pub fn patch(&self) -> Value {
        json!({ "spec": self.change })
    }

    /// The innermost name in its path, and that of what it is a part of: of two things that do not go
    /// together a sentence may name the whole.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.path.rsplit('.').take(2);
        named.map(|it| it.trim_end_matches(['[', ']', '{', '}']))
    }
}

/// Values for every field of a definition's spec, good ones and bad ones.
pub fn mutations(definition: &Value) -> Vec<Mutation> {
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let of_fields = fields(&schema["properties"]["spec"]).into_iter();
    let named = |(path, change): (String, Value)| {
        let path = path.trim_start_matches('.').to_owned();
        Mutation { path, change }
    };
    of_fields.map(named).collect()
}

/// Other values for what has this schema, and with which part of it another one.
fn others(schema: &Value) -> Vec<(String, Value)> {
    let whole = values(schema).into_iter();
    let mut all: Vec<(String, Value)> = whole.map(|value| (String::new(), value)).collect();
    for (path, change) in fields(schema) {
        all.push((path, merged(sample("", schema), change)));
    }
    if schema["items"].is_object() {
        // A merge patch replaces lists as a whole.
        let items = others(&schema["items"]).into_iter();
        all.extend(items.map(|(path, item)| (format!("[]{path}"), json!([item]))));
    }
    let of_map = &schema["additionalProperties"];
    if of_map.is_object() {
        // Other resources would not be those of a container.
        let quantity = of_map["x-kubernetes-int-or-string"] == true;
        let key = if quantity { "cpu" } else { "key" };
        let values = others(of_map).into_iter();
        all.extend(values.map(|(path, value)| (format!("{{}}{path}"), json!({ key: value }))));
    }
    all
}

/// A change of each field of an object, by itself.
fn fields(schema: &Value) -> Vec<(String, Value)> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let others = fields.flat_map(|(name, field)| {
        let others = others(field).into_iter();
        others.map(move |(path, value)| (format!(".{name}{path}"), json!({ name: value })))
    });
    others.collect()
}

/// The least that such a field may be: an object has what it must have.
fn sample(name: &str, schema: &Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten();
    match schema["type"].as_str() {
        Some("object") => {
            let names = required.filter_map(Value::as_str);
            let fields = names.map(|it| (it.to_owned(), sample(it, &schema["properties"][it])));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Some("integer") => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
        _ if name == "cron" => json!("0 8 * * 1"),
        _ if name == "url" => json!("https://directory.example.org"),
        _ => json!("sample"),
    }
}

/// What must be there, with the change in it.
fn merged(mut base: Value, change: Value) -> Value {
    let (Value::Object(into), Value::Object(change)) = (&mut base, change) else {
        return base;
    };
    into.extend(change);
    base
}

fn values(schema: &Value) -> Vec<Value> {
    let mut all = match schema["type"].as_str() {
        Some("integer") => integers(schema),
        Some("string") => strings(schema),
        Some("boolean") => vec![json!(true), json!(false)],
        Some("array") => vec![json!([]), json!([{}]), json!(["x"])],
        Some("object") if schema["properties"].is_object() => vec![json!({})],
        Some("object") => vec![json!({}), json!({"a": "b"}), json!({"a": "b c!"})],
        // A quantity.
        _ => vec![json!(1), json!("100m"), json!("1Gi"), json!(-1), json!("x")],
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
    use std::collections::BTreeSet;

    use plenum_crds::yaml::definitions;

    use super::*;

    fn of(index: usize) -> Vec<Mutation> {
        mutations(&definitions()[index])
    }

    #[test]
    fn every_field_of_both_resources_gets_other_values() {
        let all = [of(0), of(1)];
        let has =
            |index: usize, path: &str| all[index].iter().filter(|it| it.path == path).count() >= 3;
        assert!(has(0, "controllers.replicas") && has(0, "drainDeadlineSeconds"));
        assert!(has(1, "minRouters") && has(1, "nodeSelector") && has(1, "image"));
    }

    #[test]
    fn so_do_the_fields_of_items_and_the_values_of_maps() {
        let paths: [BTreeSet<String>; 2] =
            [of(0), of(1)].map(|all| all.into_iter().map(|it| it.path).collect());
        for path in [
            "admission.meetings[]",
            "exposure.annotations{}",
            "tunnels.exposure.hostnames[]",
        ] {
            assert!(paths[0].contains(path), "{path} is not in {:?}", paths[0]);
        }
        for path in [
            "schedule[].cron",
            "tolerations[].effect",
            "resources.limits{}",
        ] {
            assert!(paths[1].contains(path), "{path} is not in {:?}", paths[1]);
        }
    }

    #[test]
    fn a_mutation_is_a_patch_of_its_field_alone_with_what_must_be_beside_it() {
        let patches = |index: usize, path: &str| -> Vec<Value> {
            let all = of(index).into_iter().filter(|it| it.path == path);
            all.map(|it| it.patch()).collect()
        };
        let replicas = patches(0, "controllers.replicas");
        assert!(replicas.contains(&json!({"spec": {"controllers": {"replicas": 3}}})));
        let zones = patches(1, "schedule[].timeZone");
        let window = json!({"cron": "0 8 * * 1", "minutes": 1, "timeZone": "other"});
        assert!(
            zones.contains(&json!({"spec": {"schedule": [window]}})),
            "{zones:?}"
        );
        let cpu = patches(1, "resources.limits{}");
        assert!(cpu.contains(&json!({"spec": {"resources": {"limits": {"cpu": "100m"}}}})));
    }

    #[test]
    fn a_field_has_its_own_name_and_that_of_what_it_is_in() {
        let names = |path: &str| -> Vec<String> {
            let (path, change) = (path.to_owned(), Value::Null);
            let mutation = Mutation { path, change };
            mutation.names().map(ToOwned::to_owned).collect()
        };
        assert_eq!(names("minRouters"), ["minRouters"]);
        assert_eq!(names("schedule[].cron"), ["cron", "schedule"]);
        assert_eq!(names("resources.limits{}"), ["limits", "resources"]);
        assert_eq!(names("directory.proxy.noProxy[]"), ["noProxy", "proxy"]);
    }
}
