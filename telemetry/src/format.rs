//! How log lines look.

use std::str::FromStr;

use opentelemetry::trace::{TraceContextExt as _, TraceId};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, for services.
    Json,
    /// For a person at a terminal.
    Text,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(format!(
                "{other:?} is no format of logs: write json or text"
            )),
        }
    }
}

/// Writes an event as one JSON object: `timestamp`, `level`, `event` where it is one of ours,
/// `message`, its fields, `target`, `trace_id` where it happened within something that is traced,
/// and `spans` from the outermost to the innermost.
pub(crate) struct Json;

/// Targets of events that are ours, and whose names are therefore stable.
const OURS: &str = "plenum";

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let metadata = event.metadata();
        // What libraries say by the crate `log` comes with its origin as a field.
        let target = fields.log_target.as_deref().unwrap_or(metadata.target());
        write!(
            line,
            "{{\"timestamp\":{},\"level\":\"{}\"",
            Value::from(time),
            metadata.level()
        )?;
        if target.starts_with(OURS) {
            write!(line, ",\"event\":\"{}\"", name(&fields.message))?;
        }
        write!(line, ",\"message\":{}", Value::from(fields.message))?;
        for (name, value) in fields.others {
            write!(line, ",{}:{value}", Value::from(name))?;
        }
        write!(line, ",\"target\":{}", Value::from(target))?;
        if let Some(trace) = trace() {
            write!(line, ",\"trace_id\":\"{trace}\"")?;
        }
        spans(context, &mut line)?;
        writeln!(line, "}}")
    }
}

/// The trace that is sent of what goes on.
fn trace() -> Option<TraceId> {
    opentelemetry::Context::map_current(|context| {
        let span = context.span();
        let context = span.span_context();
        context.is_sampled().then(|| context.trace_id())
    })
}

/// The spans that the event is in; nothing where there are none.
fn spans<S, N>(context: &FmtContext<'_, S, N>, line: &mut Writer<'_>) -> std::fmt::Result
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let Some(scope) = context.event_scope() else {
        return Ok(());
    };
    let mut before = ",\"spans\":[";
    for span in scope.from_root() {
        write!(line, "{before}{{\"name\":{}", Value::from(span.name()))?;
        before = ",";
        let extensions = span.extensions();
        let fields = extensions.get::<FormattedFields<N>>();
        // Written by `JsonFields`: an object.
        let inner = fields.and_then(|fields| {
            let object = fields.fields.strip_prefix('{')?;
            object.strip_suffix('}').filter(|it| !it.is_empty())
        });
        if let Some(inner) = inner {
            write!(line, ",{inner}")?;
        }
        line.write_char('}')?;
    }
    if before == "," {
        line.write_char(']')?;
    }
    Ok(())
}

/// The name of an event: its message up to the first colon, semicolon or comma, in lower case,
/// with `_` for what is neither letter nor digit. Messages of ours are constant; what varies is
/// in fields.
#[must_use]
pub fn name(message: &str) -> String {
    let head = message.split([':', ';', ',']).next().unwrap_or_default();
    let words = head
        .split(|it: char| !it.is_ascii_alphanumeric() && it != '\'')
        .filter(|word| !word.is_empty());
    let words: Vec<String> = words
        .map(|word| word.replace('\'', "").to_ascii_lowercase())
        .collect();
    words.join("_")
}

/// Names that the line has already.
const TAKEN: [&str; 6] = ["timestamp", "level", "event", "target", "trace_id", "spans"];

