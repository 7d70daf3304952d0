//! What the directory connects to, and who connects to it.

use serde_yaml::Value;

use crate::render::{Object, at, chart, try_render, values};

/// The directory with `PostgreSQL`, and what is set besides; `Deployment` or `Service`.
fn directory(kind: &str, settings: &str) -> Object {
    let file = values("own-certificate");
    let file = file.to_str().expect("a path in UTF-8");
    let arguments = ["--values", file, "--set", settings];
    let objects = try_render(&chart(), &arguments)
        .unwrap_or_else(|complaint| panic!("{settings}: {complaint}"));
    let id = format!("{kind} plenum-system/plenum-directory");
    let found = objects.into_iter().find(|object| object.id() == id);
    found.unwrap_or_else(|| panic!("no {id}"))
}

/// The program in its pods.
fn program(deployment: &Object) -> &Value {
    deployment.at("spec.template.spec.containers.0")
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn both_families_are_served() {
    let deployment = directory("Deployment", "directory.replicas=2");
    let arguments = at(program(&deployment), "args")
        .as_sequence()
        .expect("a list");
    for argument in ["--listen=[::]:8443", "--health=[::]:8080"] {
        assert!(arguments.contains(&argument.into()), "{arguments:?}");
    }
}
