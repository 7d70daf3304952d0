//! What is read from Kubernetes objects, and what is made for them.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use k8s_openapi::api::apps::v1::DaemonSet;
use plenum_crds::conditions::DrainReason;
use plenum_crds::{MMRPool, MeetingZone, NoAddress};
use plenum_operator::apply::fingerprint;
use plenum_operator::context::Image;
use plenum_operator::covers::covers;
use plenum_operator::pool::build::daemonset;
use plenum_operator::pool::fetch::Snapshot;
use plenum_operator::pool::observed::{Observed, Owner, Reached, View, Zone};
use plenum_operator::pool::outline::{NodeOutline, PodOutline};
use plenum_operator::pool::validate::validate;
use serde_json::{Value, json};

fn pool(name: &str, born: &str, spec: &Value) -> MMRPool {
    let mut all = json!({"zone": "z", "nodeSelector": {"routers": "true"}});
    all.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "plenum.dev/v1alpha1",
        "kind": "MMRPool",
        "metadata": {"name": name, "namespace": "n", "uid": name, "creationTimestamp": born},
        "spec": all,
    }))
    .unwrap()
}

fn plain() -> MMRPool {
    pool("p", "2026-01-02T00:00:00Z", &json!({}))
}

fn node(change: &Value) -> NodeOutline {
    let mut node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "a", "labels": {"routers": "true"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    });
    for (part, value) in change.as_object().unwrap() {
        node[part] = value.clone();
    }
    NodeOutline::of(&serde_json::from_value(node).unwrap())
}

fn snapshot(node: NodeOutline) -> Snapshot {
    Snapshot {
        nodes: vec![Arc::new(node)],
        pods: Vec::new(),
        zone: None,
        others: Vec::new(),
        daemonset: None,
        placeholders: None,
        controllers: Vec::new(),
    }
}

fn observed(
    object: &MMRPool,
    node: NodeOutline,
    pods: Vec<PodOutline>,
    others: Vec<MMRPool>,
) -> Observed {
    let snapshot = Snapshot {
        pods: pods.into_iter().map(Arc::new).collect(),
        others: others.into_iter().map(Arc::new).collect(),
        ..snapshot(node)
    };
    let valid = validate(object).unwrap();
    snapshot.observed(object, &valid, Some("wanted"), View::default())
}

fn image() -> Image {
    Image {
        name: "plenum:1".into(),
        ..Image::default()
    }
}

fn built(spec: &Value) -> Value {
    built_with(spec, &image())
}

fn built_with(spec: &Value, image: &Image) -> Value {
    let object = pool("p", "2026-01-02T00:00:00Z", spec);
    let owner = serde_json::from_value(json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool", "name": "p", "uid": "p",
    }));
    let set: DaemonSet = daemonset(&validate(&object).unwrap(), owner.unwrap(), image);
    serde_json::to_value(set).unwrap()
}

#[test]
fn a_taint_keeps_routers_off_unless_they_tolerate_it_or_it_passes_by_itself() {
    let tainted = |key: &str, effect: &str| {
        let taint = json!({"key": key, "value": "v", "effect": effect});
        node(&json!({"spec": {"taints": [taint]}}))
    };
    let tolerant = |toleration: Value| {
        pool(
            "p",
            "2026-01-02T00:00:00Z",
            &json!({"tolerations": [toleration]}),
        )
    };
    let schedulable = |object: &MMRPool, node: NodeOutline| {
        observed(object, node, Vec::new(), Vec::new()).nodes["a"].schedulable
    };
    assert!(!schedulable(&plain(), tainted("mine", "NoSchedule")));
    assert!(!schedulable(&plain(), tainted("mine", "NoExecute")));
    assert!(schedulable(&plain(), tainted("mine", "PreferNoSchedule")));
    assert!(schedulable(
        &plain(),
        tainted("node.kubernetes.io/not-ready", "NoExecute")
    ));
    assert!(!schedulable(
        &plain(),
        tainted("node.kubernetes.io/unschedulable", "NoSchedule")
    ));
    assert!(!schedulable(
        &plain(),
        node(&json!({"spec": {"unschedulable": true}}))
    ));

    let exists = tolerant(json!({"key": "mine", "operator": "Exists"}));
    assert!(schedulable(&exists, tainted("mine", "NoSchedule")));
    let equal = tolerant(json!({"key": "mine", "value": "v", "effect": "NoSchedule"}));
    assert!(schedulable(&equal, tainted("mine", "NoSchedule")));
    assert!(!schedulable(&equal, tainted("mine", "NoExecute")));
    let other = tolerant(json!({"key": "mine", "value": "w"}));
    assert!(!schedulable(&other, tainted("mine", "NoSchedule")));
    let all = tolerant(json!({"operator": "Exists"}));
    assert!(schedulable(&all, tainted("mine", "NoExecute")));
}

