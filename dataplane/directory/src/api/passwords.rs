//! Passwords are hashed and compared on threads of their own, and only some at once: each
//! takes 19 MiB and tens of milliseconds of a core, and lookups are to go on meanwhile.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use plenum_wire::directory::Denial;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::problem::{Answer, Problem};
use crate::model::{Password, PasswordHash};
use crate::random;

/// How long somebody waits for their turn.
const PATIENCE: Duration = Duration::from_secs(4);
/// Those who wait for their turn, at most; more would only wait in vain.
const QUEUE: usize = 64;

/// The turns.
pub struct Passwords {
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        // Half of the cores, so that guessing passwords stops nobody from joining.
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            turns: Arc::new(Semaphore::new((cores / 2).max(1))),
            queue: Arc::new(Semaphore::new(QUEUE)),
        }
    }
}

impl Passwords {
    /// The hash of a password that is to be set.
    pub async fn hash(&self, password: Password) -> Answer<PasswordHash> {
        let hashed = self.run(move || PasswordHash::of(&password, random::salt()));
        hashed
            .await?
            .map_err(|error| Problem::bad_request(error.to_string()))
    }

    /// Whether that is the password. Without a hash it never is, and takes as long.
    pub async fn matches(&self, hash: Option<PasswordHash>, password: Password) -> Answer<bool> {
        let hash = hash.unwrap_or_else(PasswordHash::of_nobody);
        self.run(move || hash.matches(&password)).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
        let turn = self.turn().await?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "hashing a password");
            Denial::Unavailable.into()
        })
    }

    async fn turn(&self) -> Answer<OwnedSemaphorePermit> {
        let _place = self.queue.try_acquire().map_err(|_| busy())?;
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        turn.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Nobody else has a turn while they are held.
    #[cfg(test)]
    pub async fn all_turns(&self) -> OwnedSemaphorePermit {
        let free = u32::try_from(self.turns.available_permits()).unwrap();
        let turns = Arc::clone(&self.turns).acquire_many_owned(free);
        turns.await.unwrap()
    }
}

/// What those are told who waited in vain.
fn busy() -> Problem {
    Problem::from(Denial::Unavailable).saying("too many sign in; ask again")
}
