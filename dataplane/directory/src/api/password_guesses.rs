//! Passwords that somebody says. To look at one takes tens of milliseconds, and who asks in parallel
//! is told of no more of them than who asks in turn.

use std::net::IpAddr;
use std::time::Instant;

use super::Directory;
use super::problem::{Answer, Problem};
use crate::model::{Account, AccountName, Password, PasswordHash};
use crate::store;

/// The account of that name and the hash of its password, if that is the password and the account
/// is not disabled. It was so a moment ago: whoever goes by it says so where they write.
pub async fn account(
    directory: &Directory,
    address: IpAddr,
    name: Option<&AccountName>,
    password: Password,
) -> Answer<Option<(Account, PasswordHash)>> {
    let limits = directory.limits();
    let allowed = limits.sign_in(address, Instant::now());
    allowed.map_err(Problem::too_many)?;
    let allowed = limits.passwords().allow(address, name, Instant::now());
    allowed.map_err(Problem::too_many)?;
    let found = verify(directory, name, password).await?;
    let now = Instant::now();
    if let (Some(_), Some(name)) = (&found, name) {
        let told = limits.passwords().right(address, name, now);
        return told.map(|()| found).map_err(Problem::too_many);
    }
    let told = limits.passwords().wrong(address, name, now);
    let last = told.map_err(Problem::too_many)?;
    directory.metrics().wrong_guess("password");
    if last {
        tracing::info!(kind = "password", "wrong guesses are slowed down");
    }
    Ok(None)
}

/// It takes the same time for every name.
async fn verify(
    directory: &Directory,
    name: Option<&AccountName>,
    password: Password,
) -> Answer<Option<(Account, PasswordHash)>> {
    let found = match name {
        None => None,
        Some(name) => match directory.store().credentials(name).await {
            Err(store::Error::NotFound { .. }) => None,
            found => Some(found?),
        },
    };
    let (account, hash) = found.map_or((None, None), |(account, hash)| (Some(account), hash));
    let tried = hash.clone();
    let matches = directory.passwords().matches(tried, password).await?;
    let found = account.zip(hash);
    Ok(found.filter(|(account, _)| matches && !account.disabled))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::registry::Registry;
    use tokio::time::timeout;

    use super::super::guesses::ADDRESS;
    use super::*;
    use crate::api::Config;
    use crate::store::Store;

    /// No database is asked for a name that no account can have.
    fn directory() -> Directory {
        let config = Config::new("https://directory.test");
        let store = Store::new(store::Config::new("sqlite://nowhere/directory.db"));
        Directory::new(config, store, &mut Registry::default())
    }

    fn password() -> Password {
        "correct horse".to_owned().try_into().unwrap()
    }

    fn address() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    /// As many as are free, and more: each is gone before its password has been looked at.
    #[tokio::test]
    async fn who_goes_away_before_they_are_told_has_not_guessed() {
        let directory = directory();
        let turns = directory.passwords().all_turns().await;
        for _ in 0..2 * ADDRESS.free {
            let asked = account(&directory, address(), None, password());
            assert!(timeout(Duration::ZERO, asked).await.is_err(), "it waits");
        }
        drop(turns);
        let told = account(&directory, address(), None, password()).await;
        assert!(matches!(told, Ok(None)), "it is looked at");
    }
}
