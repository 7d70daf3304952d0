//! What traces see of a reconcile: its steps, and each write with what came of it. Objects are
//! named, their contents are not.

use std::fmt::Display;

use kube::{Resource, ResourceExt as _};
use tracing::field::{Empty, display};
use tracing::{Span, debug_span};

/// One reconcile of an object. To be completed with [`done`].
pub fn reconcile<K: Resource>(controller: &'static str, object: &K) -> Span {
    debug_span!(
        parent: None,
        "reconcile",
        otel.name = %format_args!("reconcile {controller}"),
        otel.status_code = Empty,
        k8s.namespace.name = object.namespace(),
        name = object.name_any(),
        generation = object.meta().generation,
        outcome = Empty,
    )
}

/// One request that changes something.
pub fn write<K: Resource>(verb: &'static str, kind: &str, object: &K) -> Span {
    debug_span!(
        "write",
        otel.name = %format_args!("{verb} {kind}"),
        otel.kind = "client",
        otel.status_code = Empty,
        verb,
        kind,
        k8s.namespace.name = object.namespace(),
        name = object.name_any(),
        outcome = Empty,
    )
}

/// One Event that is published: the requests that make it, or count one more of its kind.
pub fn event(reason: &str) -> Span {
    debug_span!(
        "write",
        otel.name = "publish Event",
        otel.kind = "client",
        otel.status_code = Empty,
        verb = "publish",
        kind = "Event",
        reason,
        outcome = Empty,
    )
}

/// How it ended.
pub fn done<T, E: Display>(span: &Span, result: &Result<T, E>) {
    match result {
        Ok(_) => {
            span.record("outcome", "done");
        }
        Err(error) => {
            span.record("outcome", display(error));
            span.record("otel.status_code", "ERROR");
        }
    }
}