#[test]
fn the_older_pool_keeps_a_node_that_both_select_and_both_are_told() {
    let older = pool("older", "2026-01-01T00:00:00Z", &json!({}));
    let ours = observed(&plain(), node(&json!({})), Vec::new(), vec![older.clone()]);
    assert!(!ours.nodes["a"].selected);
    assert!(ours.rivals.contains("n/older"));
    let theirs = observed(&older, node(&json!({})), Vec::new(), vec![plain()]);
    assert!(theirs.nodes["a"].selected);
    assert!(theirs.rivals.contains("n/p"));

    let mut leaving = older;
    leaving.metadata.deletion_timestamp =
        Some(leaving.metadata.creation_timestamp.clone().unwrap());
    let alone = observed(&plain(), node(&json!({})), Vec::new(), vec![leaving]);
    assert!(alone.nodes["a"].selected && alone.rivals.is_empty());
}

#[test]
fn marks_of_a_node_are_read_back_as_they_were_written() {
    let metadata = json!({"metadata": {
        "name": "a",
        "labels": {"plenum.dev/active-pool": "n.p"},
        "annotations": {
            "cluster-autoscaler.kubernetes.io/scale-down-disabled": "true",
            "karpenter.sh/do-not-disrupt": "true",
            "plenum.dev/draining-since": "2026-01-02T03:04:05Z",
            "plenum.dev/draining-reason": "NodeCordoned",
        },
    }});
    let seen = observed(&plain(), node(&metadata), Vec::new(), Vec::new());
    let node = &seen.nodes["a"];
    assert!(!node.selected, "it lost the label that the pool selects");
    assert_eq!(node.owner, Owner::Us);
    assert!(node.protected);
    let drain = node.drain.unwrap();
    assert_eq!(drain.since.to_string(), "2026-01-02T03:04:05Z");
    assert_eq!(drain.reason, DrainReason::NodeCordoned);
}

#[test]
fn annotations_that_a_person_put_on_a_free_node_are_not_ours_to_take_off() {
    let metadata = json!({"metadata": {
        "name": "a",
        "labels": {"routers": "true"},
        "annotations": {
            "cluster-autoscaler.kubernetes.io/scale-down-disabled": "true",
            "karpenter.sh/do-not-disrupt": "true",
        },
    }});
    let seen = observed(&plain(), node(&metadata), Vec::new(), Vec::new());
    assert!(!seen.nodes["a"].protected);
}

#[test]
fn a_pod_of_another_template_is_outdated_and_one_that_ended_is_none() {
    let pod = |name: &str, hash: &str, phase: &str| {
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "annotations": {"plenum.dev/template": hash}},
            "spec": {"nodeName": "a", "containers": []},
            "status": {"phase": phase, "conditions": [
                {"type": "plenum.dev/Accepting", "status": "True"},
                {"type": "plenum.dev/Draining", "status": "Unknown"},
                {"type": "plenum.dev/Heard", "status": "True"},
            ], "containerStatuses": [
                {"name": "router", "ready": true, "image": "", "imageID": "", "restartCount": 0},
            ]},
        });
        PodOutline::of(&serde_json::from_value(pod).unwrap())
    };
    let pods = vec![
        pod("new", "wanted", "Running"),
        pod("old", "other", "Running"),
        pod("over", "wanted", "Failed"),
    ];
    let seen = observed(&plain(), node(&json!({})), pods, Vec::new());
    assert_eq!(seen.pods.len(), 2);
    let new = &seen.pods[&"new".parse().unwrap()];
    assert!(new.ready && !new.outdated && new.said.written);
    assert_eq!((new.said.accepting, new.said.draining), (Some(true), None));
    assert!(seen.pods[&"old".parse().unwrap()].outdated);
    assert_eq!(seen.zone, Zone::Missing);
}

