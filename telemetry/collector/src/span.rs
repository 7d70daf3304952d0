//! A span, as tests look at it.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Kind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span as Sent};

/// Something that a process did, and how long it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Which program.
    pub service: String,
    /// What about its process is the same in all its spans.
    pub resource: BTreeMap<String, String>,
    /// What was done.
    pub name: String,
    /// Whether it was asked for, or asked of another.
    pub kind: Kind,
    /// The same in every process that one join went through.
    pub trace: Vec<u8>,
    /// Its own.
    pub id: Vec<u8>,
    /// That of the span around it; empty where there is none.
    pub parent: Vec<u8>,
    /// What is told of it.
    pub attributes: BTreeMap<String, String>,
    /// Events within it, by name.
    pub events: Vec<String>,
    /// Whether it says that it failed.
    pub failed: bool,
}

impl Span {
    /// One attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// The spans of one process.
pub(crate) fn read(came: ResourceSpans) -> impl Iterator<Item = Span> {
    let resource = came.resource.map(|it| it.attributes).unwrap_or_default();
    let resource = texts(resource);
    let service = resource.get("service.name").cloned().unwrap_or_default();
    let spans = came.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(move |sent| span(&service, &resource, sent))
}

fn span(service: &str, resource: &BTreeMap<String, String>, sent: Sent) -> Span {
    Span {
        service: service.to_owned(),
        resource: resource.clone(),
        kind: sent.kind(),
        name: sent.name,
        trace: sent.trace_id,
        id: sent.span_id,
        parent: sent.parent_span_id,
        attributes: texts(sent.attributes),
        events: sent.events.into_iter().map(|event| event.name).collect(),
        failed: sent
            .status
            .is_some_and(|status| status.code() == StatusCode::Error),
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|it| it.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(yes)) => yes.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    };
    let texts = attributes.into_iter().map(|it| (it.key, text(it.value)));
    texts.collect()
}
