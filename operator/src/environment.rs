//! What pods of the data plane are told in their environment: where their traces go, and how
//! their logs look.

use std::str::FromStr;

use k8s_openapi::api::core::v1::EnvVar;
use plenum_telemetry::Format;

/// Standard variables of OpenTelemetry that say no secret: headers may hold one, and what is in
/// a pod everybody may read who may read pods.
const TRACES: &str = "OTEL_";
const SECRETS: &str = "HEADERS";
/// Where traces go, of all kinds of them.
const COLLECTORS: &str = "_ENDPOINT";
/// There is no TLS to a collector.
const SCHEME: &str = "http://";
/// The form of logs.
const LOGS: &str = "PLENUM_LOG_FORMAT";

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    name: String,
    value: String,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is no variable: write NAME=VALUE"))?;
        if name.starts_with(TRACES) && name.ends_with(SECRETS) {
            return Err(format!("{name} may hold a secret, and pods can be read"));
        }
        if name != LOGS && !name.starts_with(TRACES) {
            return Err(format!(
                "{name} is not for the data plane: write {LOGS}, or one of {TRACES}*"
            ));
        }
        starts(name, value)?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// Whether a program starts with it: all of the data plane ended at once is worse than an
/// operator that does not begin.
fn starts(name: &str, value: &str) -> Result<(), String> {
    if name == LOGS {
        let format: Result<Format, String> = value.parse();
        return format.map(drop);
    }
    let collector = name.starts_with(TRACES) && name.ends_with(COLLECTORS);
    if collector && !value.is_empty() && !value.starts_with(SCHEME) {
        return Err(format!("{name} is {value:?}: write {SCHEME}HOST:4317"));
    }
    Ok(())
}

impl From<&Variable> for EnvVar {
    fn from(variable: &Variable) -> Self {
        Self {
            name: variable.name.clone(),
            value: Some(variable.value.clone()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_what_parts_others() {
        let variable: Variable = "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:4317/?b=c"
            .parse()
            .unwrap();
        let written = EnvVar::from(&variable);
        assert_eq!(written.name, "OTEL_EXPORTER_OTLP_ENDPOINT");
        assert_eq!(written.value.as_deref(), Some("http://a:4317/?b=c"));
    }

    #[test]
    fn nothing_else_is_passed_on_and_nothing_with_which_no_program_starts() {
        for (text, why) in [
            ("OTEL_TRACES_SAMPLER", "write NAME=VALUE"),
            ("PATH=/tmp", "not for the data plane"),
            ("PLENUM_TOKEN=x", "not for the data plane"),
            ("OTEL_EXPORTER_OTLP_HEADERS=authorization=x", "a secret"),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT=https://a:4317",
                "write http://",
            ),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=a:4317", "write http://"),
            ("PLENUM_LOG_FORMAT=xml", "write json or text"),
        ] {
            let refused = text.parse::<Variable>().unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
