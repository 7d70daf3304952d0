//! What state an operator is in, without the names and times that differ from run to run.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use plenum_crds::labels;
use serde_json::Value;

use super::mirror::{
    Kind, Mirror, annotation, condition, is_going, is_router, label, node_of, reason,
};

/// The same number for states that differ in names, times and numbers of people only.
pub fn fingerprint(mirror: &Mirror) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut nodes: Vec<u64> = mirror
        .all(Kind::Node)
        .map(|(name, it)| node(name, it, mirror))
        .collect();
    nodes.sort_unstable();
    nodes.hash(&mut hasher);
    for kind in [Kind::Zone, Kind::Pool] {
        for (_, object) in mirror.all(kind) {
            resource(object).hash(&mut hasher);
        }
    }
    for kind in Kind::CHILDREN {
        let going = mirror.all(kind).filter(|(_, it)| is_going(it)).count();
        (mirror.all(kind).count(), going).hash(&mut hasher);
    }
    hasher.finish()
}

fn node(name: &str, node: &Value, mirror: &Mirror) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Of a pool, without the namespace.
    let owner = label(node, labels::ACTIVE_POOL).and_then(|it| it.rsplit('.').next());
    owner.hash(&mut hasher);
    annotation(node, labels::DRAINING_REASON).hash(&mut hasher);
    annotation(node, labels::KARPENTER_KEEP).hash(&mut hasher);
    node["spec"]["unschedulable"].as_bool().hash(&mut hasher);
    condition(node, "Ready").hash(&mut hasher);
    let here = |pod: &&Value| is_router(pod) && node_of(pod) == Some(name);
    let mut pods: Vec<u64> = mirror
        .all(Kind::Pod)
        .map(|(_, it)| it)
        .filter(here)
        .map(pod)
        .collect();
    pods.sort_unstable();
    pods.hash(&mut hasher);
    hasher.finish()
}

fn pod(pod: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    is_going(pod).hash(&mut hasher);
    pod["spec"]["containers"][0]["image"]
        .as_str()
        .hash(&mut hasher);
    for type_ in ["Ready", labels::POD_ACCEPTING, labels::POD_DRAINING] {
        condition(pod, type_).hash(&mut hasher);
    }
    hasher.finish()
}

fn resource(object: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    is_going(object).hash(&mut hasher);
    object["metadata"]["finalizers"]
        .is_array()
        .hash(&mut hasher);
    for entry in object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let type_ = entry["type"].as_str().unwrap_or_default();
        (type_, condition(object, type_), reason(object, type_)).hash(&mut hasher);
    }
    let routers = &object["status"]["routers"];
    for field in ["desired", "active", "accepting", "draining"] {
        routers[field].as_u64().hash(&mut hasher);
    }
    hasher.finish()
}
