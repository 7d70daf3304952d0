//! `helm upgrade --reuse-values` renders the chart of now with the defaults of the chart that was
//! installed: whatever came since is not among them. Our pages say `--reset-then-reuse-values`; who
//! says the other gets what was there, and what can do without defaults.

use std::fs;
use std::path::Path;

use crate::render::{Object, chart, read, try_render, values};

/// The values of former charts, in their order.
const FORMER: [&str; 3] = ["first", "pull-secrets", "directory"];

/// A copy of the chart with other default values.
fn with_defaults(of: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary directory");
    copy_tree(&chart(), copy.path());
    let values = read(values(&format!("former/{of}")));
    fs::write(copy.path().join("values.yaml"), values).expect("a copy that can be written");
    copy
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).expect("a directory");
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn values_of_a_former_chart_render_what_they_did() {
    for former in FORMER {
        let copy = with_defaults(former);
        let objects = try_render(copy.path(), &[])
            .unwrap_or_else(|complaint| panic!("values of {former}: {complaint}"));
        let mut ids: Vec<String> = objects.iter().map(Object::id).collect();
        ids.sort();
        let expected = [
            "ClusterRole /plenum-operator",
            "ClusterRole /plenum-operator-edit",
            "ClusterRole /plenum-operator-view",
            "ClusterRoleBinding /plenum-operator",
            "Deployment plenum-system/plenum-operator",
            "PodDisruptionBudget plenum-system/plenum-operator",
            "Role plenum-system/plenum-operator",
            "RoleBinding plenum-system/plenum-operator",
            "ServiceAccount plenum-system/plenum-operator",
        ];
        assert_eq!(ids, expected, "values of {former}");
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn what_is_new_can_be_turned_on_beside_values_of_a_former_chart() {
    for former in FORMER {
        let copy = with_defaults(former);
        for setting in [
            "serviceMonitor.enabled=true",
            "prometheusRule.enabled=true",
            "dashboards.enabled=true",
            "networkPolicy.enabled=true,zoneNamespaces={meetings}",
            "priorityClasses.enabled=true",
            "commonLabels.team=a,commonAnnotations.b=c",
        ] {
            let objects = try_render(copy.path(), &["--set", setting])
                .unwrap_or_else(|complaint| panic!("{former}, {setting}: {complaint}"));
            assert!(objects.len() >= 9, "{former}, {setting}");
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_directory_beside_values_that_are_older_is_refused_with_what_to_type() {
    let directory = "directory.enabled=true,directory.hostnames={meet.example.org}";
    for former in ["first", "pull-secrets"] {
        let copy = with_defaults(former);
        let refused = try_render(copy.path(), &["--set", directory]).expect_err("no defaults");
        let said = "upgrade with --reset-then-reuse-values";
        assert!(refused.contains(said), "{former}: {refused}");
    }
    let copy = with_defaults("directory");
    let objects = try_render(copy.path(), &["--set", directory]).expect("defaults of its own");
    let made = |object: &Object| object.id() == "Deployment plenum-system/plenum-directory";
    assert!(objects.iter().any(made));
}
