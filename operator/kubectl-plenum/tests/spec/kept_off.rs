//! Nodes that have the labels, and carry no router all the same.

use k8s_openapi::api::core::v1::{NodeSpec, Taint, Toleration};
use kubectl_plenum::finding::Level;
use kubectl_plenum::snapshot::Snapshot;

use crate::world::{findings, found, with};

const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

fn too_few() -> Snapshot {
    with(
        "type: NodesAvailable, status: \"True\", reason: EnoughNodes",
        "type: NodesAvailable, status: \"False\", reason: NotEnoughNodes",
    )
}

fn tainted(key: &str, effect: &str) -> Snapshot {
    let mut seen = too_few();
    let taint = Taint {
        key: key.to_owned(),
        effect: effect.to_owned(),
        ..Taint::default()
    };
    seen.nodes.items[1].spec = Some(NodeSpec {
        taints: Some(vec![taint]),
        ..NodeSpec::default()
    });
    seen
}

#[test]
fn a_cordoned_one_is_named() {
    let mut seen = too_few();
    seen.nodes.items[1].spec = Some(NodeSpec {
        unschedulable: Some(true),
        ..NodeSpec::default()
    });
    let finding = found(&seen, "NotEnoughNodes");
    assert_eq!(finding.why, "cordoned: n2");
    assert_eq!(
        finding.remedies,
        [
            "kubectl uncordon n2",
            "kubectl label node NODE plenum.dev/routers=true"
        ]
    );
}

#[test]
fn a_tainted_one_is_named_with_its_taint() {
    let finding = found(&tainted(CONTROL_PLANE, "NoSchedule"), "NotEnoughNodes");
    assert_eq!(
        finding.why,
        format!("tainted with {CONTROL_PLANE}:NoSchedule: n2")
    );
    let remedy = &finding.remedies[0];
    let command = format!("kubectl taint node n2 {CONTROL_PLANE}:NoSchedule-");
    assert!(remedy.starts_with(&command), "{remedy}");
    assert!(remedy.contains("spec.tolerations"), "{remedy}");
}

#[test]
fn a_taint_that_routers_tolerate_or_that_only_prefers_others_keeps_nobody_off() {
    let tolerating = |key: Option<&str>, operator: &str, effect: Option<&str>| {
        let mut seen = tainted(CONTROL_PLANE, "NoSchedule");
        seen.pools.items[0].spec.tolerations = Some(vec![Toleration {
            key: key.map(str::to_owned),
            operator: Some(operator.to_owned()),
            effect: effect.map(str::to_owned),
            ..Toleration::default()
        }]);
        found(&seen, "NotEnoughNodes").remedies.len() == 1
    };
    assert!(tolerating(Some(CONTROL_PLANE), "Exists", None));
    assert!(tolerating(Some(CONTROL_PLANE), "Equal", Some("NoSchedule")));
    assert!(tolerating(None, "Exists", None));
    assert!(!tolerating(
        Some(CONTROL_PLANE),
        "Exists",
        Some("NoExecute")
    ));
    assert!(!tolerating(Some("another"), "Exists", None));
    for (key, effect) in [
        (CONTROL_PLANE, "PreferNoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ] {
        let finding = found(&tainted(key, effect), "NotEnoughNodes");
        assert_eq!(finding.remedies.len(), 1, "{finding:?}");
    }
}

#[test]
fn a_dead_one_is_named() {
    let mut seen = too_few();
    let status = seen.nodes.items[1].status.as_mut().unwrap();
    status.conditions.as_mut().unwrap()[0].status = "Unknown".to_owned();
    let finding = found(&seen, "NotEnoughNodes");
    assert_eq!(finding.why, "not ready: n2");
    assert_eq!(finding.remedies[0], "kubectl describe node n2");
}

#[test]
fn a_node_that_cannot_run_the_image_is_told_before_its_router_crashes() {
    let arch = |arch: &str| {
        with(
            "labels: {plenum.dev/routers: \"true\"}",
            &format!("labels: {{plenum.dev/routers: \"true\", kubernetes.io/arch: {arch}}}"),
        )
    };
    assert_eq!(findings(&arch("amd64")), []);
    let finding = found(&arch("arm64"), "NodeOfAnotherKind");
    assert_eq!(finding.level, Level::Advice);
    assert!(finding.what.ends_with("kubernetes.io/arch is arm64"));
    assert_eq!(
        finding.remedies,
        ["kubectl label node n2 plenum.dev/routers-"]
    );
}
