//! Passwords that somebody says. Each counts as a wrong guess while it is looked at, which takes
//! tens of milliseconds, so that who asks in parallel gets no more guesses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::Directory;
use super::guesses::{Guess, Refused};
use super::limits::Limits;
use super::passwords::busy;
use super::problem::{Answer, Problem};
use crate::model::{Account, AccountName, Password, PasswordHash};
use crate::store;

/// How long somebody waits for what becomes of other passwords from the same place. With the
/// turn that they then wait for it is shorter than a request may take.
const PATIENCE: Duration = Duration::from_secs(3);

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
    let begun = timeout(PATIENCE, Begun::wait(limits, address, name)).await;
    let guess = begun.map_err(|_| busy())??;
    let found = verify(directory, name, password).await?;
    if found.is_some() {
        guess.was_right();
        return Ok(found);
    }
    directory.metrics().wrong_guess("password");
    if guess.was_wrong() {
        tracing::info!(kind = "password", "wrong guesses are slowed down");
    }
    Ok(None)
}

/// A guess that is looked at. It is forgiven where that has no end: it could not be looked at,
/// or who asked went away or ran out of time before they were told; then nothing was learned.
struct Begun<'a> {
    limits: &'a Limits,
    guess: Option<Guess<AccountName>>,
}

impl<'a> Begun<'a> {
    /// Begins when it may. Those before it, from the same place, may have to be decided first.
    async fn wait(limits: &'a Limits, address: IpAddr, name: Option<&AccountName>) -> Answer<Self> {
        loop {
            // From now on, so that none is missed that is decided meanwhile.
            let decided = limits.decided().notified();
            let begun = limits.passwords().begin(address, name, Instant::now());
            match begun {
                Ok(guess) => {
                    let guess = Some(guess);
                    return Ok(Self { limits, guess });
                }
                Err(Refused::Slowed(wait)) => return Err(Problem::too_many(wait)),
                Err(Refused::Undecided) => decided.await,
            }
        }
    }

    /// Returns whether it was the last free one.
    fn was_wrong(mut self) -> bool {
        let guess = self.guess.take();
        guess.is_some_and(|guess| self.limits.passwords().was_wrong(&guess))
    }

    fn was_right(mut self) {
        if let Some(guess) = self.guess.take() {
            let mut guesses = self.limits.passwords();
            guesses.was_right(&guess, Instant::now());
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(guess) = self.guess.take() {
            self.limits.passwords().forgive(&guess);
        }
        self.limits.decided().notify_waiters();
    }
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
    use std::pin::pin;

    use prometheus_client::registry::Registry;

    use super::super::guesses::ADDRESS;
    use super::*;
    use crate::api::Config;
    use crate::store::Store;

    /// A test that hangs fails.
    const LONG: Duration = Duration::from_mins(2);

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

    #[tokio::test]
    async fn who_waits_for_others_goes_on_when_they_are_decided() {
        let directory = directory();
        let limits = directory.limits();
        let begin = || Begun::wait(limits, address(), None);
        let mut others = Vec::new();
        for _ in 0..ADDRESS.free {
            others.push(begin().await.ok().unwrap());
        }
        let mut one_more = pin!(begin());
        assert!(
            timeout(Duration::ZERO, one_more.as_mut()).await.is_err(),
            "it waits"
        );
        drop(others.pop());
        let came = timeout(LONG, one_more).await.expect("it goes on");
        others.push(came.ok().unwrap());
        for guess in others {
            guess.was_wrong();
        }
        let after = timeout(LONG, begin()).await;
        assert!(after.is_ok(), "there is nothing left to wait for");
    }
}