#[derive(Default)]
struct Fields {
    message: String,
    log_target: Option<String>,
    others: Vec<(String, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        match (name, value) {
            ("message", Value::String(text)) => self.message = text,
            ("log.target", Value::String(text)) => self.log_target = Some(text),
            (name, _) if name.starts_with("log.") => {}
            (name, value) if TAKEN.contains(&name) => {
                self.others.push((format!("field_{name}"), value));
            }
            (name, value) => self.others.push((name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Layer as _;
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::fmt;
    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::Part;
    use crate::traces::Traces;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn lines(happens: impl FnOnce()) -> Vec<Value> {
        lines_beside(None, happens)
    }

    /// With this beside the log, as a process that sends traces has it.
    fn lines_beside(traces: Option<Part>, happens: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let layer = fmt::layer()
            .json()
            .event_format(Json)
            .with_writer(written.clone())
            .with_filter(LevelFilter::INFO);
        let parts: Vec<Part> = [layer.boxed()].into_iter().chain(traces).collect();
        let subscriber = tracing_subscriber::registry().with(parts);
        tracing::subscriber::with_default(subscriber, happens);
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }

    #[test]
    fn an_event_is_one_object_with_a_stable_name() {
        let lines = lines(|| {
            tracing::warn!(target: "plenum::zc", missed = 3, why = %"\"quoted\"\n", "the directory hears again: all is well");
        });
        let [line] = &lines[..] else {
            panic!("{lines:?}")
        };
        assert_eq!(line["event"], "the_directory_hears_again");
        assert_eq!(line["message"], "the directory hears again: all is well");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["missed"], 3);
        assert_eq!(line["why"], "\"quoted\"\n");
        assert_eq!(line["target"], "plenum::zc");
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    }

    #[test]
    fn what_libraries_say_has_no_name_of_ours() {
        let lines = lines(|| tracing::info!(target: "kube::client", "retrying"));
        assert!(lines[0].get("event").is_none(), "{lines:?}");
    }

    #[test]
    fn a_field_cannot_pass_for_a_part_of_the_line() {
        let lines = lines(|| tracing::info!(target: "plenum", level = "none", "hello"));
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["field_level"], "none");
    }

    #[test]
    fn spans_are_listed_from_the_outermost() {
        let lines = lines(|| {
            let _outer = tracing::info_span!("join", zone = "a").entered();
            let _inner = tracing::info_span!("ticket").entered();
            tracing::info!(target: "plenum", "hello");
        });
        assert_eq!(lines[0]["spans"][0]["name"], "join");
        assert_eq!(lines[0]["spans"][0]["zone"], "a");
        assert_eq!(lines[0]["spans"][1]["name"], "ticket");
    }

    #[test]
    fn a_line_names_the_trace_that_is_recorded_of_what_goes_on() {
        // Where traces are sent to does not matter: nobody is there.
        let traces = Traces::to("plenum-test", "http://127.0.0.1:1").unwrap();
        let mut wanted = String::new();
        let layer: Part = Box::new(traces.layer("plenum-test"));
        let lines = lines_beside(Some(layer), || {
            tracing::info!(target: "plenum", "before");
            tracing::debug_span!(target: "plenum", "join").in_scope(|| {
                wanted = trace().expect("it is recorded").to_string();
                tracing::info!(target: "plenum", "within");
                let inner = tracing::debug_span!(target: "plenum", "find router");
                inner.in_scope(|| tracing::info!(target: "hyper", "further within"));
            });
            let heartbeat = tracing::debug_span!(target: "plenum", "heartbeat");
            heartbeat.in_scope(|| tracing::info!(target: "plenum", "of no trace"));
            tracing::info!(target: "plenum", "after");
        });
        let named: Vec<Option<&str>> = lines.iter().map(|it| it["trace_id"].as_str()).collect();
        let wanted = Some(wanted.as_str());
        assert_eq!(named, [None, wanted, wanted, None, None]);
    }

    #[test]
    fn names_come_from_messages() {
        for (message, expected) in [
            ("zone controller starts", "zone_controller_starts"),
            (
                "too few descriptors for --connections: more",
                "too_few_descriptors_for_connections",
            ),
            (
                "a replica's keys are published",
                "a_replicas_keys_are_published",
            ),
            ("Overload", "overload"),
        ] {
            assert_eq!(name(message), expected);
        }
    }

    #[test]
    fn formats_are_read_from_the_command_line() {
        assert_eq!("json".parse(), Ok(Format::Json));
        assert_eq!("text".parse(), Ok(Format::Text));
        let refused = "xml".parse::<Format>().unwrap_err();
        assert!(refused.contains("write json or text"), "{refused}");
    }
}
