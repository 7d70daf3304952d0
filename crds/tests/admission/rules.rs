//! Each rule of the two schemas, from both sides: what it lets through and what it refuses.

use crate::api_server;
use proptest::prelude::*;
use serde_json::{Value, json};

fn zone(spec: Value) -> Value {
    json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": { "name": "berlin" }, "spec": spec,
    })
}

/// A good pool with these fields of its spec set.
fn pool(fields: Value) -> Value {
    let mut spec = json!({ "zone": "berlin", "nodeSelector": { "plenum.dev/routers": "true" } });
    for (field, value) in fields.as_object().unwrap() {
        spec[field] = value.clone();
    }
    json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
        "metadata": { "name": "routers" }, "spec": spec,
    })
}

fn named(mut object: Value, name: &str) -> Value {
    object["metadata"]["name"] = name.into();
    object
}

#[track_caller]
fn admitted(object: &Value) -> Value {
    api_server::create(object).unwrap()
}

#[track_caller]
fn refused(object: &Value, expected: &str) {
    let refusals = api_server::create(object).expect_err("it was admitted");
    assert!(
        refusals.iter().any(|text| text.contains(expected)),
        "{refusals:#?}"
    );
}

#[test]
fn names_leave_room_for_the_endings_of_children() {
    for name in ["a", "berlin", "berlin-2", &"a".repeat(40)] {
        admitted(&named(zone(json!({})), name));
        admitted(&named(pool(json!({})), name));
    }
    for name in ["2berlin", "berlin.de", "berlin-", "Berlin", &"a".repeat(41)] {
        refused(
            &named(zone(json!({})), name),
            "at most 40 lower-case letters",
        );
        refused(
            &named(pool(json!({})), name),
            "at most 40 lower-case letters",
        );
    }
}

#[test]
fn an_image_is_a_reference() {
    for image in ["plenum", "registry.example:5000/plenum@sha256:0123"] {
        admitted(&zone(json!({ "controllers": { "image": image } })));
        admitted(&pool(json!({ "image": image })));
    }
    for image in [" plenum", "plenum latest", "\t"] {
        refused(
            &zone(json!({ "controllers": { "image": image } })),
            "without spaces",
        );
        refused(&pool(json!({ "image": image })), "without spaces");
    }
}

#[test]
fn a_node_port_needs_a_service_that_has_one() {
    admitted(&zone(
        json!({ "exposure": { "type": "NodePort", "nodePort": 30443 } }),
    ));
    admitted(&zone(
        json!({ "exposure": { "type": "LoadBalancer", "nodePort": 30443 } }),
    ));
    admitted(&zone(json!({ "exposure": { "type": "NodePort" } })));
    refused(
        &zone(json!({ "exposure": { "nodePort": 30443 } })),
        "write type: NodePort",
    );
}

#[test]
fn hostnames_are_names_or_addresses() {
    for name in [
        "meet.example.org",
        "meet",
        "192.0.2.1",
        "2001:db8::1",
        "1a.example",
    ] {
        admitted(&zone(json!({ "exposure": { "hostnames": [name] } })));
    }
    for name in [
        "https://meet.example.org",
        "meet.example.org:443",
        "*.example.org",
        "Meet",
        "a..b",
    ] {
        refused(
            &zone(json!({ "exposure": { "hostnames": [name] } })),
            "without scheme, port",
        );
    }
    refused(
        &zone(json!({ "exposure": { "hostnames": ["a", "a"] } })),
        "Duplicate value",
    );
}

#[test]
fn a_zone_with_admission_by_directory_has_its_keys_or_itself_and_an_open_one_no_keys() {
    let keys = json!({ "name": "directory-keys" });
    admitted(&zone(
        json!({ "admission": { "mode": "Directory", "directoryKeysSecret": keys } }),
    ));
    let directory = json!({
        "url": "https://meet.example.org",
        "credentialSecret": { "name": "us" },
    });
    admitted(&zone(
        json!({ "admission": { "mode": "Directory" }, "directory": directory }),
    ));
    admitted(&zone(json!({ "directory": directory })));
    for url in [
        "http://meet.example.org",
        "meet.example.org",
        "https://a@b",
        "https://a/b",
    ] {
        let mut wrong = directory.clone();
        wrong["url"] = url.into();
        refused(&zone(json!({ "directory": wrong })), "https://HOST");
        let mut wrong = directory.clone();
        wrong["replicaUrls"] = json!(["https://site.example.org", url]);
        refused(&zone(json!({ "directory": wrong })), "of replicas as https");
    }
    let mut two = directory.clone();
    two["replicaUrls"] = json!(["https://site.example.org", "https://10.0.0.1:8443"]);
    admitted(&zone(json!({ "directory": two })));
    two["replicaUrls"] = json!(["https://a.example.org,https:"]);
    refused(&zone(json!({ "directory": two })), "of replicas as https");
    refused(
        &zone(json!({ "admission": { "mode": "Directory" } })),
        "write spec.directory with its url",
    );
    refused(
        &zone(json!({ "admission": { "directoryKeysSecret": keys } })),
        "write mode: Directory",
    );
}

