//! Whether an object that was read already says everything that we would apply.
//!
//! The API server adds defaults and others add fields, so equality is the wrong question.
//! `covers` asks whether every field that we state is there with our value. Lists that the
//! API merges by key (containers, ports, ...) may hold entries of others; all other lists
//! must be exactly ours. A field that we stopped stating shows in the hash annotation,
//! which is one of the fields compared.

use serde_json::Value;

/// Whether `current` has every field of `desired` with its value.
#[must_use]
pub fn covers(current: &Value, desired: &Value) -> bool {
    covers_at(current, desired, "")
}

fn covers_at(current: &Value, desired: &Value, field: &str) -> bool {
    match (current, desired) {
        (Value::Object(current), Value::Object(desired)) => desired.iter().all(|(key, wanted)| {
            // Resource quantities come back in another spelling ("1000m" as "1").
            let quantities = matches!(field, "limits" | "requests" | "hard" | "allocatable");
            match current.get(key) {
                Some(found) if quantities => same_quantity(found, wanted),
                Some(found) => covers_at(found, wanted, key),
                None => is_empty(wanted),
            }
        }),
        (Value::Array(current), Value::Array(desired)) => match merge_keys(field, desired) {
            Some(keys) => desired.iter().all(|wanted| {
                current
                    .iter()
                    .filter(|found| keys.iter().all(|key| found.get(key) == wanted.get(key)))
                    .any(|found| covers_at(found, wanted, ""))
            }),
            None if field == "finalizers" => desired.iter().all(|f| current.contains(f)),
            None => {
                current.len() == desired.len()
                    && current
                        .iter()
                        .zip(desired)
                        .all(|(found, wanted)| covers_at(found, wanted, ""))
            }
        },
        (found, wanted) => found == wanted,
    }
}

/// The keys by which the API merges the list `field` (`x-kubernetes-list-map-keys`), of
/// those lists that we write. Only keys that we state can be compared.
fn merge_keys(field: &str, desired: &[Value]) -> Option<Vec<&'static str>> {
    let keys: &[&'static str] = match field {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" => &["name"],
        "volumeMounts" => &["mountPath"],
        "ports" => &["containerPort", "port", "protocol"],
        "ownerReferences" => &["uid"],
        "conditions" => &["type"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        _ => return None,
    };
    let stated: Vec<_> = keys
        .iter()
        .copied()
        .filter(|key| desired.iter().all(|entry| entry.get(key).is_some()))
        .collect();
    (!stated.is_empty()).then_some(stated)
}

/// An empty list or object that we state is dropped by the API server.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        other => other.is_null(),
    }
}

fn same_quantity(found: &Value, wanted: &Value) -> bool {
    let number = |v: &Value| match v {
        Value::String(text) => quantity(text),
        Value::Number(n) => n.as_f64(),
        _ => None,
    };
    match (number(found), number(wanted)) {
        (Some(found), Some(wanted)) => (found - wanted).abs() <= wanted.abs() * 1e-12,
        _ => found == wanted,
    }
}

/// The value of a Kubernetes quantity.
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 15] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let (digits, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|d| (d, *factor)))
        .unwrap_or((text, 1.0));
    digits.parse::<f64>().ok().map(|value| value * factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::covers;

    #[test]
    fn defaults_and_fields_of_others_are_not_our_business() {
        let desired = json!({"spec": {"containers": [{"name": "a", "image": "x"}]}});
        let current = json!({"spec": {"dnsPolicy": "ClusterFirst", "containers": [
            {"name": "injected", "image": "y"},
            {"name": "a", "image": "x", "imagePullPolicy": "Always"},
        ]}});
        assert!(covers(&current, &desired));
    }

    #[test]
    fn a_changed_or_removed_field_of_ours_shows() {
        let desired = json!({"spec": {"containers": [{"name": "a", "image": "x"}], "n": 1}});
        for current in [
            json!({"spec": {"containers": [{"name": "a", "image": "z"}], "n": 1}}),
            json!({"spec": {"containers": [{"name": "b", "image": "x"}], "n": 1}}),
            json!({"spec": {"containers": [{"name": "a", "image": "x"}]}}),
            json!({}),
        ] {
            assert!(!covers(&current, &desired), "{current}");
        }
    }

    #[test]
    fn a_list_without_keys_must_be_exactly_ours() {
        let desired = json!({"args": ["a", "b"]});
        assert!(covers(&json!({"args": ["a", "b"]}), &desired));
        assert!(!covers(&json!({"args": ["a", "b", "c"]}), &desired));
        assert!(!covers(&json!({"args": ["b", "a"]}), &desired));
    }

    #[test]
    fn quantities_are_numbers_not_texts() {
        let desired = json!({"requests": {"cpu": "1000m", "memory": "1024Mi"}});
        assert!(covers(
            &json!({"requests": {"cpu": "1", "memory": "1Gi"}}),
            &desired
        ));
        assert!(!covers(
            &json!({"requests": {"cpu": "2", "memory": "1Gi"}}),
            &desired
        ));
    }

    #[test]
    fn ports_of_one_number_are_told_apart_by_protocol() {
        let desired = json!({"ports": [
            {"containerPort": 1, "protocol": "UDP", "name": "u"},
            {"containerPort": 1, "protocol": "TCP", "name": "t"},
        ]});
        assert!(covers(&desired, &desired));
    }

    #[test]
    fn an_empty_list_that_the_server_drops_is_not_written_for_ever() {
        assert!(covers(
            &json!({"spec": {}}),
            &json!({"spec": {"tolerations": []}})
        ));
    }
}
