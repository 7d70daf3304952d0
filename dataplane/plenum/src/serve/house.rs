//! `--admission directory`: the directory of a small site, in the same process and on the same
//! port, with its data in the site's data directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use plenum_directory::api::{self, Config, Directory, Readiness, ZONE_CREDENTIAL};
use plenum_directory::model::{
    AccountName, AccountRole, NewAccount, NewZone, Page, Password, PasswordHash, SecretHash,
};
use plenum_directory::random;
use plenum_directory::store::{self, Store};
use plenum_wire::ZoneName;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::authority::{Authority, write_secret};
use crate::directory::following;
use crate::zc::Outward;

/// How often it is looked whether the directory has heard of the zone, at the start.
const LOOK: Duration = Duration::from_millis(50);
/// The first account's name.
const ADMIN: &str = "admin";
/// Where its password is taken from, if it is there.
const PASSWORD: &str = "PLENUM_ADMIN_PASSWORD";

/// Where the site is, as others see it.
pub struct Place<'a> {
    /// Its data directory.
    pub data: &'a Path,
    /// Its own authority.
    pub authority: &'a Authority,
    /// Its one zone.
    pub zone: &'a ZoneName,
    /// Where people reach it, `https://HOST[:PORT]`.
    pub url: String,
    /// Where its controller is reached, `https://HOST[:PORT]` each.
    pub controllers: Vec<String>,
    /// Where it is reached on this machine.
    pub local: String,
}

/// A directory that runs.
pub struct House {
    directory: Directory,
    ready: Readiness,
}

/// The account that was made because there was none.
#[derive(Debug, Serialize)]
pub struct FirstAccount {
    /// It signs in with it.
    pub name: AccountName,
    /// Its password, if it was made up here: to be shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl House {
    /// Opens the database, registers the zone, and looks after the directory until `end`; and
    /// what tells it how the zone is.
    pub async fn open(
        place: Place<'_>,
        registry: &mut Registry,
        end: CancellationToken,
    ) -> anyhow::Result<(Self, Outward)> {
        let file = place.data.join("directory.db");
        let database = || format!("the directory's database {}", file.display());
        let store = Store::open(&store::Config::file(&file)).await;
        let store = store.with_context(database)?;
        following::check(&store, false)
            .await
            .with_context(database)?;
        let credential = register(&store, place.zone, place.data).await?;
        let directory = Directory::new(Config::new(place.url), store, registry);
        let outward = Outward::local(
            place.local,
            place.authority.pem().to_owned(),
            &credential,
            place.zone,
            place.controllers,
        )?;
        let ready = api::keep_up(directory.clone(), end);
        Ok((Self { directory, ready }, outward))
    }

    /// Answers what the zone does not.
    pub fn app(&self) -> axum::Router {
        api::app(self.directory.clone())
    }

    /// Returns when it would send people to the zone.
    pub async fn offers_the_zone(&self) {
        let mut ready = self.ready.clone();
        // It ends with the process.
        let _ = ready.wait_for(|ready| *ready).await;
        while self.directory.healthy_zones() == 0 {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Makes an administrator where nobody could sign in to make one.
    pub async fn first_account(&self) -> anyhow::Result<Option<FirstAccount>> {
        let store = self.directory.store();
        if !store.accounts(&Page::new(None, 1)).await?.items.is_empty() {
            return Ok(None);
        }
        let given = std::env::var(PASSWORD).ok();
        let made = given
            .is_none()
            .then(|| random::secret().reveal().to_owned());
        let text = given.or_else(|| made.clone()).unwrap_or_default();
        let password: Password = text.parse().context(PASSWORD)?;
        let hashing = move || PasswordHash::of(&password, random::salt());
        let hash = tokio::task::spawn_blocking(hashing).await??;
        let name: AccountName = ADMIN.parse()?;
        let account = NewAccount {
            display_name: ADMIN.parse()?,
            name: name.clone(),
            email: None,
            role: AccountRole::Admin,
            password: Some(hash),
        };
        store.add_account(account, Timestamp::now()).await?;
        Ok(Some(FirstAccount {
            name,
            password: made,
        }))
    }
}

/// Registers the zone with the credential in the data directory, which is made if there is
/// none.
async fn register(store: &Store, name: &ZoneName, data: &Path) -> anyhow::Result<PathBuf> {
    let file = data.join("zone-credential");
    if !file.exists() {
        let credential = format!("{ZONE_CREDENTIAL}{}", random::secret().reveal());
        write_secret(&file, &credential)?;
    }
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let secret = text.trim().strip_prefix(ZONE_CREDENTIAL);
    let credential = secret.and_then(SecretHash::of).with_context(|| {
        format!(
            "{} holds no credential: remove it to make another",
            file.display()
        )
    })?;
    match store.zone(name).await {
        Ok(zone) if zone.credential == credential => {}
        Ok(mut zone) => {
            zone.credential = credential;
            store.change_zone(&zone).await?;
        }
        Err(store::Error::NotFound { .. }) => {
            let zone = NewZone {
                name: name.clone(),
                credential,
                networks: Vec::new(),
                location: None,
                weight: api::USUAL_WEIGHT,
                enabled: true,
            };
            store.add_zone(zone, Timestamp::now()).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(file)
}
