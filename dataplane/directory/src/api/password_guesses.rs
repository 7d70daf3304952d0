//! Passwords that somebody says. Each counts as a wrong guess while it is looked at, which takes
//! tens of milliseconds, so that who asks in parallel gets no more guesses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use plenum_wire::directory::Denial;

use super::Directory;
use super::problem::{Answer, Problem};
use crate::model::{Account, AccountName, Password};
use crate::store;

/// The account of that name, if that is its password and it is not disabled.
pub async fn account(
    directory: &Directory,
    address: IpAddr,
    name: Option<&AccountName>,
    password: Password,
) -> Answer<Option<Account>> {
    let (limits, now) = (directory.limits(), Instant::now());
    limits.sign_in(address, now).map_err(too_many)?;
    let guess = limits.passwords().begin(address, name, now);
    let guess = guess.map_err(too_many)?;
    let found = verify(directory, name, password).await;
    match &found {
        // Where it could not be looked at nothing was learned.
        Ok(Some(_)) | Err(_) => limits.passwords().forgive(&guess),
        Ok(None) => {
            directory.metrics().wrong_guess("password");
            if guess.was_last() {
                tracing::info!(kind = "password", "wrong guesses are slowed down");
            }
        }
    }
    found
}

fn too_many(wait: Duration) -> Problem {
    Problem::from(Denial::TooManyRequests).after(wait)
}

/// It takes the same time for every name.
async fn verify(
    directory: &Directory,
    name: Option<&AccountName>,
    password: Password,
) -> Answer<Option<Account>> {
    let found = match name {
        None => None,
        Some(name) => match directory.store().credentials(name).await {
            Err(store::Error::NotFound { .. }) => None,
            found => Some(found?),
        },
    };
    let (account, hash) = found.map_or((None, None), |(account, hash)| (Some(account), hash));
    let matches = directory.passwords().matches(hash, password).await?;
    Ok(account.filter(|account| matches && !account.disabled))
}
