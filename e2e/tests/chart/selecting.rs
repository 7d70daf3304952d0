//! Whether selectors find what they are meant to: the chart's own pods, and those that the
//! operator makes.

use std::collections::BTreeMap;

use plenum_crds::labels;
use serde_yaml::Value;

use crate::render::{Object, all, chart, render, strings, try_render};

/// The labels of a part of a zone, as the operator puts them on its pods.
fn part(component: &str) -> BTreeMap<String, String> {
    [
        (labels::APP_NAME, labels::APPLICATION),
        (labels::APP_PART_OF, labels::APPLICATION),
        (labels::APP_INSTANCE, "main"),
        (labels::APP_COMPONENT, component),
        (labels::ZONE, "main"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

fn parts() -> [BTreeMap<String, String>; 3] {
    [
        labels::COMPONENT_CONTROLLER,
        labels::COMPONENT_TUNNEL,
        labels::COMPONENT_ROUTER,
    ]
    .map(part)
}

/// Whether a label selector matches; `In` is the only expression of ours.
fn matches(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let named = strings(&selector["matchLabels"]);
    let expressions = selector["matchExpressions"].as_sequence();
    named
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && expressions.into_iter().flatten().all(|expression| {
            assert_eq!(expression["operator"], "In");
            let value = expression["key"].as_str().and_then(|key| labels.get(key));
            let allowed = expression["values"].as_sequence().expect("values");
            value.is_some_and(|value| allowed.iter().any(|one| one == value.as_str()))
        })
}

fn workloads(objects: &[Object]) -> Vec<BTreeMap<String, String>> {
    let pods = objects.iter().filter_map(Object::pods);
    pods.map(|pods| pods.labels()).collect()
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_deployment_selects_its_own_pods_alone() {
    for (file, object) in all() {
        let Some(pods) = object.pods() else { continue };
        let selector = object.at("spec.selector");
        assert!(matches(selector, &pods.labels()), "{file}: {}", object.id());
        let others = workloads(&render(file))
            .into_iter()
            .filter(|labels| *labels != pods.labels());
        for other in others.chain(parts()) {
            assert!(!matches(selector, &other), "{file}: {}", object.id());
        }
        // They cannot be changed after the installation.
        let fixed: Vec<&str> = selector["matchLabels"]
            .as_mapping()
            .expect("labels")
            .keys()
            .filter_map(Value::as_str)
            .collect();
        let expected = [
            labels::APP_NAME,
            labels::APP_INSTANCE,
            labels::APP_COMPONENT,
        ];
        assert_eq!(fixed, expected, "{file}: {}", object.id());
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn services_and_budgets_find_one_workload() {
    for (file, object) in all() {
        let labelled = match object.text("kind") {
            "Service" => strings(object.at("spec.selector")),
            "PodDisruptionBudget" => strings(object.at("spec.selector.matchLabels")),
            _ => continue,
        };
        let finds = |labels: &BTreeMap<String, String>| {
            let mut all = labelled.iter();
            all.all(|(key, value)| labels.get(key) == Some(value))
        };
        let found = workloads(&render(file)).into_iter().filter(finds).count();
        assert_eq!(found, 1, "{file}: {}", object.id());
        assert!(!parts().iter().any(finds), "{file}: {}", object.id());
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn each_kind_of_process_has_one_monitor() {
    let objects = render("everything");
    let monitors: Vec<&Object> = objects
        .iter()
        .filter(|object| object.text("kind").ends_with("Monitor"))
        .collect();
    let processes = workloads(&objects).into_iter().chain(parts());
    for labels in processes {
        let found = monitors
            .iter()
            .filter(|monitor| match monitor.text("kind") {
                // A Service carries the labels of what it leads to.
                "ServiceMonitor" => labels
                    .get(labels::APP_COMPONENT)
                    .is_some_and(|component| component == "operator"),
                _ => matches(monitor.at("spec.selector"), &labels),
            });
        assert_eq!(found.count(), 1, "{labels:?}");
    }
    for monitor in &monitors {
        let labels = monitor.labels();
        assert_eq!(
            labels.get("release").map(String::as_str),
            Some("prometheus")
        );
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_monitor_keeps_the_labels_that_name_pools() {
    let objects = render("everything");
    let of_the_operator = objects
        .iter()
        .find(|object| object.text("kind") == "ServiceMonitor")
        .expect("a monitor");
    assert_eq!(
        of_the_operator.at("spec.endpoints.0.honorLabels").as_bool(),
        Some(true)
    );
    let of_zones = objects
        .iter()
        .find(|object| object.id().ends_with("-zones"))
        .expect("a monitor for zones");
    let relabelings = of_zones
        .at("spec.podMetricsEndpoints.0.relabelings")
        .as_sequence()
        .expect("relabelings");
    // The label of a pod as Prometheus writes it: what is no letter or digit becomes `_`.
    let source = |label: &str| {
        let name = label.replace(['.', '/', '-'], "_");
        format!("__meta_kubernetes_pod_label_{name}")
    };
    for (label, target) in [(labels::ZONE, "zone"), (labels::POOL, "pool")] {
        let found = relabelings.iter().any(|relabeling| {
            relabeling["sourceLabels"][0] == source(label).as_str()
                && relabeling["targetLabel"] == target
        });
        assert!(found, "{label} becomes {target}");
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_policy_is_there_for_each_but_routers() {
    let objects = render("everything");
    let policies: Vec<&Object> = objects
        .iter()
        .filter(|object| object.text("kind") == "NetworkPolicy")
        .collect();
    let [controller, tunnel, router] = parts();
    let processes = workloads(&objects).into_iter().chain([controller, tunnel]);
    for labels in processes {
        let found = policies
            .iter()
            .filter(|policy| matches(policy.at("spec.podSelector"), &labels));
        assert_eq!(found.count(), 1, "{labels:?}");
    }
    // It would say something that does not hold: they are on the network of their node.
    for policy in &policies {
        assert!(
            !matches(policy.at("spec.podSelector"), &router),
            "{}",
            policy.id()
        );
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn policies_leave_open_what_the_docs_list() {
    let objects = render("everything");
    let ports = |name: &str, way: &str| -> Vec<u64> {
        let policy = objects
            .iter()
            .find(|object| {
                object.text("kind") == "NetworkPolicy" && object.text("metadata.name") == name
            })
            .unwrap_or_else(|| panic!("no policy {name}"));
        let rules = policy.at(&format!("spec.{way}")).as_sequence();
        let mut ports: Vec<u64> = rules
            .expect("rules")
            .iter()
            .flat_map(|rule| rule["ports"].as_sequence().expect("ports").iter())
            .filter_map(|port| port["port"].as_u64())
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    for (name, ingress, egress) in [
        (
            "plenum-operator",
            &[8081][..],
            &[53, 443, 4317, 5433, 6443, 9443][..],
        ),
        (
            "plenum-directory",
            &[8080, 8443],
            &[53, 443, 4317, 5432, 5433, 8443],
        ),
        (
            "plenum-zone-controllers",
            &[8080, 8443, 9443],
            &[53, 443, 4317, 5433, 8443],
        ),
        (
            "plenum-tunnels",
            &[8080, 8443],
            &[53, 443, 4317, 5433, 8443, 9443],
        ),
    ] {
        assert_eq!(ports(name, "ingress"), ingress, "{name}: ingress");
        assert_eq!(ports(name, "egress"), egress, "{name}: egress");
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn policies_open_the_collectors_port_however_its_address_is_written() {
    for (collector, port) in [
        ("http://collector.monitoring:4318", 4318),
        ("http://collector.monitoring:4318/v1", 4318),
        ("http://[fd00::5]:4318", 4318),
        ("http://[fd00::5]", 80),
        ("http://10.0.0.5", 80),
    ] {
        let settings = format!("networkPolicy.enabled=true,tracing.otlpEndpoint={collector}");
        let objects = try_render(&chart(), &["--set", &settings]).expect("an endpoint");
        let policy = objects
            .iter()
            .find(|object| object.id() == "NetworkPolicy plenum-system/plenum-operator")
            .expect("a policy");
        let rules = policy.at("spec.egress").as_sequence().expect("rules");
        let open = rules
            .iter()
            .flat_map(|rule| rule["ports"].as_sequence().into_iter().flatten())
            .filter_map(|it| it["port"].as_u64());
        // Besides those for names, the API server and zone links.
        let open: Vec<u64> = open
            .filter(|it| ![53, 443, 6443, 9443].contains(it))
            .collect();
        assert_eq!(open, [port], "{collector}");
    }
}