#[test]
fn a_router_is_ready_by_its_own_probes_and_a_kubelet_that_lives() {
    let ready = |node_is: &str, router_is: bool| {
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "r"},
            "spec": {"nodeName": "a", "containers": []},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": [
                    {"name": "a-proxy", "ready": !router_is, "image": "", "imageID": "", "restartCount": 4},
                    {"name": "router", "ready": router_is, "image": "", "imageID": "", "restartCount": 0},
                ],
            },
        });
        let pod = PodOutline::of(&serde_json::from_value(pod).unwrap());
        let status = json!({"conditions": [{"type": "Ready", "status": node_is}]});
        let node = node(&json!({"status": status}));
        let seen = observed(&plain(), node, vec![pod], Vec::new());
        seen.pods[&"r".parse().unwrap()].ready
    };
    assert!(ready("True", true) && !ready("True", false));
    assert!(!ready("Unknown", true), "nobody unsays it on the container");
}

#[test]
fn a_deleted_zone_ends_at_a_time_that_does_not_move() {
    let zone: MeetingZone = serde_json::from_value(json!({
        "apiVersion": "plenum.dev/v1alpha1",
        "kind": "MeetingZone",
        "metadata": {"name": "z", "namespace": "n", "deletionTimestamp": "2026-01-02T03:04:05Z"},
        "spec": {"drainDeadlineSeconds": 60},
    }))
    .unwrap();
    let snapshot = Snapshot {
        zone: Some(Arc::new(zone)),
        ..snapshot(node(&json!({})))
    };
    let seen = snapshot.observed(
        &plain(),
        &validate(&plain()).unwrap(),
        None,
        View::default(),
    );
    let until = "2026-01-02T03:05:05Z".parse().unwrap();
    assert_eq!(seen.zone, Zone::Deleting { until });
    assert!(!seen.startable, "there is no template");
}

#[test]
fn the_daemonset_is_never_rolled_by_itself_and_carries_no_rights() {
    let set = built(&json!({}));
    assert_eq!(set["metadata"]["name"], "p-mmr");
    assert_eq!(set["spec"]["updateStrategy"]["type"], "OnDelete");
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(pod["dnsPolicy"], "ClusterFirstWithHostNet");
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], "z-link-router");
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        })
    );
    let command: Vec<&str> = container["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect();
    assert_eq!(command[..2], ["/usr/local/bin/plenum", "mmr"]);
    for pair in [
        ["--router", "$(POD_NAME)"],
        ["--pool", "n.p"],
        ["--controllers", "z-zc-link.n.svc:9443"],
        ["--address", "$(HOST_IP)"],
        ["--https", "[::]:443"],
        ["--participants", "200"],
    ] {
        assert!(command.windows(2).any(|found| found == pair), "{pair:?}");
    }
}

#[test]
fn labels_that_the_pool_selects_start_and_stop_no_router_by_themselves() {
    let of = |selector: Value| {
        let set = built(&json!({"nodeSelector": selector}));
        set["spec"]["template"].clone()
    };
    let template = of(json!({"routers": "true"}));
    let ours = json!({"plenum.dev/active-pool": "n.p"});
    assert_eq!(template["spec"]["nodeSelector"], ours);
    // Nor does another selector make routers anew.
    assert_eq!(of(json!({"other": "yes"})), template);
}

#[test]
fn high_ports_need_no_root_and_no_capability() {
    let set = built(&json!({"httpsPort": 8443}));
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let capabilities = &pod["containers"][0]["securityContext"]["capabilities"];
    assert_eq!(*capabilities, json!({"drop": ["ALL"]}));
}

