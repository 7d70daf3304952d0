//! A directory, and who administers it.

use std::path::PathBuf;
use std::process::Stdio;

use plenum_directory::store::{Config, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ports;
use crate::programs::{Program, local, plenum, printed, traced, until};
use crate::web::Web;

pub struct House {
    files: TempDir,
    base: u16,
    process: Option<Program>,
    more: Vec<String>,
    collector: Option<String>,
}

impl House {
    /// One that runs.
    pub async fn open() -> Self {
        let mut house = Self::closed();
        house.start().await;
        house
    }

    /// One that runs, and sends its traces there.
    pub async fn open_traced(collector: &str) -> Self {
        let mut house = Self::closed();
        house.collector = Some(collector.to_owned());
        house.start().await;
        house
    }

    /// A replica of another, which has everything.
    pub async fn replica_of(primary: &Self) -> Self {
        let made = primary.set_up(&["replica", "add", "site"]).await;
        let mut house = Self::closed();
        let token = house.files.path().join("token");
        std::fs::write(&token, made["token"].as_str().unwrap()).unwrap();
        house.more = [
            ("--replica-of", primary.url()),
            ("--replica-token", token.display().to_string()),
            ("--replica-ca", primary.authority().display().to_string()),
        ]
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value])
        .collect();
        house.start().await;
        house
    }

    /// What it is started with beside the usual.
    pub fn more(&self) -> &[String] {
        &self.more
    }

    /// Copies its database while it does not run.
    pub fn backup(&self) {
        self.copy("directory.db", "backup.db");
    }

    /// Puts the copy back.
    pub fn restore(&self) {
        self.copy("backup.db", "directory.db");
    }

    fn copy(&self, from: &str, to: &str) {
        // What it wrote last is in a file beside.
        for beside in ["", "-wal"] {
            let from = self.data().join(format!("{from}{beside}"));
            let to = self.data().join(format!("{to}{beside}"));
            drop(std::fs::remove_file(&to));
            if from.exists() {
                std::fs::copy(from, to).unwrap();
            }
        }
        drop(std::fs::remove_file(self.data().join(format!("{to}-shm"))));
    }

    /// One that has not been started yet.
    pub fn closed() -> Self {
        Self {
            files: tempfile::tempdir().unwrap(),
            // HTTPS, health.
            base: ports::three(),
            process: None,
            more: Vec::new(),
            collector: None,
        }
    }

    /// Returns when it is ready. Started again it has the same ports and data.
    pub async fn start(&mut self) {
        let (listen, health) = (local(self.base), local(self.base + 1));
        let mut command = plenum(&["directory", "--self-signed", "--output", "json"]);
        command
            .args(["--listen", &listen.to_string()])
            .args(["--health", &health.to_string()])
            .arg("--data-dir")
            .arg(self.data())
            .args(&self.more)
            .stdout(Stdio::piped());
        traced(&mut command, self.collector.as_deref());
        let log = self.files.path().join("directory.log");
        let mut process = Program::start(command, &log, health);
        let ready = process.first_line().await;
        assert_eq!(ready["directory"], self.url());
        self.process = Some(process);
    }

    pub async fn die(&mut self) {
        self.process.take().unwrap().die().await;
    }

    /// One number of its metrics; `sample` is its name with its labels.
    pub async fn metric(&self, sample: &str) -> u64 {
        let process = self.process.as_ref().expect("it runs");
        process.metric(sample).await
    }

    pub fn url(&self) -> String {
        format!("https://{}", local(self.base))
    }

    pub fn data(&self) -> PathBuf {
        self.files.path().join("data")
    }

    /// Who vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.data().join("ca.crt")
    }

    pub fn web(&self) -> Web {
        Web::new(&self.url(), &self.authority())
    }

    /// Its database, past it.
    pub async fn store(&self) -> Store {
        std::fs::create_dir_all(self.data()).unwrap();
        let file = self.data().join("directory.db");
        Store::open(&Config::file(&file)).await.unwrap()
    }

    /// What is done from a shell beside the database.
    pub async fn set_up(&self, arguments: &[&str]) -> Value {
        let mut command = plenum(&["directory"]);
        command.args(arguments).args(["--output", "json"]);
        command.arg("--data-dir").arg(self.data());
        printed(command).await
    }

    /// A zone's credential.
    pub async fn credential(&self, zone: &str) -> String {
        let made = self.set_up(&["zone", "add", zone]).await;
        made["credential"].as_str().unwrap().to_owned()
    }

    /// Somebody who has signed in, and may do everything.
    pub async fn admin(&self) -> Web {
        let made = self.set_up(&["user", "add", "--admin", "ada"]).await;
        let sign_in = json!({ "name": "ada", "password": made["password"] });
        let session = self.web().post("/v1/sessions", &sign_in).await.good();
        self.web().with(session["token"].as_str().unwrap())
    }
}

/// A meeting of the caller, open to everybody. Its number.
pub async fn meeting(owner: &Web) -> String {
    let wishes = json!({ "kind": "instant", "passcode": null, "title": "Tea" });
    let made = owner.post("/v1/meetings", &wishes).await.good();
    made["id"].as_str().unwrap().to_owned()
}

/// The answer to a lookup once there is a zone.
pub async fn look_up(web: &Web, meeting: &str) -> Value {
    let question = json!({ "meeting": meeting });
    until(async || {
        let answer = web.post("/v1/lookup", &question).await;
        (answer.status == 200).then_some(answer.body)
    })
    .await
}

/// A token for a meeting.
pub async fn token(web: &Web, meeting: &str) -> String {
    let lookup = look_up(web, meeting).await;
    lookup["token"].as_str().unwrap().to_owned()
}

/// How a zone is, once it is so.
pub async fn zone_until(admin: &Web, zone: &str, is: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/zones/{zone}");
    until(async || Some(admin.get(&path).await.good()).filter(|zone| is(zone))).await
}
