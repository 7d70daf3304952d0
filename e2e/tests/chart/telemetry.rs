//! What programs are told of traces and logs.

use std::collections::BTreeMap;

use crate::render::{Object, render};

/// The variables of a Deployment's program that are written as they are.
fn environment(objects: &[Object], name: &str) -> BTreeMap<String, String> {
    let id = format!("Deployment plenum-system/{name}");
    let deployment = objects.iter().find(|object| object.id() == id);
    let deployment = deployment.unwrap_or_else(|| panic!("no {id}"));
    let listed = deployment.at("spec.template.spec.containers.0.env");
    let variables = listed.as_sequence().expect("a list").iter();
    variables
        .filter_map(|it| {
            Some((
                it["name"].as_str()?.to_owned(),
                it["value"].as_str()?.to_owned(),
            ))
        })
        .collect()
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn nothing_is_traced_unless_a_collector_is_named() {
    let objects = render("small");
    for name in ["plenum-operator", "plenum-directory"] {
        let told = environment(&objects, name);
        assert_eq!(told["PLENUM_LOG_FORMAT"], "json");
        let traces = told.keys().find(|name| name.starts_with("OTEL_"));
        assert_eq!(traces, None, "{told:?}");
        // An older release's routers would be replaced.
        assert!(!told.contains_key("PLENUM_DATA_PLANE_ENV"), "{told:?}");
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_collector_is_named_to_all_of_them() {
    let objects = render("everything");
    for name in ["plenum-operator", "plenum-directory"] {
        let told = environment(&objects, name);
        let endpoint = &told["OTEL_EXPORTER_OTLP_ENDPOINT"];
        assert_eq!(endpoint, "http://collector.monitoring:4317");
        assert_eq!(told["OTEL_TRACES_SAMPLER"], "parentbased_traceidratio");
        assert_eq!(told["OTEL_TRACES_SAMPLER_ARG"], "0", "none is a ratio too");
    }
    let told = &environment(&objects, "plenum-operator")["PLENUM_DATA_PLANE_ENV"];
    let expected = [
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector.monitoring:4317",
        "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG=0",
        "PLENUM_LOG_FORMAT=text",
    ];
    assert_eq!(told.split(',').collect::<Vec<_>>(), expected);
    for variable in expected {
        let taken = variable.parse::<plenum_operator::environment::Variable>();
        assert!(taken.is_ok(), "the operator refuses {variable}: {taken:?}");
    }
}
