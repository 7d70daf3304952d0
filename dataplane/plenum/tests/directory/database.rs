//! A directory whose database is not there yet, and databases that are written by others only.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use crate::house::House;
use crate::ports;
use crate::programs::{Program, local, plenum, refused, until};
use crate::web::Web;

#[tokio::test]
async fn it_lives_and_says_why_it_is_not_ready_until_its_database_is_there() {
    let files = tempfile::tempdir().unwrap();
    let base = ports::three();
    let (listen, health) = (local(base), local(base + 1));
    // A file of a directory that does not exist yet, as on a disk that is not there yet.
    let later = files.path().join("later");
    let mut command = plenum(&["directory", "--self-signed", "--output", "json"]);
    command
        .args(["--listen", &listen.to_string()])
        .args(["--health", &health.to_string()])
        .arg("--data-dir")
        .arg(files.path().join("data"))
        .arg("--database")
        .arg(format!("sqlite://{}", later.join("directory.db").display()))
        .stdout(Stdio::piped());
    let mut process = Program::start(command, &files.path().join("log"), health);
    let page = async |path: &str| process.page(path).await.unwrap_or_default();
    until(async || page("/livez").await.contains(" 200 ").then_some(())).await;
    let said = until(async || Some(page("/readyz").await).filter(|it| it.contains("later"))).await;
    assert!(
        said.contains(" 503 ") && said.contains("not ready: the database is away"),
        "{said}"
    );
    // Who asks all the same is told when to come back.
    let ca = files.path().join("data/ca.crt");
    let web = Web::new(&format!("https://{listen}"), &ca);
    let answer = web
        .post("/v1/lookup", &json!({ "meeting": "123456789" }))
        .await;
    answer.is(503, "unavailable");
    assert!(answer.retry_after.is_some(), "{answer:?}");
    let log = process.log();
    assert_eq!(log.matches("tried again").count(), 1, "{log}");

    fs::create_dir(&later).unwrap();
    until(async || {
        process
            .page("/readyz")
            .await
            .filter(|it| it.contains(" 200 "))
    })
    .await;
    let ready = process.first_line().await;
    assert_eq!(ready["ready"], true);
    let answer = web
        .post("/v1/lookup", &json!({ "meeting": "123456789" }))
        .await;
    answer.is(404, "unknown_meeting");
}

#[tokio::test]
async fn nothing_is_written_into_a_replicas_database_from_a_shell() {
    let cloud = House::open().await;
    cloud.admin().await;
    let replica = House::replica_of(&cloud).await;
    for what in [
        ["user", "add", "bob"],
        ["user", "password", "ada"],
        ["user", "sign-out", "ada"],
        ["zone", "add", "site.main"],
        ["replica", "add", "another"],
        ["meeting", "add", "--owner=ada"],
    ] {
        let mut command = plenum(&["directory"]);
        command.args(what).arg("--data-dir").arg(replica.data());
        let said = refused(command).await;
        assert!(said.contains("at the directory that it follows"), "{said}");
    }
}

#[tokio::test]
async fn who_is_signed_out_from_a_shell_signs_in_again() {
    let house = House::open().await;
    let ada = house.admin().await;
    assert_eq!(ada.get("/v1/me").await.status, 200);
    let done = house.set_up(&["user", "sign-out", "ada"]).await;
    assert_eq!(done["user"], "ada");
    ada.get("/v1/me").await.is(401, "sign_in_required");
}
