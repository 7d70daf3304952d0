//! What holds for every object that is rendered.

use std::collections::BTreeSet;

use plenum_crds::MMRPoolSpec;
use serde_json::json;
use serde_yaml::Value;

use crate::render::{self, Object, all, at, strings};

/// Kinds that are in no namespace.
const CLUSTER: [&str; 3] = ["ClusterRole", "ClusterRoleBinding", "PriorityClass"];
const RECOMMENDED: [&str; 6] = [
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/part-of",
    "helm.sh/chart",
];

#[test]
#[ignore = "needs helm: make test-chart"]
fn each_has_the_labels_that_tools_go_by_and_a_name_of_its_own() {
    for file in render::FILES {
        let mut seen = BTreeSet::new();
        for object in render::render(file) {
            let id = object.id();
            let labels = object.labels();
            for label in RECOMMENDED {
                assert!(labels.contains_key(label), "{file}: {id} lacks {label}");
            }
            let placed = !object.text("metadata.namespace").is_empty();
            let cluster = CLUSTER.contains(&object.text("kind"));
            assert_eq!(placed, !cluster, "{file}: {id}: its namespace");
            let name = object.text("metadata.name").len();
            assert!((1..=63).contains(&name), "{file}: {id}: {name} characters");
            assert!(seen.insert(id.clone()), "{file}: {id} is there twice");
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn labels_and_annotations_of_ones_own_are_on_everything() {
    for object in render::render("everything") {
        let id = object.id();
        let team = object.labels().remove("example.org/team");
        assert_eq!(team.as_deref(), Some("meetings"), "{id}");
        let contact = &object.at("metadata.annotations")["example.org/contact"];
        assert_eq!(contact.as_str(), Some("meetings@example.org"), "{id}");
        if let Some(pods) = object.pods() {
            assert!(pods.labels().contains_key("example.org/team"), "{id}");
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_release_for_a_directory_alone_has_nothing_of_an_operator() {
    let alone = "operator.replicas=0,directory.enabled=true,directory.hostnames={a.example.org}";
    let settings = format!("{alone},prometheusRule.enabled=true");
    let objects = render::try_render(&render::chart(), &["--set", &settings]).unwrap();
    let rights = [
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
    ];
    for object in &objects {
        let (id, kind) = (object.id(), object.text("kind"));
        assert!(!rights.contains(&kind), "{id}: rights of nobody");
        let component = object.labels().remove("app.kubernetes.io/component");
        let operator = kind == "Deployment" && component.as_deref() == Some("operator");
        assert!(!operator, "{id}");
    }
    let rules = objects
        .iter()
        .find(|it| it.text("kind") == "PrometheusRule");
    let groups = rules.unwrap().at("spec.groups").as_sequence().unwrap();
    let names: Vec<_> = groups.iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.contains(&"plenum-directory"), "{names:?}");
    assert!(!names.contains(&"plenum-operator"), "{names:?}");
    assert!(!render::notes(alone).contains("operator"));
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn pods_of_the_chart_carry_what_was_written_for_them() {
    let objects = render::render("everything");
    for (name, tier) in [
        ("plenum-operator", "control"),
        ("plenum-directory", "accounts"),
    ] {
        let id = format!("Deployment plenum-system/{name}");
        let found = objects.iter().find(|object| object.id() == id);
        let pods = found.and_then(Object::pods).expect("pods");
        let labels = pods.labels();
        assert_eq!(
            labels.get("example.org/tier").map(String::as_str),
            Some(tier)
        );
        let scrape = &pods.at("metadata.annotations")["example.org/scrape"];
        assert_eq!(scrape.as_str(), Some("no"), "{name}");
        assert!(!pods.at("spec.affinity").is_null(), "{name}");
        let spread = pods.at("spec.topologySpreadConstraints");
        assert_eq!(spread.as_sequence().map(Vec::len), Some(1), "{name}");
        let over = at(spread, "0.topologyKey").as_str();
        assert_eq!(over, Some("topology.kubernetes.io/zone"), "{name}");
    }
}

/// A key that is there twice is refused by strict readers, of which the one of these tests is one.
#[test]
#[ignore = "needs helm: make test-chart"]
fn a_label_that_is_written_in_several_places_is_there_once_with_the_nearest_value() {
    let everything = render::values("everything");
    let everything = everything.to_str().expect("a path in UTF-8");
    let nearest = [
        ("ServiceMonitor", "serviceMonitor.labels.release", "b"),
        ("PodMonitor", "serviceMonitor.labels.release", "b"),
        ("PrometheusRule", "prometheusRule.labels.release", "c"),
        ("ConfigMap", "dashboards.labels.release", "d"),
    ];
    let mut settings = vec![
        "commonLabels.release=a".to_owned(),
        "operator.podLabels.release=e".to_owned(),
        "directory.podLabels.release=e".to_owned(),
    ];
    settings.extend(nearest.map(|(_, place, value)| format!("{place}={value}")));
    let settings = settings.join(",");
    let arguments = ["--values", everything, "--set", &settings];
    let objects = render::try_render(&render::chart(), &arguments).expect("good values");
    for object in objects {
        let kind = object.text("kind").to_owned();
        let mine = nearest.iter().find(|(of, ..)| *of == kind);
        let expected = mine.map_or("a", |(_, _, value)| *value);
        assert_eq!(object.labels()["release"], expected, "{}", object.id());
        if let Some(pods) = object.pods() {
            assert_eq!(pods.labels()["release"], "e", "{}", object.id());
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn every_template_appears() {
    let everything = render::render("everything");
    let kinds: BTreeSet<&str> = everything
        .iter()
        .map(|object| object.text("kind"))
        .collect();
    let expected = [
        "Certificate",
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PriorityClass",
        "PrometheusRule",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
    let small = render::render("small");
    let volumes = small
        .iter()
        .filter(|object| object.text("kind") == "PersistentVolumeClaim");
    assert_eq!(volumes.count(), 1, "a directory with SQLite has a volume");
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn what_needs_something_of_others_is_off_unless_asked_for() {
    for object in render::render("default") {
        let api = object.text("apiVersion");
        let foreign = api.contains("monitoring.coreos.com") || api.contains("cert-manager.io");
        assert!(!foreign, "{}", object.id());
        let quiet = ["NetworkPolicy", "PriorityClass", "ConfigMap"];
        assert!(!quiet.contains(&object.text("kind")), "{}", object.id());
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn priorities_are_as_they_are_written_nought_included() {
    let on = "priorityClasses.enabled=true";
    let values = |settings: &str| -> Vec<(String, i64)> {
        let rendered = render::try_render(&render::chart(), &["--set", settings]);
        let objects = rendered.unwrap_or_else(|complaint| panic!("{settings}: {complaint}"));
        let classes = objects
            .iter()
            .filter(|object| object.text("kind") == "PriorityClass");
        let value = |class: &Object| class.at("value").as_i64().expect("a number");
        classes
            .map(|class| (class.text("metadata.name").to_owned(), value(class)))
            .collect()
    };
    let [media, placeholder] = ["plenum-media", "plenum-placeholder"].map(str::to_owned);
    let usual = [(media.clone(), 1_000_000), (placeholder.clone(), -10)];
    assert_eq!(values(on), usual);
    let nought = format!("{on},priorityClasses.media=0,priorityClasses.placeholder=0");
    assert_eq!(values(&nought), [(media, 0), (placeholder, 0)]);
    // Values of a former release may lack them.
    let lacking = format!("{on},priorityClasses.media=null,priorityClasses.placeholder=null");
    assert_eq!(values(&lacking), usual);
}

/// Pools name it where their spec says nothing.
#[test]
#[ignore = "needs helm: make test-chart"]
fn the_class_of_placeholders_is_the_one_that_pools_ask_for_in_a_release_of_any_name() {
    let pool = json!({"zone": "main", "nodeSelector": {"a": "b"}});
    let pool: MMRPoolSpec = serde_json::from_value(pool).expect("a spec");
    for release in ["plenum", "video"] {
        let on = ["--set", "priorityClasses.enabled=true"];
        let objects = render::try_render_as(release, &render::chart(), &on).expect("good values");
        let wanted = format!("PriorityClass /{}", pool.placeholder_priority_class_name);
        let mut ids = objects.iter().map(Object::id);
        assert!(ids.any(|id| id == wanted), "{release}: no {wanted}");
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn containers_say_what_they_need_and_how_they_are() {
    for (file, object) in all() {
        let Some(pods) = object.pods() else { continue };
        for container in pods.at("spec.containers").as_sequence().expect("a list") {
            let id = format!("{file}: {}", object.id());
            for needed in [
                "resources.requests.cpu",
                "resources.requests.memory",
                "resources.limits.memory",
                "livenessProbe.httpGet",
                "readinessProbe.httpGet",
            ] {
                assert!(!at(container, needed).is_null(), "{id} lacks {needed}");
            }
            // Throttled, the operator would lose its lead, and the directory its callers.
            assert!(at(container, "resources.limits.cpu").is_null(), "{id}");
            let ports = named_ports(&pods);
            for probe in ["livenessProbe", "readinessProbe"] {
                let port = at(container, probe)["httpGet"]["port"].clone();
                assert!(ports.contains(&port), "{id}: {probe} asks {port:?}");
            }
        }
    }
}

fn named_ports(pods: &Object) -> Vec<Value> {
    let containers = pods.at("spec.containers").as_sequence().expect("a list");
    containers
        .iter()
        .flat_map(|container| container["ports"].as_sequence().into_iter().flatten())
        .map(|port| port["name"].clone())
        .collect()
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn roles_are_bound_to_accounts_that_are_there() {
    for file in render::FILES {
        let objects = render::render(file);
        let there = |kind: &str, name: &Value| {
            objects
                .iter()
                .any(|object| object.text("kind") == kind && object.at("metadata.name") == name)
        };
        for object in &objects {
            if !object.text("kind").ends_with("RoleBinding") {
                continue;
            }
            let role = object.at("roleRef");
            let kind = role["kind"].as_str().expect("a kind");
            assert!(there(kind, &role["name"]), "{file}: {}", object.id());
            let account = object.at("subjects.0.name");
            assert!(there("ServiceAccount", account), "{file}: {}", object.id());
        }
        let accounts = objects.iter().filter_map(Object::pods);
        for pods in accounts {
            let account = pods.at("spec.serviceAccountName");
            assert!(
                account.is_null() || there("ServiceAccount", account),
                "{file}: {account:?}"
            );
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn several_replicas_may_lose_one_at_a_time() {
    for (file, object) in all() {
        let replicas = object.at("spec.replicas").as_u64().unwrap_or(0);
        if object.pods().is_none() || replicas < 2 {
            continue;
        }
        let selector = strings(object.at("spec.selector.matchLabels"));
        let budget = render::render(file).into_iter().find(|other| {
            other.text("kind") == "PodDisruptionBudget"
                && strings(other.at("spec.selector.matchLabels")) == selector
        });
        let budget = budget.unwrap_or_else(|| panic!("{file}: {} has none", object.id()));
        assert_eq!(budget.at("spec.maxUnavailable").as_u64(), Some(1));
        // None answers while a database is away, and nodes have to be emptied all the same.
        let unready = budget.text("spec.unhealthyPodEvictionPolicy");
        assert_eq!(unready, "AlwaysAllow", "{file}: {}", object.id());
    }
}
