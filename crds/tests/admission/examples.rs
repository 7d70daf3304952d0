//! What the chart gives as an example is admitted, and pools name the zone that comes with them.

use std::fs;

use serde_json::Value;

use crate::api_server;

/// Zones and pools of one file.
fn ours(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(format!("../charts/plenum/examples/{file}")).unwrap();
    let mut documents = api_server::documents(&text);
    documents.retain(|document| document["apiVersion"] == "plenum.dev/v1alpha1");
    documents
}

#[test]
fn every_example_is_admitted_and_its_pool_finds_its_zone() {
    for files in [
        ["zone.yaml", "pool.yaml"],
        ["zone-own-certificate.yaml", "pool.yaml"],
        ["demo.yaml", "demo.yaml"],
    ] {
        let zone = of_kind("MeetingZone", files[0]);
        let pool = of_kind("MMRPool", files[1]);
        assert_eq!(pool["spec"]["zone"], zone["metadata"]["name"], "{files:?}");
        let namespace = &pool["metadata"]["namespace"];
        assert_eq!(*namespace, zone["metadata"]["namespace"], "{files:?}");
    }
}

/// As it would be stored.
fn of_kind(kind: &str, file: &str) -> Value {
    let object = ours(file).into_iter().find(|object| object["kind"] == kind);
    let object = object.unwrap_or_else(|| panic!("no {kind} in {file}"));
    api_server::create(&object).unwrap_or_else(|refusals| panic!("{file}: {refusals:#?}"))
}
