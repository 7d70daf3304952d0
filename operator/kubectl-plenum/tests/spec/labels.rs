//! The mistake that most people make: no node has the labels of the pool.

use kubectl_plenum::finding::Level;

use crate::world::{found, with};

const SELECTOR: &str = "nodeSelector: {plenum.dev/routers: \"true\"}";

#[test]
fn another_value_is_told_with_the_command_that_mends_it() {
    let seen = with(SELECTOR, "nodeSelector: {plenum.dev/routers: \"yes\"}");
    let finding = found(&seen, "NoMatchingNodes");
    assert_eq!(finding.level, Level::Wrong);
    assert_eq!(
        finding.what,
        "no node has the labels of its nodeSelector: plenum.dev/routers=yes"
    );
    assert!(
        finding.why.contains("node n1 has plenum.dev/routers=true"),
        "{finding:?}"
    );
    assert_eq!(
        finding.remedies[0],
        "kubectl label node n1 plenum.dev/routers=yes --overwrite"
    );
    assert!(
        finding
            .remedies
            .last()
            .unwrap()
            .contains("edit mmrpool main")
    );
}

#[test]
fn a_letter_too_few_or_another_prefix_is_nearly_right() {
    for typed in [
        "plenum.dev/router",
        "plenum.io/routers",
        "Plenum.dev/Routers",
        "routers",
    ] {
        let seen = with(SELECTOR, &format!("nodeSelector: {{{typed}: \"true\"}}"));
        let finding = found(&seen, "NoMatchingNodes");
        assert!(
            finding.why.contains("node n1 has plenum.dev/routers=true"),
            "{typed}: {finding:?}"
        );
    }
}

#[test]
fn one_label_of_two_is_nearly_right() {
    let seen = with(
        SELECTOR,
        "nodeSelector: {plenum.dev/routers: \"true\", disk: fast}",
    );
    let finding = found(&seen, "NoMatchingNodes");
    assert!(
        finding.why.contains("node n1 has only some of them"),
        "{finding:?}"
    );
    assert_eq!(
        finding.remedies[0],
        "kubectl label node n1 disk=fast --overwrite"
    );
}

#[test]
fn nodes_that_have_nothing_like_it_are_not_proposed() {
    let seen = with(SELECTOR, "nodeSelector: {gpu: \"true\"}");
    let finding = found(&seen, "NoMatchingNodes");
    assert_eq!(finding.why, "none of the 3 nodes has anything like it");
    assert_eq!(finding.remedies, ["kubectl label node NODE gpu=true"]);
}

#[test]
fn a_zone_with_nearly_that_name_is_proposed() {
    let seen = with("zone: main\n  nodeSelector", "zone: mian\n  nodeSelector");
    let finding = found(&seen, "ZoneNotFound");
    assert_eq!(finding.why, "main is there: was that meant?");
}
