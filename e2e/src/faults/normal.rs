//! What a world has come to, without what differs from run to run: the form in which two ends
//! are compared.

use std::collections::BTreeMap;

use plenum_crds::labels;
use serde_json::{Map, Value, json};

use super::mirror::{Kind, Mirror, annotation, condition, is_going, is_router, label, node_of};
use super::world::World;

/// Objects by kind and name, and what stands in them.
pub type Normal = BTreeMap<String, Value>;

/// The world as it is.
pub fn of(world: &World) -> Normal {
    world.observer.look(|mirror| from(mirror, &world.name))
}

/// The world called `world`.
pub fn from(mirror: &Mirror, world: &str) -> Normal {
    let mut all = Normal::new();
    for kind in [Kind::Zone, Kind::Pool].into_iter().chain(Kind::CHILDREN) {
        let said = mirror.all(kind).filter(|(_, it)| !is_empty(kind, it));
        for (name, object) in said {
            all.insert(format!("{kind:?} {name}"), object_of(kind, object));
        }
    }
    // Which of equal nodes has a router is chance.
    let mut nodes: Vec<String> = mirror
        .all(Kind::Node)
        .map(|(name, it)| node(name, it, mirror))
        .collect();
    nodes.sort_unstable();
    all.insert("nodes".to_owned(), json!(nodes));
    let text = serde_json::to_string(&all).unwrap_or_default();
    serde_json::from_str(&text.replace(world, "WORLD")).unwrap_or(all)
}

/// A Deployment of placeholders that has none. Once made it stays: the operator may delete no
/// Deployment.
fn is_empty(kind: Kind, object: &Value) -> bool {
    kind == Kind::Deployment
        && label(object, labels::APP_COMPONENT) == Some(labels::COMPONENT_PLACEHOLDER)
        && object["spec"]["replicas"] == 0
}

fn object_of(kind: Kind, object: &Value) -> Value {
    let metadata = &object["metadata"];
    let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let owners: Vec<Value> = owners
        .map(|owner| json!([owner["kind"], owner["name"], owner["controller"]]))
        .collect();
    let mut normal = json!({
        "labels": metadata["labels"],
        "annotations": annotations(object),
        "owners": owners,
        "finalizers": metadata["finalizers"],
        "going": is_going(object),
        "spec": spec(kind, object),
        "conditions": conditions(object),
    });
    if kind == Kind::Secret {
        let data = object["data"].as_object();
        // Signing keys are called by the time of their birth.
        let called = |key: &String| key.replace(|char: char| char.is_ascii_digit(), "");
        let keys: Vec<String> = data.into_iter().flat_map(Map::keys).map(called).collect();
        normal["data"] = json!([object["type"], keys]);
    }
    normal
}

/// Those that say something by themselves: hashes and times follow from the rest.
fn annotations(object: &Value) -> Value {
    const FOLLOWING: [&str; 3] = [
        "plenum.dev/applied",
        "plenum.dev/bundle-since",
        "deprecated.daemonset.template.generation",
    ];
    let all = object["metadata"]["annotations"].as_object();
    let kept = all.into_iter().flatten();
    let kept = kept.filter(|(key, _)| {
        !FOLLOWING.contains(&key.as_str()) && !key.starts_with("deployment.kubernetes.io/")
    });
    Value::Object(
        kept.map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

fn spec(kind: Kind, object: &Value) -> Value {
    let mut spec = object["spec"].clone();
    if kind == Kind::Service
        && let Some(fields) = spec.as_object_mut()
    {
        fields.retain(|key, _| !key.starts_with("clusterIP") && key != "healthCheckNodePort");
    }
    if let Some(strategy) = spec.pointer_mut("/updateStrategy")
        && let Some(strategy) = strategy.as_object_mut()
        && strategy.get("type") == Some(&json!("OnDelete"))
    {
        // Filled in when somebody asked for another type, and of no effect any more.
        strategy.remove("rollingUpdate");
    }
    if let Some(annotations) = spec.pointer_mut("/template/metadata/annotations")
        && let Some(annotations) = annotations.as_object_mut()
    {
        // A hash over the namespace's name too.
        annotations.remove("plenum.dev/template");
    }
    spec
}

fn conditions(object: &Value) -> Value {
    let all = object["status"]["conditions"].as_array();
    let ours = |it: &&Value| it["observedGeneration"].is_i64();
    let all = all.into_iter().flatten().filter(ours);
    all.map(|it| json!([it["type"], it["status"], it["reason"]]))
        .collect()
}

fn node(name: &str, node: &Value, mirror: &Mirror) -> String {
    let pods = mirror
        .all(Kind::Pod)
        .filter(|(_, pod)| is_router(pod) && node_of(pod) == Some(name));
    let pods: Vec<String> = pods.map(|(_, it)| pod(it)).collect();
    format!(
        "{:?} {:?} {:?} {pods:?}",
        label(node, labels::ACTIVE_POOL),
        annotation(node, labels::DRAINING_REASON),
        annotation(node, labels::KARPENTER_KEEP),
    )
}

fn pod(pod: &Value) -> String {
    let image = pod["spec"]["containers"][0]["image"].as_str();
    format!(
        "{image:?} going {} ready {:?} accepting {:?} draining {:?}",
        is_going(pod),
        condition(pod, "Ready"),
        condition(pod, labels::POD_ACCEPTING),
        condition(pod, labels::POD_DRAINING),
    )
}

/// The first thing in which they differ.
pub fn difference(wanted: &Normal, found: &Normal) -> Option<String> {
    for (name, value) in wanted {
        match found.get(name) {
            None => return Some(format!("{name} is missing")),
            Some(other) if other != value => {
                return Some(format!("{name} is\n  {other}\nand should be\n  {value}"));
            }
            Some(_) => {}
        }
    }
    let more = found.keys().find(|name| !wanted.contains_key(*name))?;
    Some(format!("{more} should not be there"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        let one = |name: &str, value: Value| Normal::from([(name.to_owned(), value)]);
        let wanted = one("Pool p", json!(1));
        assert_eq!(difference(&wanted, &wanted), None);
        let missing = difference(&wanted, &Normal::new()).unwrap();
        assert!(missing.contains("Pool p is missing"), "{missing}");
        let other = difference(&wanted, &one("Pool p", json!(2))).unwrap();
        assert!(other.contains("should be"), "{other}");
        let more = difference(&Normal::new(), &wanted).unwrap();
        assert!(more.contains("should not be there"), "{more}");
    }

    #[test]
    fn a_deployment_of_no_placeholders_is_as_none() {
        let of = |component: &str, replicas: u32| {
            json!({
                "metadata": {"labels": {labels::APP_COMPONENT: component}},
                "spec": {"replicas": replicas},
            })
        };
        let (placeholder, tunnel) = (labels::COMPONENT_PLACEHOLDER, labels::COMPONENT_TUNNEL);
        assert!(is_empty(Kind::Deployment, &of(placeholder, 0)));
        assert!(!is_empty(Kind::Deployment, &of(placeholder, 1)));
        assert!(!is_empty(Kind::Deployment, &of(tunnel, 0)));
    }
}
