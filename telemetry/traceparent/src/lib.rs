//! The trace that a request belongs to, from process to process: the header `traceparent` of W3C
//! Trace Context.
//!
//! Whoever asks calls [`inject`] within a span, whoever answers makes its span with [`served`].
//! Without a collector there is no trace: nothing is written, nothing that comes is read, and a
//! span is only made where logs of that level are wanted.
//!
//! What comes from outside is believed with care: one well-formed `traceparent` and no
//! `tracestate`, and only so many traces a second that others want recorded. Beyond them a
//! request begins a trace of its own, for which this process's sampler decides.

mod followed;

use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use followed::Followed;

const NAME: &str = "traceparent";
/// The one header that is read and written.
pub const TRACEPARENT: HeaderName = HeaderName::from_static(NAME);

/// Writes the trace of the span that this is called in, where there is one.
pub fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut Headers(headers));
}

/// The span of a request that is answered here, in the trace of whoever asked. `route` is the
/// pattern of its path: paths name meetings, and those are in no trace. To be completed with
/// [`answered`].
///
/// What else is worth telling is recorded as `router` and `outcome`; `id` names the request in
/// logs.
#[must_use]
pub fn served(method: &str, route: &str, headers: &HeaderMap) -> Span {
    let span = tracing::debug_span!(
        "request",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        id = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        router = Empty,
        outcome = Empty,
    );
    // Where nobody makes spans nobody follows one.
    if !span.is_disabled()
        && let Some(parent) = parent(headers)
    {
        // It fails where spans are for logs, and there is nobody to send traces to.
        let _ = span.set_parent(parent);
    }
    span
}

/// Notes the answer to a request.
pub fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// The trace of whoever asked, if it is to be followed.
fn parent(headers: &HeaderMap) -> Option<Context> {
    if !headers.contains_key(TRACEPARENT) {
        return None;
    }
    let said = Theirs(headers);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &said);
    let (valid, sampled) = {
        let span = context.span();
        let context = span.span_context();
        (context.is_valid(), context.is_sampled())
    };
    let follows = valid && (!sampled || Followed::one_more(Instant::now()));
    follows.then_some(context)
}

/// Where the propagator writes.
struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if key == NAME
            && let Ok(value) = HeaderValue::try_from(value)
        {
            self.0.insert(TRACEPARENT, value);
        }
    }
}

/// Where the propagator reads: one header, once.
struct Theirs<'a>(&'a HeaderMap);

impl Extractor for Theirs<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if key != NAME {
            return None;
        }
        let mut said = self.0.get_all(TRACEPARENT).iter();
        let first = said.next()?.to_str().ok()?;
        said.next().is_none().then_some(first)
    }

    fn keys(&self) -> Vec<&str> {
        vec![NAME]
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceId};

    use super::*;

    const SAID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(said: &[&str]) -> HeaderMap {
        let said = said.iter().map(|value| value.parse().unwrap());
        said.map(|value: HeaderValue| (TRACEPARENT, value))
            .collect()
    }

    #[test]
    fn a_trace_goes_on_where_the_header_says() {
        let context = parent(&headers(&[SAID])).unwrap();
        let span = context.span();
        let trace = TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").unwrap();
        assert_eq!(span.span_context().trace_id(), trace);
        let id = SpanId::from_hex("b7ad6b7169203331").unwrap();
        assert_eq!(span.span_context().span_id(), id);
        assert!(span.span_context().is_sampled());

        let mut written = HeaderMap::new();
        TraceContextPropagator::new().inject_context(&context, &mut Headers(&mut written));
        assert_eq!(written, headers(&[SAID]), "and nothing else is written");
    }

    #[test]
    fn what_is_no_trace_is_passed_over() {
        let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let long = format!("{SAID}-{}", "a".repeat(10_000));
        let refused = [
            vec![],
            vec![""],
            vec!["01"],
            vec![zeros],
            vec![&long],
            vec![SAID, SAID],
        ];
        for said in refused {
            assert!(parent(&headers(&said)).is_none(), "{said:?}");
        }
    }

    #[test]
    fn the_state_of_other_vendors_is_not_carried() {
        let mut said = headers(&[SAID]);
        said.insert("tracestate", HeaderValue::from_static("vendor=secret"));
        let context = parent(&said).unwrap();
        assert_eq!(context.span().span_context().trace_state().header(), "");
    }

    #[test]
    fn without_a_collector_nothing_is_written() {
        let mut written = HeaderMap::new();
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        tracing::subscriber::with_default(lines.with_writer(std::io::sink).finish(), || {
            let span = served("GET", "/", &headers(&[SAID]));
            span.in_scope(|| inject(&mut written));
            answered(&span, StatusCode::OK);
        });
        assert!(written.is_empty(), "{written:?}");
    }
}
