//! A healthy installation, and how a test spoils it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kubectl_plenum::doctor::{diagnose, wanted};
use kubectl_plenum::exposition::Page;
use kubectl_plenum::finding::Finding;
use kubectl_plenum::snapshot::{Certificate, Life, Name, Right, Seen, Snapshot};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::remedies::can_be_typed;

const HEALTHY: &str = include_str!("../fixtures/healthy.yaml");

/// When every test takes place.
pub fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// What a router says at `/metrics`.
pub fn figures(participants: u32) -> Page {
    Page::parse(&format!(
        "plenum_participants {participants}\nplenum_participants_limit 200\nplenum_meetings 9\n"
    ))
}

pub fn pod(namespace: &str, name: &str) -> Name {
    Name {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// It was made for the node that it is on, and the scheduler has not bound it.
pub fn wait_for_room(pod: &mut Pod) {
    let spec = pod.spec.as_mut().unwrap();
    let node = spec.node_name.take();
    let made_for = json!({"matchFields": [
        {"key": "metadata.name", "operator": "In", "values": [node]},
    ]});
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let affinity = json!({"nodeAffinity": {required: {"nodeSelectorTerms": [made_for]}}});
    spec.affinity = Some(serde_json::from_value(affinity).unwrap());
}

/// Everything is well.
pub fn healthy() -> Snapshot {
    from(HEALTHY)
}

/// The same with `old` written as `new` in its YAML, everywhere.
pub fn with(old: &str, new: &str) -> Snapshot {
    assert!(HEALTHY.contains(old), "the fixture has no {old:?}");
    from(&HEALTHY.replace(old, new))
}

/// The same with one more object.
pub fn and(more: &str) -> Snapshot {
    from(&format!("{HEALTHY}---\n{more}"))
}

/// The same without the objects that contain this.
pub fn without(what: &str) -> Snapshot {
    let kept: Vec<&str> = HEALTHY
        .split("\n---\n")
        .filter(|document| !document.contains(what))
        .collect();
    assert_ne!(kept.len(), HEALTHY.split("\n---\n").count());
    from(&kept.join("\n---\n"))
}

pub fn from(yaml: &str) -> Snapshot {
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for document in serde_yaml::Deserializer::from_str(yaml) {
        let value = Value::deserialize(document).unwrap();
        let kind = value["kind"].as_str().unwrap().to_owned();
        kinds.entry(kind).or_default().push(value);
    }
    let mut seen = Snapshot::at(now());
    seen.server = Some("v1.36.3".to_owned());
    let definitions = plenum_crds::yaml::definitions();
    seen.definitions = typed(definitions);
    let mut take = |kind: &str| kinds.remove(kind).unwrap_or_default();
    seen.deployments = typed(take("Deployment"));
    seen.stateful_sets = typed(take("StatefulSet"));
    seen.daemon_sets = typed(take("DaemonSet"));
    seen.leases = typed(take("Lease"));
    seen.pods = typed(take("Pod"));
    seen.namespaces = typed(take("Namespace"));
    seen.zones = typed(take("MeetingZone"));
    seen.pools = typed(take("MMRPool"));
    seen.nodes = typed(take("Node"));
    seen.budgets = typed(take("PodDisruptionBudget"));
    seen.events = typed(take("Event"));
    assert!(kinds.is_empty(), "of no use: {:?}", kinds.keys());
    seen.certificates = Seen::of(vec![lasting("main-zc-tls", false, 60)]);
    seen.rights = Seen::of(rights());
    let router = pod("meetings", "main-mmr-x7k2p");
    seen.figures.insert(router, figures(37));
    seen
}

fn typed<T: DeserializeOwned>(values: Vec<Value>) -> Seen<T> {
    let objects = values
        .into_iter()
        .map(|it| serde_json::from_value(it).unwrap());
    Seen::of(objects.collect())
}

/// A certificate of the zone that is good for so many days yet.
pub fn lasting(secret: &str, provided: bool, days: i64) -> Certificate {
    let after = |days: i64| now() + SignedDuration::from_hours(24 * days);
    Certificate {
        namespace: "meetings".to_owned(),
        zone: "main".to_owned(),
        secret: secret.to_owned(),
        key: "tls.crt",
        purpose: "controllers, to clients",
        provided,
        life: Ok(Life {
            not_before: after(days - 365),
            not_after: after(days),
        }),
    }
}

fn rights() -> Vec<Right> {
    let right = |it: kubectl_plenum::doctor::Wanted| Right {
        who: "system:serviceaccount:plenum-system:plenum-operator".to_owned(),
        group: it.group,
        resource: it.resource,
        verb: it.verb,
        namespace: it.at_home.then(|| "plenum-system".to_owned()),
        allowed: true,
    };
    wanted().into_iter().map(right).collect()
}

/// Everything that `doctor` finds.
pub fn findings(seen: &Snapshot) -> Vec<Finding> {
    let checks = diagnose(seen).checks;
    let findings: Vec<Finding> = checks.into_iter().flat_map(|it| it.findings).collect();
    findings.iter().for_each(can_be_typed);
    findings
}

/// The finding of this reason. All the others are shown where there is none.
pub fn found(seen: &Snapshot, reason: &str) -> Finding {
    let all = findings(seen);
    let found = all.iter().find(|it| it.reason == reason);
    found
        .unwrap_or_else(|| panic!("no {reason} in {all:#?}"))
        .clone()
}
