//! Placeholder pods are such that a node autoscaler brings what a router needs.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use plenum_crds::{MMRPool, MMRPoolSpec};
use plenum_operator::context::Image;
use plenum_operator::pool::build::daemonset;
use plenum_operator::pool::placeholders::deployment;
use plenum_operator::pool::validate::{ValidPool, validate};
use serde_json::{Value, json};

fn pool() -> ValidPool {
    let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
    object.metadata.namespace = Some("n".into());
    object.spec.resources = serde_json::from_value(json!({"requests": {"cpu": "2"}})).unwrap();
    object.spec.tolerations = serde_json::from_value(json!([{"key": "routers"}])).unwrap();
    let theirs = json!({"labels": {"cost-center": "meetings"}, "annotations": {
        "a": "b",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
    }});
    object.spec.pod_metadata = serde_json::from_value(theirs).unwrap();
    validate(&object).unwrap()
}

fn image() -> Image {
    Image {
        name: "plenum:1".into(),
        pull_secrets: vec!["pull".into()],
        ..Image::default()
    }
}

fn built(count: u32) -> Value {
    let owner = OwnerReference::default();
    serde_json::to_value(deployment(&pool(), owner, &image(), count)).unwrap()
}

#[test]
fn they_ask_for_what_a_router_asks_for() {
    let router = daemonset(&pool(), OwnerReference::default(), &image());
    let router = serde_json::to_value(router).unwrap();
    let (router, placeholder) = (&router["spec"]["template"]["spec"], built(2));
    let pod = &placeholder["spec"]["template"]["spec"];
    assert_eq!(
        pod["containers"][0]["resources"],
        router["containers"][0]["resources"]
    );
    for same in ["tolerations", "imagePullSecrets"] {
        assert_eq!(pod[same], router[same]);
    }
    assert_eq!(placeholder["spec"]["replicas"], 2);
    assert_eq!(built(0)["spec"]["replicas"], 0);
}

#[test]
fn they_fit_on_nodes_of_the_pool_that_carry_no_router_one_on_each() {
    let pod = built(1)["spec"]["template"]["spec"].clone();
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let nodes = &pod["affinity"]["nodeAffinity"][required]["nodeSelectorTerms"];
    let expressions = json!([
        {"key": "routers", "operator": "In", "values": ["true"]},
        {"key": "plenum.dev/active-pool", "operator": "DoesNotExist"},
    ]);
    assert_eq!(*nodes, json!([{ "matchExpressions": expressions }]));
    let apart = &pod["affinity"]["podAntiAffinity"][required][0];
    assert_eq!(apart["topologyKey"], "kubernetes.io/hostname");
    let labels = &built(1)["spec"]["template"]["metadata"]["labels"];
    assert!(is_about(&apart["labelSelector"], labels));
}

#[test]
fn they_leave_a_node_that_a_router_comes_to_whatever_room_it_has() {
    // What a pod that runs is kept apart from keeps others from coming, or evicts it for one of
    // higher priority.
    let pod = built(1)["spec"]["template"]["spec"].clone();
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let apart = pod["affinity"]["podAntiAffinity"][required].as_array();
    let router = daemonset(&pool(), OwnerReference::default(), &image());
    let router = serde_json::to_value(router).unwrap();
    let labels = &router["spec"]["template"]["metadata"]["labels"];
    // All of them: kube-scheduler 1.36 lets a router wait for minutes otherwise, when the one that
    // it evicted is gone.
    for apart in apart.unwrap() {
        assert_eq!(apart["topologyKey"], "kubernetes.io/hostname");
        assert!(is_about(&apart["labelSelector"], labels), "{apart}");
    }
}

/// Whether a selector of labels and of one of several selects these.
fn is_about(selector: &serde_json::Value, labels: &serde_json::Value) -> bool {
    let equal = selector["matchLabels"].as_object().unwrap();
    let one_of = selector["matchExpressions"].as_array().unwrap();
    equal.iter().all(|(key, value)| labels[key] == *value)
        && one_of.iter().all(|expression| {
            let values = expression["values"].as_array().unwrap();
            values.contains(&labels[expression["key"].as_str().unwrap()])
        })
}

#[test]
fn they_give_way_and_are_taken_for_nothing_else() {
    let built = built(1);
    let pod = &built["spec"]["template"];
    assert_eq!(pod["spec"]["priorityClassName"], "plenum-placeholder");
    assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], 0);
    assert!(pod["spec"].get("hostNetwork").is_none());
    let labels = &pod["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/component"], "placeholder");
    // Pods with this label are watched as parts of the zone.
    assert!(labels.get("plenum.dev/zone").is_none());
}

#[test]
fn they_carry_what_people_write_on_the_pods_of_the_pool_but_keep_no_node_by_it() {
    let metadata = &built(1)["spec"]["template"]["metadata"];
    assert_eq!(metadata["labels"]["cost-center"], "meetings");
    assert_eq!(metadata["annotations"], json!({"a": "b"}));
}
