//! How often somebody may do something. What is decided is in `plenum_transport` and `guesses`;
//! here are the figures, and the locks.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plenum_transport::buckets::{Buckets, Pace};
use plenum_transport::rate::{Rate, RateLimit, household};

use super::guesses::{ADDRESS, Guesses};
use crate::model::{AccountId, AccountName, MeetingNumber};

/// Requests from one address. A whole office behind one address joins on the hour.
const REQUESTS: Rate = Rate {
    burst: 2_000,
    per_second: 200,
};
/// Requests of one account, wherever they come from. An integration that lists meetings asks
/// some times a second.
const ACCOUNT: Pace = Pace {
    free: 500,
    each: Duration::from_millis(50),
};
/// Passwords tried from one address, right or wrong: each costs 40 ms of a core.
const SIGN_INS: Pace = Pace {
    free: 60,
    each: Duration::from_secs(2),
};
/// Waiting rooms entered from one address. Each is a row, and a line in front of a host.
const KNOCKS: Pace = Pace {
    free: 200,
    each: Duration::from_secs(2),
};

/// All limits of a directory.
pub struct Limits {
    requests: Mutex<RateLimit>,
    accounts: Mutex<Buckets<AccountId>>,
    sign_ins: Mutex<Buckets<IpAddr>>,
    knocks: Mutex<Buckets<IpAddr>>,
    misnamed: Mutex<Buckets<AccountId>>,
    passcodes: Mutex<Guesses<MeetingNumber>>,
    passwords: Mutex<Guesses<AccountName>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: Mutex::new(RateLimit::new(REQUESTS)),
            accounts: Mutex::new(Buckets::new(ACCOUNT)),
            sign_ins: Mutex::new(Buckets::new(SIGN_INS)),
            knocks: Mutex::new(Buckets::new(KNOCKS)),
            misnamed: Mutex::new(Buckets::new(ADDRESS)),
            passcodes: Mutex::new(Guesses::new()),
            passwords: Mutex::new(Guesses::new()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Limits {
    /// A request.
    pub fn request(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        lock(&self.requests).take(address, now)
    }

    /// A request of somebody who is signed in.
    pub fn account(&self, account: AccountId, now: Instant) -> Result<(), Duration> {
        lock(&self.accounts).take(&account, now)
    }

    /// A password is about to be tried.
    pub fn sign_in(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        lock(&self.sign_ins).take(&household(address), now)
    }

    /// Somebody is about to enter a waiting room.
    pub fn knock(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        lock(&self.knocks).take(&household(address), now)
    }

    /// Somebody names other accounts, and so many of these are not there, which are as many wrong
    /// guesses. Of how many of them they may be told; of nothing at all while they have no guess
    /// left.
    pub fn misnamed(
        &self,
        account: AccountId,
        nobody: usize,
        now: Instant,
    ) -> Result<usize, Duration> {
        let mut misnamed = lock(&self.misnamed);
        misnamed.allow(&account, now)?;
        let told = (0..nobody).take_while(|_| misnamed.take(&account, now).is_ok());
        Ok(told.count())
    }

    /// Wrong passcodes, and meetings that do not exist.
    pub fn passcodes(&self) -> MutexGuard<'_, Guesses<MeetingNumber>> {
        lock(&self.passcodes)
    }

    /// Wrong passwords, and accounts that do not exist.
    pub fn passwords(&self) -> MutexGuard<'_, Guesses<AccountName>> {
        lock(&self.passwords)
    }
}
