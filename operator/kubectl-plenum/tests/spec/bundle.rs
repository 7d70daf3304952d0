//! Secrets planted everywhere do not leave the cluster.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use k8s_openapi::api::core::v1::Pod;
use kubectl_plenum::bundle::{File, Gathered, SecretOutline, archive, files, pods};
use kubectl_plenum::snapshot::{Seen, Trouble};
use serde_json::{Value, json};

use crate::world::{healthy, now, pod};

const PASSWORD: &str = "correct-horse-battery";
const FROM_SECRET: &str = "Zx81-value-of-a-secret";
const JWT: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";
const KEY_BODY: &str = "MC4CAQAwBQYDK2VwBCIEIPlantedPlantedPlantedPlantedPlanted";
const CREDENTIAL: &str = "plz_q8Jk2lM4nP6rS8tV0xZ2bD4f";

fn pem() -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n-----END PRIVATE KEY-----\n")
}

fn planted() -> Vec<String> {
    let mut all = [PASSWORD, FROM_SECRET, JWT, KEY_BODY, CREDENTIAL]
        .map(str::to_owned)
        .to_vec();
    all.push(STANDARD.encode(FROM_SECRET));
    // A token is spoilt in parts, too.
    all.push("c2lnbmF0dXJl".to_owned());
    all
}

/// In every place of an object where somebody may have put one.
fn object() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "main-zc-0", "namespace": "meetings",
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": format!("{{\"password\":\"{PASSWORD}\"}}"),
                "note": format!("login with password={PASSWORD} and {JWT}"),
                "key": pem(),
            },
            "managedFields": [{"manager": PASSWORD}],
        },
        "spec": {"containers": [{
            "name": "zc",
            "command": ["plenum", "--token", PASSWORD, format!("--api-key={PASSWORD}"), "--zone", "main"],
            "args": [format!("postgres://plenum:{PASSWORD}@db/plenum")],
            "env": [
                {"name": "DATABASE_URL", "value": PASSWORD},
                {"name": "HARMLESS", "value": FROM_SECRET},
            ],
        }]},
        "status": {"message": format!("Authorization: Bearer {CREDENTIAL}"), "password": PASSWORD},
    })
}

fn secret() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "slipped-in", "namespace": "meetings"},
        "data": {"a": STANDARD.encode(FROM_SECRET)}, "stringData": {"b": PASSWORD},
    })
}

fn log() -> String {
    let inner = json!({"level": "ERROR", "fields": {"message": format!("sent token={PASSWORD}"), "body": pem()}});
    [
        format!("plain {FROM_SECRET} in a line"),
        format!("encoded {}", STANDARD.encode(FROM_SECRET)),
        inner.to_string(),
        json!({"nested": inner.to_string()}).to_string(),
        format!("GET /v1/lookup?passcode={PASSWORD}&meeting=4711"),
        format!(
            "Cookie: session={CREDENTIAL}; authorization: Basic {}",
            STANDARD.encode(PASSWORD)
        ),
        format!("jwt {JWT}"),
        pem(),
        "the meeting 4711 moved to main-mmr-x7k2p".to_owned(),
    ]
    .join("\n")
}

fn gathered() -> Gathered {
    let mut snapshot = healthy();
    let message = format!("the Secret holds {FROM_SECRET}, password: {PASSWORD}");
    let status = snapshot.zones.items[0].status.as_mut().unwrap();
    "False".clone_into(&mut status.conditions[0].status);
    status.conditions[0].message = message;
    Gathered {
        snapshot,
        objects: vec![object(), secret()],
        secrets: vec![SecretOutline {
            namespace: "meetings".to_owned(),
            name: "main-signing-key".to_owned(),
            type_: "Opaque".to_owned(),
            keys: vec!["k1.pem".to_owned()],
        }],
        secret_values: vec![FROM_SECRET.to_owned(), pem(), "main".to_owned()],
        texts: vec![
            File {
                path: "logs/meetings/main-zc-0-zc.log".to_owned(),
                text: log(),
            },
            File {
                path: "metrics/meetings/main-zc-0.txt".to_owned(),
                text: "plenum_zone_routers 1\n".to_owned(),
            },
        ],
        troubles: Vec::new(),
    }
}

