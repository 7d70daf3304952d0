//! What makes an object's spec exactly ours, where applying is refused: a field of somebody else
//! may exclude one of ours, such as `minAvailable` beside `maxUnavailable` or a second source of
//! a volume, and server-side apply leaves fields of others there.

use serde_json::{Map, Value, json};

/// A merge patch (RFC 7396) that takes out of `current`'s spec what `desired` does not state. The
/// API server fills its defaults in again. It meets only the object that was read; `None` for one
/// that has other owners, of which nothing is ours to take.
#[must_use]
pub fn exactly(current: &Value, desired: &Value) -> Option<Value> {
    let metadata = &current["metadata"];
    let ours = &desired["metadata"]["ownerReferences"];
    (ours.is_array() && owners(metadata) == owners(&desired["metadata"])).then(|| {
        json!({
            "metadata": { "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"] },
            "spec": difference(&current["spec"], &desired["spec"]),
        })
    })
}

fn owners(metadata: &Value) -> Vec<&Value> {
    let all = metadata["ownerReferences"].as_array();
    all.into_iter()
        .flatten()
        .map(|owner| &owner["uid"])
        .collect()
}

fn difference(current: &Value, desired: &Value) -> Value {
    let (Value::Object(current), Value::Object(desired)) = (current, desired) else {
        return desired.clone();
    };
    let unstated = current.keys().filter(|key| !desired.contains_key(*key));
    let mut patch: Map<String, Value> = unstated.map(|key| (key.clone(), Value::Null)).collect();
    let nothing = Value::Null;
    patch.extend(desired.iter().map(|(key, wanted)| {
        let found = current.get(key).unwrap_or(&nothing);
        (key.clone(), difference(found, wanted))
    }));
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_goes_and_lists_are_ours() {
        let current = json!({
            "metadata": {"name": "b", "uid": "u", "resourceVersion": "7", "ownerReferences": [{"uid": "z"}]},
            "spec": {
                "minAvailable": 1,
                "selector": {"matchLabels": {"a": "b"}, "matchExpressions": []},
                "ports": [{"port": 1}, {"port": 2}],
            },
        });
        let desired = json!({
            "metadata": {"name": "b", "ownerReferences": [{"uid": "z"}]},
            "spec": {
                "maxUnavailable": 1,
                "selector": {"matchLabels": {"a": "b"}},
                "ports": [{"port": 1}],
            },
        });
        let patch = json!({
            "metadata": {"uid": "u", "resourceVersion": "7"},
            "spec": {
                "minAvailable": null,
                "maxUnavailable": 1,
                "selector": {"matchLabels": {"a": "b"}, "matchExpressions": null},
                "ports": [{"port": 1}],
            },
        });
        assert_eq!(exactly(&current, &desired), Some(patch));
        for owners in [json!(null), json!([{"uid": "y"}])] {
            let mut current = current.clone();
            current["metadata"]["ownerReferences"] = owners;
            assert_eq!(exactly(&current, &desired), None, "it is somebody else's");
        }
    }
}
