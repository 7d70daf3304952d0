//! What the API server is told of what happened.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use k8s_openapi::api::core::v1::ObjectReference;
use plenum_operator::events::{EventType, Events};
use serde_json::json;

use api_server::ApiServer;

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/n/events";

fn named(name: &str) -> ObjectReference {
    ObjectReference {
        namespace: Some("n".to_owned()),
        name: Some(name.to_owned()),
        ..ObjectReference::default()
    }
}

async fn tell(events: &Events, node: &str, what: &str) {
    let words = ("RouterAdded", "Label");
    let (about, related) = (named("pool"), Some(named(node)));
    let type_ = EventType::Normal;
    events.publish(type_, &about, related, words, what).await;
}

#[tokio::test]
async fn what_happens_again_to_the_same_thing_is_one_event_that_counts() {
    let server = ApiServer::that_applies(&[]);
    let events = Events::new(server.client(), "me");
    tell(&events, "node-1", "a router starts").await;
    tell(&events, "node-2", "another one starts").await;
    tell(&events, "node-1", "it starts again").await;
    let writes = server.writes();
    let [first, second, third] = &writes[..] else {
        panic!("{writes:?}");
    };
    let create = format!("POST {EVENTS}");
    assert_eq!([first, second], [&create, &create]);
    let path = third.strip_prefix("PATCH ").unwrap();
    assert!(path.starts_with(&format!("{EVENTS}/pool.")), "{path}");
    let event = server.object(path).unwrap();
    let expected = json!({
        "type": "Normal", "reason": "RouterAdded", "action": "Label",
        "note": "a router starts",
        "regarding": {"namespace": "n", "name": "pool"},
        "related": {"namespace": "n", "name": "node-1"},
        "reportingController": "plenum-operator", "reportingInstance": "me",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(event[field], *value, "{field}");
    }
    assert_eq!(event["series"]["count"], 2);
    let [first, last] = [&event["eventTime"], &event["series"]["lastObservedTime"]];
    assert!(first.as_str().unwrap() < last.as_str().unwrap(), "{event}");
}

#[tokio::test(start_paused = true)]
async fn what_follows_one_that_was_not_written_is_an_event_of_its_own() {
    let server = ApiServer::that_applies(&[]);
    let events = Events::new(server.client(), "me");
    server.be_deaf_to(Some("events"));
    tell(&events, "node-1", "nobody hears it").await;
    server.be_deaf_to(None);
    tell(&events, "node-1", "a router starts").await;
    assert_eq!(server.writes(), [format!("POST {EVENTS}")]);
}
