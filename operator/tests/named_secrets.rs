//! Secrets that a zone names are read when they change, and not each time that the zone is looked
//! at, as it is when one of its pools says something of itself.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use api_server::{ApiServer, operate};

const ZONE: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/meetingzones/z";
const POOL: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/mmrpools/p";
const CREDENTIAL: &str = "/api/v1/namespaces/n/secrets/credential";
const AUTHORITY: &str = "/api/v1/namespaces/n/secrets/authority";
const ANOTHER: &str = "/api/v1/namespaces/n/secrets/another";

fn secret(name: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "n"},
        "data": {key: "eA=="},
    })
}

/// A zone with a directory, and a pool.
fn cluster() -> ApiServer {
    let zone = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": {"name": "z", "namespace": "n", "uid": "z", "generation": 1},
        "spec": {"directory": {
            "url": "https://meet.example.org",
            "credentialSecret": {"name": "credential"},
            "authoritySecret": {"name": "authority"},
        }},
    });
    let pool = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
        "metadata": {"name": "p", "namespace": "n", "uid": "p", "generation": 1},
        "spec": {"zone": "z", "nodeSelector": {"routers": "true"}},
    });
    ApiServer::that_applies(&[
        (ZONE, zone),
        (POOL, pool),
        (CREDENTIAL, secret("credential", "credential")),
        (AUTHORITY, secret("authority", "ca.crt")),
    ])
}

/// The pool changes, so that the zone is looked at. Returns when all is done.
async fn looks_again(server: &ApiServer, time: u32) {
    server.edit(POOL, |pool| {
        pool["metadata"]["annotations"]["example.org/time"] = time.to_string().into();
    });
    sleep(Duration::from_mins(1)).await;
}

async fn until(server: &ApiServer, is: impl Fn(&Value) -> bool) {
    for _ in 0..100_000 {
        sleep(Duration::from_secs(1)).await;
        if is(&server.object(ZONE).unwrap()) {
            return;
        }
    }
    panic!("{:?}", server.object(ZONE));
}

/// Returns when the zone says this of what its spec says.
async fn until_ready_says(server: &ApiServer, reason: &str) {
    let says = |zone: &Value| {
        let conditions = zone["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|one| one["reason"] == reason)
    };
    until(server, says).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_read_again_when_it_changed_and_not_before() {
    let server = cluster();
    let operator = tokio::spawn(operate(server.clone()));
    looks_again(&server, 1).await;
    // The lists of the start are over.
    looks_again(&server, 2).await;
    let reads = || [CREDENTIAL, AUTHORITY].map(|path| server.reads(path));
    let before = reads();
    assert!(before.iter().all(|reads| *reads > 0), "{before:?}");
    for time in 3..20 {
        looks_again(&server, time).await;
    }
    assert_eq!(reads(), before);
    server.edit(CREDENTIAL, |secret| secret["data"] = json!({}));
    until_ready_says(&server, "SecretInvalid").await;
    assert_eq!(reads()[1], before[1], "the other one did not change");
    operator.abort();
}

#[tokio::test(start_paused = true)]
async fn one_that_was_missing_is_read_when_it_comes_and_another_when_it_is_named() {
    let server = cluster();
    let name = |name: &'static str| {
        server.edit(ZONE, move |zone| {
            zone["spec"]["directory"]["credentialSecret"]["name"] = name.into();
        });
    };
    name("another");
    let operator = tokio::spawn(operate(server.clone()));
    until_ready_says(&server, "SecretNotFound").await;
    server.add(ANOTHER, &secret("another", "credential"));
    let is_fine = |zone: &Value| {
        !zone["status"]["conditions"]
            .to_string()
            .contains("SecretNotFound")
    };
    until(&server, is_fine).await;
    let before = server.reads(CREDENTIAL);
    name("credential");
    for time in 1..5 {
        looks_again(&server, time).await;
    }
    assert_eq!(server.reads(CREDENTIAL), before + 1);
    operator.abort();
}
