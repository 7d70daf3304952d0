//! What the operator says, in the form that was asked for.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// An API server that nobody can reach: there is something to say about that.
const KUBECONFIG: &str = r"
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: nobody, user: {}}]
";

/// The first line that an operator logs.
async fn first_line(arguments: &[&str], environment: Option<&str>) -> String {
    let files = tempfile::tempdir().unwrap();
    let kubeconfig = files.path().join("kubeconfig");
    std::fs::write(&kubeconfig, KUBECONFIG).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_plenum-operator"));
    for name in ["PLENUM_LOG_FORMAT", "KUBERNETES_SERVICE_HOST"] {
        command.env_remove(name);
    }
    if let Some(format) = environment {
        command.env("PLENUM_LOG_FORMAT", format);
    }
    let usual = ["--image", "plenum:1", "--pod-name", "me"];
    let usual = usual
        .into_iter()
        .chain(["--pod-namespace", "n", "--health", "127.0.0.1:0"]);
    let mut operator = command
        .env("KUBECONFIG", kubeconfig)
        // The library speaks first, and has no named events.
        .env("RUST_LOG", "warn,kube_client=off")
        .args(usual)
        .args(arguments)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(operator.stderr.take().unwrap());
    let mut line = String::new();
    let read = said.read_line(&mut line);
    // Against hanging for ever; an operator that cannot reach its API server says so at once.
    let read = tokio::time::timeout(Duration::from_mins(2), read).await;
    read.expect("it says nothing").unwrap();
    operator.kill().await.unwrap();
    line
}

#[tokio::test]
async fn logs_are_json_with_named_events_unless_text_is_asked_for() {
    for (arguments, environment) in [(&[][..], None), (&["--log-format", "json"], Some("text"))] {
        let line = first_line(arguments, environment).await;
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(line["event"], "a_try_for_the_lease_failed", "{line}");
        assert_eq!(line["level"], "WARN", "{line}");
    }
    for (arguments, environment) in [(&["--log-format", "text"][..], None), (&[], Some("text"))] {
        let line = first_line(arguments, environment).await;
        assert!(line.contains("WARN") && line.contains("lease"), "{line}");
        assert!(serde_json::from_str::<Value>(&line).is_err(), "{line}");
    }
}

#[tokio::test]
async fn another_format_is_refused_with_what_to_write() {
    let line = first_line(&["--log-format", "xml"], None).await;
    assert!(line.contains("write json or text"), "{line}");
}