#[test]
fn routers_name_the_pull_secrets_of_the_operator_and_no_empty_list() {
    let secrets = |pull_secrets: &[&str]| {
        let image = Image {
            pull_secrets: pull_secrets.iter().map(ToString::to_string).collect(),
            ..image()
        };
        built_with(&json!({}), &image)["spec"]["template"]["spec"]["imagePullSecrets"].clone()
    };
    assert_eq!(secrets(&[]), Value::Null);
    assert_eq!(secrets(&["a", "b"]), json!([{"name": "a"}, {"name": "b"}]));
}

#[test]
fn routers_are_told_where_traces_go_after_what_they_always_are() {
    let image = Image {
        environment: vec!["OTEL_EXPORTER_OTLP_ENDPOINT=http://a:4317".parse().unwrap()],
        ..image()
    };
    let set = built_with(&json!({}), &image);
    let told = &set["spec"]["template"]["spec"]["containers"][0]["env"];
    let names: Vec<&Value> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(
        names,
        ["POD_NAME", "HOST_IP", "OTEL_EXPORTER_OTLP_ENDPOINT"]
    );
    assert_eq!(told[2]["value"], "http://a:4317");
    let hash = |set: &Value| set["spec"]["template"]["metadata"]["annotations"].clone();
    assert_ne!(hash(&set), hash(&built(&json!({}))), "they are replaced");
}

#[test]
fn grace_is_the_drain_deadline_within_what_node_autoscalers_wait_for() {
    let grace = |deadline: u32| {
        let set = built(&json!({"drainDeadlineSeconds": deadline}));
        set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].clone()
    };
    assert_eq!(grace(0), 30);
    assert_eq!(grace(120), 120);
    assert_eq!(grace(3600), 600);
}

#[test]
fn the_template_has_a_name_that_changes_with_it_alone() {
    let hash = |spec: &Value| {
        let set = built(spec);
        set["spec"]["template"]["metadata"]["annotations"]["plenum.dev/template"].clone()
    };
    assert_eq!(
        hash(&json!({})),
        hash(&json!({"maxRouters": 99, "spareParticipants": 1}))
    );
    assert_ne!(hash(&json!({})), hash(&json!({"image": "plenum:2"})));
    assert_ne!(
        hash(&json!({})),
        hash(&json!({"participantsPerRouter": 10}))
    );
}

#[test]
fn karpenter_waits_for_routers_and_none_is_replaced_to_tell_it() {
    let set: DaemonSet = serde_json::from_value(built(&json!({}))).unwrap();
    let mut template = set.spec.unwrap().template;
    let annotations = template.metadata.as_mut().unwrap().annotations.take();
    let annotations = annotations.unwrap();
    assert_eq!(annotations["karpenter.sh/do-not-disrupt"], "true");
    let rest = fingerprint(&serde_json::to_vec(&template).unwrap());
    assert_eq!(annotations["plenum.dev/template"], rest);
}

#[test]
fn what_the_api_server_adds_is_no_reason_to_write() {
    let desired = built(&json!({"resources": {"requests": {"cpu": "1000m"}}}));
    let mut stored = desired.clone();
    stored["spec"]["revisionHistoryLimit"] = json!(10);
    let pod = &mut stored["spec"]["template"]["spec"];
    pod["restartPolicy"] = json!("Always");
    pod["containers"][0]["resources"]["requests"]["cpu"] = json!("1");
    pod["containers"][0]["livenessProbe"]["successThreshold"] = json!(1);
    assert!(covers(&stored, &desired));
    stored["spec"]["template"]["spec"]["hostNetwork"] = json!(false);
    assert!(!covers(&stored, &desired));
}

