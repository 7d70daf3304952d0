//! `plenum serve`: everything in one process.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::ports;
use crate::programs::{Program, local, plenum, printed};
use crate::web::Web;

struct Site {
    files: TempDir,
    base: u16,
    process: Option<Program>,
}

impl Site {
    fn new() -> Self {
        Self {
            files: tempfile::tempdir().unwrap(),
            // HTTPS, media, health.
            base: ports::three(),
            process: None,
        }
    }

    /// Returns what it says when it is ready.
    async fn start(&mut self, admission: &str) -> Value {
        let health = local(self.base + 2);
        let mut command = plenum(&["serve", "--output", "json", "--listen", "127.0.0.1"]);
        command
            .args(["--admission", admission])
            .args(["--port-base", &self.base.to_string()])
            .args(["--health", &health.to_string()])
            .arg("--data-dir")
            .arg(self.files.path())
            .env_remove("PLENUM_ADMIN_PASSWORD")
            .stdout(Stdio::piped());
        let log = self.files.path().join("serve.log");
        let process = self.process.insert(Program::start(command, &log, health));
        process.first_line().await
    }

    async fn die(&mut self) {
        self.process.take().unwrap().die().await;
    }

    fn url(&self) -> String {
        format!("https://{}", local(self.base))
    }

    fn authority(&self) -> PathBuf {
        self.files.path().join("ca.crt")
    }

    fn web(&self) -> Web {
        Web::new(&self.url(), &self.authority())
    }

    fn set_up(&self, arguments: &[&str]) -> Command {
        let mut command = plenum(&["directory", "--output", "json"]);
        command.args(arguments);
        command.arg("--data-dir").arg(self.files.path());
        command
    }

    fn join(&self, meeting: &Value) -> Command {
        let mut join = plenum(&["join", "--output", "json", "--for", "1"]);
        join.args(["--directory", &self.url()])
            .args(["--meeting", meeting["meeting"].as_str().unwrap()])
            .args(["--passcode", meeting["passcode"].as_str().unwrap()])
            .arg("--ca")
            .arg(self.authority());
        join
    }
}

#[tokio::test]
async fn a_small_site_has_accounts_and_meetings_of_its_own() {
    let mut site = Site::new();
    let ready = site.start("directory").await;
    assert_eq!(ready["directory"], site.url());
    assert_eq!(ready["zone"], site.url());
    let sign_in = json!({ "name": "admin", "password": ready["admin"]["password"] });
    let session = site.web().post("/v1/sessions", &sign_in).await.good();
    let admin = site.web().with(session["token"].as_str().unwrap());
    let meeting = printed(site.set_up(&["meeting", "add", "--title", "Tea"])).await;
    let listed = admin.get("/v1/meetings").await.good();
    assert_eq!(listed["items"][0]["id"], meeting["meeting"]);
    let report = printed(site.join(&meeting)).await;
    assert_eq!(report["zone"], "local.site", "{report}");
    // What belongs to the zone is the zone's.
    let join = format!("/v1/meetings/{}/join", meeting["meeting"].as_str().unwrap());
    let refused = site.web().post(&join, &json!({})).await;
    refused.is(401, "token_required");
    let wrong = site.web().get("/v1/nothing").await;
    wrong.is(404, "not_found");

    site.die().await;
    let again = site.start("directory").await;
    assert_eq!(again["admin"], Value::Null, "shown once");
    admin.get("/v1/me").await.good();
    printed(site.join(&meeting)).await;
}

#[tokio::test]
async fn an_open_site_has_no_directory() {
    let mut site = Site::new();
    let ready = site.start("open").await;
    assert_eq!(ready["zone"], site.url());
    assert!(ready.get("directory").is_none(), "{ready}");
    assert!(!site.files.path().join("directory.db").exists());
}
