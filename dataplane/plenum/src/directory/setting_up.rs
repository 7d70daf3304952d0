//! What is done from a shell beside the database: the first account, because nobody could
//! sign in to make it; zones, replicas and meetings, because scripts set them up.

mod meeting;

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ipnet::IpNet;
use jiff::Timestamp;
use plenum_directory::api::{API_TOKEN, USUAL_WEIGHT, ZONE_CREDENTIAL};
use plenum_directory::model::{
    AccountName, AccountRole, Coordinates, Email, LoginKind, NewAccount, NewLogin, NewZone,
    Password, PasswordHash, Showed,
};
use plenum_directory::random;
use plenum_directory::store::Store;
use plenum_wire::{DisplayName, ZoneName};
use serde_json::{Value, json};

use crate::Output;
pub use meeting::{Meeting, meeting};

/// Longest password that is read from the standard input, with its line break, in bytes.
const STDIN_BYTES: u64 = 1_024;

/// Accounts.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Make an account. Its password comes from the standard input, or is made and printed.
    Add {
        /// Signs in with it: lower-case letters, digits, '-', '_' and '.'.
        name: AccountName,
        /// It may make accounts and zones.
        #[arg(long)]
        admin: bool,
        /// Shown to others; the name if not given.
        #[arg(long, value_name = "TEXT")]
        display_name: Option<DisplayName>,
        /// Where to write to.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<Email>,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Set the password of an account; its sessions end, its API tokens do not.
    Password {
        /// The account's name.
        name: AccountName,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// End all sessions and API tokens of an account, which somebody else may have.
    SignOut {
        /// The account's name.
        name: AccountName,
    },
}

/// Where a password comes from.
#[derive(Debug, clap::Args)]
pub struct PasswordFrom {
    /// Read the password from the standard input; without this one is made and printed.
    #[arg(long)]
    password_stdin: bool,
}

/// Zones.
#[derive(Debug, Subcommand)]
pub enum Zone {
    /// Register a zone, and print the credential that its controllers report with.
    Add {
        /// Its name: <namespace>.<name> in Kubernetes.
        name: ZoneName,
        /// A network whose people belong there; may be repeated.
        #[arg(long = "network", value_name = "CIDR")]
        networks: Vec<IpNet>,
        /// Where it is, in degrees north and east.
        #[arg(long, value_name = "LATITUDE,LONGITUDE", value_parser = location, allow_hyphen_values = true)]
        location: Option<Coordinates>,
        /// Its share beside others that are as good; 0 is the last resort.
        #[arg(long, value_name = "N", default_value_t = USUAL_WEIGHT)]
        weight: u16,
    },
}

/// Replicas.
#[derive(Debug, Subcommand)]
pub enum Replica {
    /// Make a token for a replica of this directory, and print it. It opens accounts, meetings
    /// and zones, the hashes of passcodes and their key; neither passwords nor private keys.
    Add {
        /// What to call it.
        name: AccountName,
    },
}

fn location(text: &str) -> Result<Coordinates, String> {
    let parts = text.split_once(',');
    let (latitude, longitude) = parts.ok_or("write LATITUDE,LONGITUDE")?;
    let degrees = |text: &str| {
        let text = text.trim();
        text.parse::<f64>()
            .map_err(|_| format!("{text:?} is no number of degrees"))
    };
    Coordinates::new(degrees(latitude)?, degrees(longitude)?).map_err(|error| error.to_string())
}

/// Does what is asked for with accounts.
pub async fn user(store: &Store, action: User, output: Output) -> anyhow::Result<()> {
    match action {
        User::Add {
            name,
            admin,
            display_name,
            email,
            password,
        } => {
            let (password, made) = password.get()?;
            let account = NewAccount {
                display_name: display_name.map_or_else(|| name.to_string().parse(), Ok)?,
                name,
                email,
                role: if admin {
                    AccountRole::Admin
                } else {
                    AccountRole::User
                },
                password: Some(hash(password).await?),
            };
            let account = store.add_account(account, Timestamp::now()).await?;
            let name = account.name.to_string();
            show(
                output,
                &json!({ "user": name, "id": account.id, "password": made }),
            );
        }
        User::Password { name, password } => {
            let account = store.account_named(&name).await?;
            let (password, made) = password.get()?;
            store
                .set_password(account.id, None, &hash(password).await?)
                .await?;
            show(
                output,
                &json!({ "user": name, "id": account.id, "password": made }),
            );
        }
        User::SignOut { name } => {
            let account = store.account_named(&name).await?;
            store.end_logins(account.id).await?;
            show(output, &json!({ "user": name, "id": account.id }));
        }
    }
    Ok(())
}

impl PasswordFrom {
    /// The password, and its text if it was made up here.
    fn get(&self) -> anyhow::Result<(Password, Option<String>)> {
        if !self.password_stdin {
            let made = random::secret().reveal().to_owned();
            return Ok((made.parse()?, Some(made)));
        }
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            eprintln!("password, and then Ctrl-D:");
        }
        let mut text = String::new();
        stdin
            .take(STDIN_BYTES)
            .read_to_string(&mut text)
            .context("reading the password from the standard input")?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.contains('\n') {
            bail!("give the password as one line");
        }
        Ok((text.parse()?, None))
    }
}

async fn hash(password: Password) -> anyhow::Result<PasswordHash> {
    let hashed =
        tokio::task::spawn_blocking(move || PasswordHash::of(&password, random::salt())).await?;
    Ok(hashed?)
}

/// Does what is asked for with zones.
pub async fn zone(store: &Store, action: Zone, output: Output) -> anyhow::Result<()> {
    let Zone::Add {
        name,
        networks,
        location,
        weight,
    } = action;
    let secret = random::secret();
    let zone = NewZone {
        name,
        credential: secret.hash(),
        networks,
        location,
        weight,
        enabled: true,
    };
    let zone = store.add_zone(zone, Timestamp::now()).await?;
    let credential = format!("{ZONE_CREDENTIAL}{}", secret.reveal());
    show(
        output,
        &json!({ "zone": zone.name, "credential": credential }),
    );
    Ok(())
}

/// Does what is asked for with replicas.
pub async fn replica(store: &Store, action: Replica, output: Output) -> anyhow::Result<()> {
    let Replica::Add { name } = action;
    let now = Timestamp::now();
    let account = NewAccount {
        display_name: name.to_string().parse()?,
        name,
        email: None,
        role: AccountRole::Replica,
        password: None,
    };
    let account = store.add_account(account, now).await?;
    let secret = random::secret();
    let login = NewLogin {
        account: account.id,
        showed: Showed::Nothing,
        kind: LoginKind::ApiToken,
        label: "replica".to_owned(),
        secret: secret.hash(),
        expires: None,
    };
    store.add_login(login, now).await?;
    let token = format!("{API_TOKEN}{}", secret.reveal());
    show(output, &json!({ "replica": account.name, "token": token }));
    Ok(())
}

/// What was done, one line for each thing, without those that are not there.
fn show(output: Output, done: &Value) {
    if output == Output::Json {
        println!("{done}");
        return;
    }
    for (what, value) in done.as_object().into_iter().flatten() {
        if let Some(text) = value.as_str() {
            println!("{what}: {text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_two_numbers_of_degrees() {
        let place = location("-33.9, 151.2").unwrap();
        assert_eq!((place.latitude(), place.longitude()), (-33.9, 151.2));
        for wrong in ["", "52.5", "52.5;13.4", "91,0", "x,y"] {
            location(wrong).unwrap_err();
        }
    }
}