#[test]
fn a_router_that_is_told_its_address_reads_it_of_its_pod_and_any_other_is_made_as_ever() {
    let of = |source: &str| built(&json!({"publicAddress": {"source": source}}));
    let pod = |set: &Value| set["spec"]["template"]["spec"].clone();
    let plain = built(&json!({}));
    assert_eq!(of("NodeInternalIP"), plain);
    assert_eq!(pod(&plain)["volumes"].as_array().unwrap().len(), 1);
    let told = of("Annotation");
    let volume = &pod(&told)["volumes"][1];
    let annotation = "metadata.annotations['plenum.dev/public-address']";
    let item = json!({"path": "public-address", "fieldRef": {"fieldPath": annotation}});
    assert_eq!(volume["downwardAPI"]["items"], json!([item]));
    let container = pod(&told)["containers"][0].clone();
    let mount = &container["volumeMounts"][1];
    assert_eq!(
        (&mount["name"], &mount["readOnly"]),
        (&volume["name"], &json!(true))
    );
    let command = container["command"].as_array().unwrap();
    let file = format!("{}/public-address", mount["mountPath"].as_str().unwrap());
    let flag = [json!("--address-file"), json!(file)];
    assert!(command.windows(2).any(|pair| pair == flag), "{command:?}");
    assert!(!command.contains(&json!("--address")), "{command:?}");
    // Going from one to the other makes no router anew: what is written on its pod changes.
    assert_eq!(of("NodeExternalIP"), told);
}

#[test]
fn the_address_of_a_node_is_where_the_pool_says() {
    let annotated = json!({
        "name": "a", "labels": {"routers": "true"},
        "annotations": {"plenum.dev/public-address": "203.0.113.7, 2001:db8::7"},
    });
    let external = json!({"addresses": [
        {"type": "InternalIP", "address": "10.0.0.1"},
        {"type": "ExternalIP", "address": "203.0.113.9"},
    ]});
    let reached = |source: &str, change: &Value| {
        let spec = json!({"publicAddress": {"source": source}});
        let object = pool("p", "2026-01-02T00:00:00Z", &spec);
        observed(&object, node(change), Vec::new(), Vec::new()).nodes["a"]
            .reached
            .clone()
    };
    let both = json!({"metadata": annotated, "status": external});
    assert_eq!(reached("NodeInternalIP", &both), Reached::ByItself);
    let at = |text: &str| Reached::At(text.parse().unwrap());
    assert_eq!(reached("NodeExternalIP", &both), at("203.0.113.9"));
    assert_eq!(reached("Annotation", &both), at("203.0.113.7,2001:db8::7"));
    let none = reached("NodeExternalIP", &json!({}));
    assert_eq!(none, Reached::Nowhere(NoAddress::NotExternal));
    let none = reached("Annotation", &json!({"status": external}));
    assert_eq!(none, Reached::Nowhere(NoAddress::NotAnnotated));
}

#[test]
fn names_too_long_for_a_label_are_refused_with_what_to_write() {
    let mut object = plain();
    object.metadata.namespace = Some("n".repeat(62));
    let refused = validate(&object).unwrap_err();
    assert!(
        refused
            .message
            .contains("use a shorter namespace or pool name")
    );
}

#[test]
fn what_people_write_on_routers_pods_stands_beside_what_the_operator_does() {
    let template = |spec: &Value| built(spec)["spec"]["template"]["metadata"].clone();
    let theirs = json!({
        "labels": {"cost-center": "meetings", "plenum.dev/pool": "stolen"},
        "annotations": {"sidecar.istio.io/inject": "false", "plenum.dev/template": "stolen"},
    });
    let with = template(&json!({"podMetadata": theirs}));
    assert_eq!(with["labels"]["cost-center"], "meetings");
    assert_eq!(with["annotations"]["sidecar.istio.io/inject"], "false");
    // The schema refuses these, and were it not there they would not come through.
    assert_eq!(with["labels"]["plenum.dev/pool"], "p");
    assert_ne!(with["annotations"]["plenum.dev/template"], "stolen");
    let without = template(&json!({}));
    assert_ne!(
        with["annotations"]["plenum.dev/template"], without["annotations"]["plenum.dev/template"],
        "a change replaces the routers"
    );
    assert_eq!(template(&json!({"podMetadata": {}})), without);
    let selector = &built(&json!({"podMetadata": theirs}))["spec"]["selector"]["matchLabels"];
    assert!(selector.get("cost-center").is_none());
}
