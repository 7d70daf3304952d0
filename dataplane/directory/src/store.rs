//! What the directory knows, kept in `SQLite` (embedded) or `PostgreSQL`.

mod error;

use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plenum_wire::directory::ZoneReport;
use plenum_wire::{MeetingId, ZoneName};

use crate::model::*;

pub use error::Error;

/// Where the database is, and how many connections it gets.
#[derive(Debug, Clone)]
pub struct Config {
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: String,
    /// Connections at most.
    pub connections: u32,
    /// How long a call waits for a connection before it is [`Error::Unavailable`].
    pub patience: Duration,
}

impl Config {
    /// Ten connections, two seconds.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 10,
            patience: Duration::from_secs(2),
        }
    }

    /// An `SQLite` file.
    #[must_use]
    pub fn file(path: PathBuf) -> Self {
        Self::new(format!("sqlite://{}", path.display()))
    }
}

/// The directory's database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    _config: Config,
}

#[allow(unused_variables, clippy::unused_async)]
impl Store {
    pub async fn open(config: &Config) -> Result<Self, Error> {
        unimplemented!()
    }
    pub async fn ping(&self) -> Result<(), Error> {
        unimplemented!()
    }
    pub async fn close(&self) {
        unimplemented!()
    }

    pub async fn add_account(&self, new: NewAccount, now: Timestamp) -> Result<Account, Error> {
        unimplemented!()
    }
    pub async fn account(&self, id: AccountId) -> Result<Account, Error> {
        unimplemented!()
    }
    pub async fn account_named(&self, name: &AccountName) -> Result<Account, Error> {
        unimplemented!()
    }
    pub async fn credentials(
        &self,
        name: &AccountName,
    ) -> Result<(Account, Option<PasswordHash>), Error> {
        unimplemented!()
    }
    pub async fn accounts(
        &self,
        page: &Page<AccountName>,
    ) -> Result<Listed<Account, AccountName>, Error> {
        unimplemented!()
    }
    pub async fn change_account(&self, account: &Account) -> Result<Account, Error> {
        unimplemented!()
    }
    pub async fn set_password(&self, id: AccountId, password: &PasswordHash) -> Result<(), Error> {
        unimplemented!()
    }
    pub async fn delete_account(&self, id: AccountId) -> Result<(), Error> {
        unimplemented!()
    }

    pub async fn add_login(&self, new: NewLogin, now: Timestamp) -> Result<Login, Error> {
        unimplemented!()
    }
    pub async fn login(
        &self,
        secret: &SecretHash,
        now: Timestamp,
    ) -> Result<(Login, Account), Error> {
        unimplemented!()
    }
    pub async fn login_used(&self, id: LoginId, now: Timestamp) -> Result<(), Error> {
        unimplemented!()
    }
    pub async fn logins(
        &self,
        account: AccountId,
        kind: LoginKind,
        page: &Page<LoginId>,
    ) -> Result<Listed<Login, LoginId>, Error> {
        unimplemented!()
    }
    pub async fn delete_login(&self, account: AccountId, id: LoginId) -> Result<(), Error> {
        unimplemented!()
    }

    pub async fn add_meeting(&self, new: NewMeeting, now: Timestamp) -> Result<Meeting, Error> {
        unimplemented!()
    }
    pub async fn meeting(&self, number: MeetingNumber) -> Result<Meeting, Error> {
        unimplemented!()
    }
    pub async fn find_meeting(&self, id: &MeetingId) -> Result<Meeting, Error> {
        unimplemented!()
    }
    pub async fn meetings(
        &self,
        page: &Page<MeetingNumber>,
    ) -> Result<Listed<Meeting, MeetingNumber>, Error> {
        unimplemented!()
    }
    pub async fn meetings_of(
        &self,
        account: AccountId,
        page: &Page<MeetingNumber>,
    ) -> Result<Listed<Meeting, MeetingNumber>, Error> {
        unimplemented!()
    }
    pub async fn change_meeting(&self, meeting: &Meeting) -> Result<Meeting, Error> {
        unimplemented!()
    }
    pub async fn delete_meeting(&self, number: MeetingNumber) -> Result<(), Error> {
        unimplemented!()
    }
    pub fn passcode_hash(&self, number: MeetingNumber, passcode: &Passcode) -> PasscodeHash {
        unimplemented!()
    }
    pub fn passcode_matches(&self, meeting: &Meeting, presented: &str) -> bool {
        unimplemented!()
    }
    pub async fn host_seen(&self, number: MeetingNumber, now: Timestamp) -> Result<(), Error> {
        unimplemented!()
    }
    pub async fn host_last_seen(&self, number: MeetingNumber) -> Result<Option<Timestamp>, Error> {
        unimplemented!()
    }

    pub async fn add_waiting(&self, new: NewWaiting, now: Timestamp) -> Result<Waiting, Error> {
        unimplemented!()
    }
    pub async fn waiting(
        &self,
        meeting: MeetingNumber,
        secret: &SecretHash,
        now: Timestamp,
    ) -> Result<Waiting, Error> {
        unimplemented!()
    }
    pub async fn still_waiting(&self, id: WaitingId, expires: Timestamp) -> Result<(), Error> {
        unimplemented!()
    }
    pub async fn waiting_room(
        &self,
        meeting: MeetingNumber,
        page: &Page<WaitingId>,
        now: Timestamp,
    ) -> Result<Listed<Waiting, WaitingId>, Error> {
        unimplemented!()
    }
    pub async fn decide_waiting(
        &self,
        meeting: MeetingNumber,
        id: WaitingId,
        state: WaitingState,
        now: Timestamp,
    ) -> Result<Waiting, Error> {
        unimplemented!()
    }

    pub async fn add_zone(&self, new: NewZone, now: Timestamp) -> Result<Zone, Error> {
        unimplemented!()
    }
    pub async fn zone(&self, name: &ZoneName) -> Result<Zone, Error> {
        unimplemented!()
    }
    pub async fn zones(&self, page: &Page<ZoneName>) -> Result<Listed<Zone, ZoneName>, Error> {
        unimplemented!()
    }
    pub async fn change_zone(&self, zone: &Zone) -> Result<Zone, Error> {
        unimplemented!()
    }
    pub async fn delete_zone(&self, name: &ZoneName) -> Result<(), Error> {
        unimplemented!()
    }
    pub async fn put_report(
        &self,
        zone: &ZoneName,
        report: &ZoneReport,
        now: Timestamp,
    ) -> Result<(), Error> {
        unimplemented!()
    }
    pub async fn reports(&self, since: Timestamp) -> Result<Vec<StoredReport>, Error> {
        unimplemented!()
    }

    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, Error> {
        unimplemented!()
    }
    pub async fn rotate_keys<F>(&self, now: Timestamp, make: F) -> Result<Vec<SigningKey>, Error>
    where
        F: Fn(Timestamp) -> SigningKey + Send,
    {
        unimplemented!()
    }

    pub async fn changes(&self, after: Revision, limit: u32) -> Result<ChangePage, Error> {
        unimplemented!()
    }
    pub async fn replica_position(&self) -> Result<Option<(FeedId, Revision)>, Error> {
        unimplemented!()
    }
    pub async fn apply(&self, page: &ChangePage) -> Result<(), Error> {
        unimplemented!()
    }
    pub async fn begin_anew(&self) -> Result<(), Error> {
        unimplemented!()
    }

    pub async fn tidy(&self, now: Timestamp, keep_instant: SignedDuration) -> Result<u64, Error> {
        unimplemented!()
    }
}