#[test]
fn a_list_of_meetings_names_some() {
    admitted(&zone(
        json!({ "admission": { "meetings": ["team-room", "Plenum_1.2"] } }),
    ));
    refused(
        &zone(json!({ "admission": { "meetings": [] } })),
        "remove meetings to allow any",
    );
    refused(
        &zone(json!({ "admission": { "meetings": ["team room"] } })),
        "write meeting ids with",
    );
}

#[test]
fn a_certificate_comes_from_one_place() {
    let given = json!({ "source": "Secret", "secretName": "meet-tls" });
    admitted(&zone(json!({ "certificates": given })));
    refused(
        &zone(json!({ "certificates": { "source": "Secret" } })),
        "write secretName",
    );
    refused(
        &zone(json!({ "certificates": { "secretName": "meet-tls" } })),
        "write source: Secret",
    );
}

#[test]
fn a_pool_stays_with_its_zone() {
    let stored = admitted(&pool(json!({})));
    assert!(api_server::update(&pool(json!({ "maxRouters": 20 })), &stored).is_ok());
    let refusals = api_server::update(&pool(json!({ "zone": "paris" })), &stored).unwrap_err();
    assert!(
        refusals[0].contains("create another pool for the other zone"),
        "{refusals:?}"
    );
}

#[test]
fn a_selector_picks_nodes_by_the_users_labels() {
    admitted(&pool(json!({ "nodeSelector": { "pool": "" } })));
    refused(&pool(json!({ "nodeSelector": {} })), "on every node");
    let own = json!({ "plenum.dev/active-pool": "meetings.routers" });
    refused(
        &pool(json!({ "nodeSelector": own })),
        "select by a label that you set",
    );
    refused(
        &pool(json!({ "nodeSelector": { "pool": "a b" } })),
        "label values",
    );
}

#[test]
fn quantities_are_those_of_kubernetes() {
    for good in [json!("100m"), json!("1.5Gi"), json!(2), json!("1e3")] {
        admitted(&pool(
            json!({ "resources": { "requests": { "cpu": good } } }),
        ));
    }
    for bad in ["much", "-1", "1 Gi", ""] {
        refused(
            &pool(json!({ "resources": { "limits": { "memory": bad } } })),
            "should match",
        );
    }
}

#[test]
fn a_null_means_left_out() {
    let stored = admitted(&pool(json!({ "replicas": null, "minRouters": null })));
    assert_eq!(stored["spec"].get("replicas"), None);
    assert_eq!(stored["spec"]["minRouters"], 1);
}

proptest! {
    #[test]
    fn sizes_are_admitted_exactly_when_minimum_replicas_and_maximum_are_in_order(
        min in 1u32..30, max in 1u32..30, replicas in proptest::option::of(1u32..30),
    ) {
        let fields = json!({ "minRouters": min, "maxRouters": max, "replicas": replicas });
        let wanted = min <= max && replicas.is_none_or(|replicas| min <= replicas && replicas <= max);
        prop_assert_eq!(api_server::create(&pool(fields)).is_ok(), wanted);
    }

    #[test]
    fn ports_are_admitted_exactly_when_no_two_are_the_same(
        https in 1u16..5, media in 1u16..5, health in 1u16..5,
    ) {
        let fields = json!({ "httpsPort": https, "mediaPort": media, "healthPort": health });
        let wanted = https != media && https != health && media != health;
        prop_assert_eq!(api_server::create(&pool(fields)).is_ok(), wanted);
    }
}

#[test]
fn refused_numbers_say_which_one_to_move() {
    refused(
        &pool(json!({ "minRouters": 20 })),
        "raise maxRouters or lower minRouters",
    );
    refused(&pool(json!({ "replicas": 12 })), "or move the bound first");
    refused(
        &pool(json!({ "mediaPort": 443 })),
        "give each its own number",
    );
}

#[test]
fn labels_and_annotations_of_pods_are_anybodys_but_the_operators() {
    let labelled = |labels: Value| json!({ "podMetadata": { "labels": labels } });
    let annotated = |annotations: Value| json!({ "podMetadata": { "annotations": annotations } });
    let value = json!({ "cost-center": "meetings", "example.org/team": "", "app": "plenum" });
    let long = json!({ "config.linkerd.io/skip-outbound-ports": "443, 9443" });
    for spec in [labelled(value), annotated(long)] {
        admitted(&pool(spec.clone()));
        admitted(&zone(json!({ "controllers": spec, "tunnels": spec })));
    }
    let (of_labels, of_annotations) = (
        "labels that begin with plenum.dev/ or app.kubernetes.io/ are the operator's",
        "annotations that begin with plenum.dev/ are the operator's",
    );
    for (spec, sentence) in [
        (labelled(json!({ "plenum.dev/zone": "x" })), of_labels),
        (
            labelled(json!({ "app.kubernetes.io/name": "x" })),
            of_labels,
        ),
        (
            annotated(json!({ "plenum.dev/public-address": "x" })),
            of_annotations,
        ),
        (
            labelled(json!({ "a": "two words" })),
            "values of podMetadata.labels are label values",
        ),
    ] {
        refused(&pool(spec.clone()), sentence);
        refused(&zone(json!({ "controllers": spec })), sentence);
        refused(&zone(json!({ "tunnels": spec })), sentence);
    }
}
