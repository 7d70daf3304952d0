//! What to type can be typed as it is, and does no harm.

use k8s_openapi::api::core::v1::Pod;
use kubectl_plenum::finding::{Finding, parted};
use kubectl_plenum::render;
use plenum_crds::labels;

use crate::world::{and, found, with};

/// Kinds that are in a namespace, as remedies name them.
const NAMESPACED: [&str; 13] = [
    "pod",
    "pods",
    "logs",
    "secret",
    "pvc",
    "pdb",
    "service",
    "resourcequota",
    "deployment",
    "meetingzone",
    "meetingzones",
    "mmrpool",
    "mmrpools",
];

/// Ends the test where a shell, kubectl or helm would refuse the command. Every finding of every
/// spec goes through here.
pub fn can_be_typed(finding: &Finding) {
    can_be_copied(finding);
    for remedy in &finding.remedies {
        let (command, _) = parted(remedy);
        // The others are sentences.
        let typed = ["kubectl ", "helm "]
            .iter()
            .any(|it| command.starts_with(it));
        for command in command.split(" && ").filter(|_| typed) {
            let words = words(command);
            let has = |word: &str| words.iter().any(|it| it == word);
            let placed = ["-n", "--namespace", "--all-namespaces"]
                .iter()
                .any(|it| has(it));
            match words[0].as_str() {
                "helm" => assert!(placed, "no namespace: {remedy}"),
                "kubectl" if has("plenum") => {
                    let of_one = has("top") || has("status") || has("meetings");
                    assert!(!of_one || placed, "no namespace: {remedy}");
                }
                _ => {
                    let named = NAMESPACED.iter().any(|kind| has(kind));
                    assert!(!named || placed, "no namespace: {remedy}");
                    let by_server = has("--server-side");
                    assert!(
                        !by_server || has("--force-conflicts"),
                        "helm made it: {remedy}"
                    );
                }
            }
            let patch = words.iter().skip_while(|it| *it != "-p").nth(1);
            if let Some(patch) = patch.filter(|it| it.starts_with('{')) {
                let parsed = serde_yaml::from_str::<serde_json::Value>(patch);
                assert!(parsed.is_ok(), "no patch: {remedy}");
            }
        }
    }
}

/// Ends the test where a line holds more than what to type.
fn can_be_copied(finding: &Finding) {
    let shown = render::finding(finding);
    let lines = shown.lines().filter_map(|it| it.strip_prefix("    do:  "));
    for line in lines.clone() {
        assert!(!line.contains(" #"), "zsh takes no comment: {line}");
    }
    assert_eq!(lines.count(), finding.remedies.len());
}

/// As a shell reads them, which finds no pattern of file names outside of quotes.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in command.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (None, '[' | ']' | '{' | '}' | '*' | '?') => panic!("{letter} unquoted: {command}"),
            _ => word.push(letter),
        }
    }
    assert_eq!(quote, None, "{command}");
    words.push(word);
    words
}

const UNPULLED: &str = "state: {waiting: {reason: ErrImagePull, message: MESSAGE}}";

/// What is to be done about an image that a pod of this component does not get.
fn unpulled(component: &str, message: &str) -> Vec<String> {
    let state = UNPULLED.replace("MESSAGE", message);
    let mut seen = with("state: {running: {}}", &state);
    for pod in &mut seen.pods.items {
        let labels = pod.metadata.labels.as_mut().unwrap();
        labels.insert(labels::APP_COMPONENT.to_owned(), component.to_owned());
    }
    found(&seen, "ImageNotPulled").remedies
}

#[test]
fn an_upgrade_names_where_the_release_is() {
    let remedies = unpulled(labels::COMPONENT_ROUTER, "401 Unauthorized");
    assert_eq!(
        remedies[1],
        "helm upgrade plenum charts/plenum --namespace plenum-system --reset-then-reuse-values --set 'imagePullSecrets[0].name=NAME'"
    );
    let operator = unpulled("operator", "not found");
    assert!(
        operator[0].starts_with("helm upgrade plenum charts/plenum --namespace "),
        "{operator:?}"
    );
}

#[test]
fn the_image_of_tunnels_is_changed_where_that_of_controllers_is_written() {
    let tunnel = unpulled(labels::COMPONENT_TUNNEL, "not found");
    assert_eq!(
        tunnel,
        [
            "kubectl -n meetings patch meetingzone main --type merge -p '{\"spec\":{\"controllers\":{\"image\":\"REGISTRY/plenum:TAG\"}}}'   # null: the operator's own"
        ]
    );
}

#[test]
fn what_a_command_is_for_stands_below_it() {
    let seen = with(
        "state: {running: {}}",
        &UNPULLED.replace("MESSAGE", "not found"),
    );
    let shown = render::finding(&found(&seen, "ImageNotPulled"));
    let lines: Vec<&str> = shown.lines().collect();
    let note = lines
        .iter()
        .position(|it| it.contains("(null: the operator's own)"));
    assert!(
        lines[note.unwrap() - 1].starts_with("    do:  kubectl -n meetings patch mmrpool"),
        "{shown}"
    );
}

/// A node that was marked for a pool of the namespace `old`, while a router runs there or not.
fn left_behind(annotations: &str, router: bool) -> Vec<String> {
    let node = format!(
        "apiVersion: v1\nkind: Node\nmetadata:\n  name: n9\n  labels: {{plenum.dev/active-pool: old.east}}\n  annotations: {{{annotations}}}\n"
    );
    let mut seen = and(&node);
    if router {
        let running = |it: &&Pod| it.metadata.name.as_deref() == Some("main-mmr-x7k2p");
        let mut orphan = seen.pods.iter().find(running).unwrap().clone();
        orphan.metadata.name = Some("east-mmr-q9z8y".to_owned());
        orphan.spec.as_mut().unwrap().node_name = Some("n9".to_owned());
        seen.pods.items.push(orphan);
    }
    found(&seen, "NodeLeftBehind").remedies
}

#[test]
fn a_node_that_is_left_behind_is_freed_of_all_that_the_operator_wrote() {
    let kept = "cluster-autoscaler.kubernetes.io/scale-down-disabled: \"true\", karpenter.sh/do-not-disrupt: \"true\"";
    let drained = "plenum.dev/draining-since: now, plenum.dev/draining-reason: ScaleDown";
    assert_eq!(
        left_behind(&format!("{kept}, {drained}, other: mine"), false),
        [
            "kubectl annotate node n9 cluster-autoscaler.kubernetes.io/scale-down-disabled- karpenter.sh/do-not-disrupt- plenum.dev/draining-since- plenum.dev/draining-reason- && kubectl label node n9 plenum.dev/active-pool-"
        ]
    );
    assert_eq!(
        left_behind("", false),
        ["kubectl label node n9 plenum.dev/active-pool-"]
    );
}

#[test]
fn a_router_that_was_left_behind_with_its_node_is_emptied_first() {
    let remedies = left_behind("karpenter.sh/do-not-disrupt: \"true\"", true);
    assert!(
        remedies[0].starts_with("kubectl -n old apply -f POOL.yaml"),
        "{remedies:?}"
    );
    assert!(
        remedies[1].starts_with("kubectl -n old delete mmrpool east"),
        "{remedies:?}"
    );
    assert!(!remedies.concat().contains("label node"), "{remedies:?}");
}
