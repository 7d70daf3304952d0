//! Traces reach a collector whole: spans of ours, however quiet the logs are, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

use http::{HeaderMap, StatusCode};
use plenum_collector::{Collector, Kind};
use plenum_telemetry::Format;
use plenum_traceparent::{answered, inject, served};

#[tokio::test]
async fn what_is_done_in_one_process_and_answered_in_another_is_one_trace() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint().to_owned();
    let guard = plenum_telemetry::init_with_traces("plenum-test", Format::Json, &endpoint).unwrap();

    let mut headers = HeaderMap::new();
    let asking = tracing::debug_span!(target: "plenum_test", "asking", otel.kind = "client");
    asking.in_scope(|| {
        inject(&mut headers);
        tracing::info!(secret = "in a log, and in no trace", "something happens");
        drop(tracing::trace_span!(target: "plenum_test", "detail"));
        drop(tracing::debug_span!(target: "plenum_test", "heartbeat"));
        drop(tracing::info_span!(target: "hyper", "of a library"));
    });
    drop(asking);
    let answering = served("POST", "/v1/lookup", &headers);
    answered(&answering, StatusCode::SERVICE_UNAVAILABLE);
    drop(answering);
    // As at the end of a process: it waits for the collector, which runs on this thread.
    let ended = tokio::task::spawn_blocking(move || drop(guard));

    let spans = collector
        .until(|spans| (spans.len() >= 2).then(|| spans.to_vec()))
        .await;
    ended.await.unwrap();
    assert_eq!(collector.spans().len(), 2, "{:#?}", collector.spans());
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (asking, answering) = (of("asking"), of("POST /v1/lookup"));
    assert_eq!(asking.service, "plenum-test");
    assert_eq!(asking.kind, Kind::Client);
    assert!(asking.parent.is_empty(), "{asking:?}");
    assert!(asking.events.is_empty(), "{asking:?}");
    assert_eq!(answering.trace, asking.trace);
    assert_eq!(answering.parent, asking.id);
    assert_eq!(answering.kind, Kind::Server);
    let status = answering.attribute("http.response.status_code");
    assert_eq!(status, Some("503"));
    assert!(answering.failed, "{answering:?}");
}