/// What somebody reads who unpacks it.
fn unpacked() -> Vec<(String, String)> {
    let files = files(&gathered());
    let mut packed = Vec::new();
    archive::write(&files, "bundle", now(), &mut packed).unwrap();
    let mut archive = tar::Archive::new(GzDecoder::new(packed.as_slice()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (path, text)
    });
    entries.collect()
}

#[test]
fn nothing_that_was_planted_is_in_the_bundle() {
    for (path, text) in unpacked() {
        for secret in planted() {
            assert!(!text.contains(&secret), "{secret} is in {path}:\n{text}");
        }
    }
}

#[test]
fn what_helps_is_still_there() {
    let all = unpacked();
    let read = |path: &str| {
        let found = all.iter().find(|(it, _)| it == path);
        &found.unwrap_or_else(|| panic!("no {path}")).1
    };
    assert!(
        read("bundle/logs/meetings/main-zc-0-zc.log")
            .contains("the meeting 4711 moved to main-mmr-x7k2p")
    );
    assert!(read("bundle/metrics/meetings/main-zc-0.txt").contains("plenum_zone_routers 1"));
    let pod = read("bundle/objects/meetings/pod-main-zc-0.yaml");
    assert!(
        pod.contains("name: DATABASE_URL") && pod.contains("- --zone"),
        "{pod}"
    );
    let secrets: Value = serde_json::from_str(read("bundle/secrets.json")).unwrap();
    assert_eq!(secrets[0]["keys"], json!(["k1.pem"]));
    let status: Value = serde_json::from_str(read("bundle/status.json")).unwrap();
    assert_eq!(status["zones"][0]["name"], "main", "a word is no secret");
    assert!(read("bundle/doctor.txt").contains("WRONG"));
}

/// So many pods of a component that run, and one that does not.
fn pods_of(component: &str, running: usize) -> Vec<Pod> {
    let pod = |name: String, ready: &str| {
        let labels = json!({"app.kubernetes.io/component": component});
        let conditions = json!([{"type": "Ready", "status": ready}]);
        let pod = json!({
            "metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions},
        });
        serde_json::from_value(pod).unwrap()
    };
    let running = (0..running).map(|number| pod(format!("{component}-{number}"), "True"));
    running
        .chain([pod(format!("{component}-sick"), "False")])
        .collect()
}

#[test]
fn of_many_pods_those_are_taken_that_tell_most() {
    let mut all = Vec::new();
    // As they are listed: by namespace, and that of the operator is not the first.
    for component in ["placeholder", "router", "zone-controller"] {
        all.extend(pods_of(component, 300));
    }
    all.extend(pods_of("directory", 1));
    all.extend(pods_of("operator", 1));
    let all = Seen::of(all);
    let chosen = pods::chosen(&all);
    assert_eq!(chosen.len(), 100);
    let names: Vec<&str> = chosen
        .iter()
        .map(|it| it.metadata.name.as_deref().unwrap())
        .collect();
    let first = &names[..6];
    for name in [
        "operator-0",
        "operator-sick",
        "directory-0",
        "directory-sick",
        "router-sick",
        "zone-controller-sick",
    ] {
        assert!(first.contains(&name), "{name}: {first:?}");
    }
    let of = |component: &str| names.iter().filter(|it| it.starts_with(component)).count();
    assert_eq!((of("router"), of("zone-controller")), (48, 48));
    let trouble = pods::left_out(&all).unwrap();
    assert_eq!(
        trouble.what,
        "logs and metrics of 807 of 907 pods are left out"
    );
}

#[test]
fn of_a_hundred_pods_all_are_taken() {
    let all = Seen::of(pods_of("router", 99));
    assert_eq!(pods::chosen(&all).len(), 100);
    assert_eq!(pods::left_out(&all), None);
}

#[test]
fn whatever_could_not_be_looked_at_is_told() {
    let mut seen = healthy();
    let refused = |kind: &str| Trouble {
        what: format!("could not list {kind}"),
        remedy: "ask".to_owned(),
    };
    seen.stateful_sets.troubles.push(refused("statefulsets"));
    seen.leases.troubles.push(refused("leases"));
    seen.certificates.troubles.push(refused("secrets"));
    seen.silent
        .insert(pod("meetings", "main-zc-0"), refused("metrics"));
    let told: Vec<&str> = seen.troubles().map(|it| it.what.as_str()).collect();
    assert_eq!(
        told,
        [
            "could not list statefulsets",
            "could not list leases",
            "could not list secrets",
            "could not list metrics"
        ]
    );
}
