//! What is said when the site is ready.

use std::path::Path;

use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::house::{FirstAccount, House};
use crate::Output;
use crate::health::Health;

/// One line for scripts.
#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    zone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<&'a str>,
    ca: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<FirstAccount>,
}

/// Waits until people can join, and says so.
pub async fn announce(
    mut zone: watch::Receiver<bool>,
    house: Option<&House>,
    health: &Health,
    said: Said<'_>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let waiting = async {
        // It ends with the process.
        let _ = zone.wait_for(|ready| *ready).await;
        match house {
            None => Ok(None),
            Some(house) => {
                house.offers_the_zone().await;
                house.first_account().await
            }
        }
    };
    let Some(admin) = stop.run_until_cancelled(waiting).await else {
        return Ok(());
    };
    health.set_ready(true);
    said.print(house.is_some(), admin?);
    Ok(())
}

/// What there is to say.
pub struct Said<'a> {
    /// Where the site is.
    pub url: &'a str,
    /// Who vouches for it.
    pub authority: &'a Path,
    /// For whom.
    pub output: Output,
}

impl Said<'_> {
    fn print(&self, directory: bool, admin: Option<FirstAccount>) {
        let ca = self.authority;
        if self.output == Output::Json {
            let ready = Ready {
                ready: true,
                zone: self.url,
                directory: directory.then_some(self.url),
                ca,
                admin,
            };
            println!("{}", plenum_wire::encode(&ready));
            return;
        }
        let (url, ca) = (self.url, ca.display());
        if directory {
            println!("ready: plenum join --directory {url} --ca {ca} --meeting NUMBER");
        } else {
            println!("ready: plenum join --zone {url} --ca {ca} --meeting 4711");
        }
        if let Some(FirstAccount { name, password }) = admin {
            let password = password.as_deref().unwrap_or("as it was given");
            println!("account: {name}, password: {password}   (this is not shown again)");
        }
    }
}
