//! Makes a meeting as a program of the directory's users does, over its API.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Certificate, Client, Response};
use serde_json::{Value, json};

/// Between two looks whether the zone is there.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// A zone reports every 5 s, and at once when it is there.
const ZONE_WITHIN: Duration = Duration::from_secs(30);

/// Prints the number of a new [`meeting`].
pub async fn run(directory: &str, name: &str, password: &str, ca: &Path) -> Result<()> {
    let number = meeting(directory, name, password, ca).await?;
    println!("{}", json!({ "meeting": number }));
    Ok(())
}

/// Signs in, makes a meeting without a passcode, and waits until a lookup finds a zone for
/// it. The meeting's number.
pub async fn meeting(directory: &str, name: &str, password: &str, ca: &Path) -> Result<String> {
    let authority = Certificate::from_pem(&std::fs::read(ca)?)?;
    let http = Client::builder().tls_certs_only([authority]).build()?;
    let sign_in = json!({ "name": name, "password": password });
    let session = http.post(format!("{directory}/v1/sessions")).json(&sign_in);
    let session = answer(session.send().await?).await?;
    let token = session["token"].as_str().context("a session's token")?;
    let meeting = json!({ "kind": "instant", "passcode": null });
    let made = http.post(format!("{directory}/v1/meetings")).json(&meeting);
    let made = answer(made.bearer_auth(token).send().await?).await?;
    let number = made["id"].as_str().context("a meeting's number")?;
    let found = tokio::time::timeout(ZONE_WITHIN, zone(&http, directory, number)).await;
    found.context("no zone is there for the meeting")??;
    Ok(number.to_owned())
}

async fn zone(http: &Client, directory: &str, number: &str) -> Result<()> {
    let lookup = json!({ "meeting": number });
    loop {
        let asked = http.post(format!("{directory}/v1/lookup")).json(&lookup);
        let said = asked.send().await?;
        if said.status().is_success() {
            return Ok(());
        }
        ensure!(
            said.status() == 503,
            "a lookup is answered by {}",
            said.status()
        );
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn answer(response: Response) -> Result<Value> {
    let (status, url) = (response.status(), response.url().clone());
    let text = response.text().await?;
    ensure!(status.is_success(), "{url} says {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}
