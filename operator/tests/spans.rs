//! One reconcile is one trace: its steps and its writes, with names and without contents.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::fmt::Write as _;

use plenum_collector::{Collector, Kind, Span};
use plenum_telemetry::Format;
use serde_json::json;

use api_server::{ApiServer, operate};

const ZONE: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/meetingzones/z";

/// A reconcile that made the zone's controllers, with everything in its trace.
fn making(spans: &[Span]) -> Option<(Span, Vec<Span>)> {
    let mut made = spans.iter().filter(|span| span.name == "apply StatefulSet");
    made.find_map(|made| {
        let trace = spans.iter().filter(|span| span.trace == made.trace);
        let root = trace.clone().find(|span| span.name == "reconcile zone")?;
        let others = trace.filter(|span| span.id != root.id);
        Some((root.clone(), others.cloned().collect()))
    })
}

#[tokio::test]
async fn a_reconcile_is_followed_through_its_steps_and_its_writes() {
    let collector = Collector::start().await;
    let traces = collector.endpoint();
    let _traces =
        plenum_telemetry::init_with_traces("plenum-operator", Format::Json, traces).unwrap();
    let zone = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone", "spec": {},
        "metadata": {"name": "z", "namespace": "n", "uid": "z", "generation": 1},
    });
    let server = ApiServer::that_applies(&[(ZONE, zone)]);
    let operator = tokio::spawn(operate(server.clone()));
    let (reconcile, steps) = collector.until(making).await;
    operator.abort();

    assert!(reconcile.parent.is_empty(), "{reconcile:?}");
    assert_eq!(reconcile.service, "plenum-operator");
    assert_eq!(reconcile.attribute("k8s.namespace.name"), Some("n"));
    assert_eq!(reconcile.attribute("name"), Some("z"));
    assert_eq!(reconcile.attribute("outcome"), Some("done"));
    for name in ["fetch", "plan", "apply StatefulSet", "status MeetingZone"] {
        let step = steps.iter().find(|step| step.name == name);
        let step = step.unwrap_or_else(|| panic!("no {name} in {steps:#?}"));
        assert_eq!(step.parent, reconcile.id, "{step:?}");
    }
    let write = steps.iter().find(|step| step.name == "apply StatefulSet");
    let write = write.unwrap();
    assert_eq!(write.kind, Kind::Client);
    assert_eq!(write.attribute("verb"), Some("apply"));
    assert_eq!(write.attribute("kind"), Some("StatefulSet"));
    assert_eq!(write.attribute("name"), Some("z-zc"));
    assert_eq!(write.attribute("outcome"), Some("done"));
    let said = format!("00-{}-{}-01", hex(&write.trace), hex(&write.id));
    assert!(
        server.traceparents().contains(&said),
        "the API server knows"
    );

    let everything = format!("{:?}", collector.spans());
    // A key, and how PEM begins in a Secret.
    for secret in ["PRIVATE KEY", "LS0tLS1"] {
        assert!(!everything.contains(secret), "{secret} is in a trace");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
