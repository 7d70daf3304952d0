//! What the directory knows, kept in `SQLite` (embedded, the default) or `PostgreSQL`.
//!
//! Guarantees, on both alike:
//! - What was answered is on disk, and survives whatever happens to the database's process.
//! - What changes an account, session, meeting, zone or key takes the next [`Revision`]; who
//!   changes what somebody else changed meanwhile gets [`Error::Changed`].
//! - [`Store::changes`] tells all that changed after a number, and never leaves one out.
//! - With the database away, every call ends with [`Error::Unavailable`] in bounded time,
//!   and works again when it is back. A write that ended so may have been done.
//!
//! It goes by the times that it is told, hashes nothing slowly, and does not ask who may do what.
//!
//! | file | what |
//! |---|---|
//! | `database` | the two databases behind one set of statements |
//! | `write` | transactions that replicas hear of |
//! | `accounts`, `logins`, `meetings`, `placements`, `endings`, `waiting`, `zones`, `keys`, `public_keys` | a table each |
//! | `feed`, `replica` | what replicas pull, and how they take it |
//! | `leftovers` | what time makes worthless |

mod accounts;
mod database;
mod endings;
mod error;
mod feed;
mod keys;
mod leftovers;
mod logins;
mod meetings;
mod migrations;
mod placements;
mod public_keys;
mod replica;
mod waiting;
mod write;
mod zones;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{FeedId, PasscodeKey, Revision};
use crate::random;
use database::{Database, Statement, text, word};

pub use endings::{KEPT as ENDINGS_KEPT, LAST as LAST_ENDINGS};
pub use error::Error;
pub use leftovers::PIECE;

/// In milliseconds since 1970. The Julian day 2440587.5 is that of the Unix epoch.
const CLOCK: Statement = Statement {
    sqlite: "SELECT CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) AS time",
    postgres: "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS time",
};

/// Where the database is, and how many connections it gets.
#[derive(Clone)]
pub struct Config {
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: String,
    /// Connections at most.
    pub connections: u32,
    /// How long a call waits for a connection before it is [`Error::Unavailable`].
    pub patience: Duration,
    /// How long it then waits for the answer to one statement. Ours take milliseconds; what
    /// takes longer waits for a lock or a disk that is in trouble, and the caller has gone.
    pub answer: Duration,
}

impl Config {
    /// Ten connections, two seconds for one, five for an answer.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 10,
            patience: Duration::from_secs(2),
            answer: Duration::from_secs(5),
        }
    }

    /// An `SQLite` file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self::new(format!("sqlite://{}", path.display()))
    }

    /// Whether somebody between this machine and the database could read what is said, private
    /// keys too, or answer in its place.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        Database::is_exposed(self)
    }
}

/// The URL may hold a password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("Config")
            .field("url", &format_args!("{kind}://.."))
            .finish_non_exhaustive()
    }
}

/// The directory's database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    config: Config,
    database: Database,
    passcode_key: Arc<RwLock<PasscodeKey>>,
}

impl Store {
    /// Not connected yet: until [`Store::connect`] has done so, every call is
    /// [`Error::Unavailable`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            database: Database::default(),
            config,
            // Nothing is compared with it: there is no meeting to be found yet.
            passcode_key: Arc::new(RwLock::new(random::passcode_key())),
        }
    }

    /// Connects, and brings the tables up to date. Several may do so at once.
    pub async fn connect(&self) -> Result<(), Error> {
        if self.database.is_open() {
            return Ok(());
        }
        let database = Database::open(&self.config).await?;
        begin(&database).await?;
        self.use_passcode_key(passcode_key(&database).await?);
        self.database.adopt(&database);
        Ok(())
    }

    /// [`Store::new`] and [`Store::connect`] at once.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let store = Self::new(config.clone());
        store.connect().await?;
        Ok(store)
    }

    /// What time it is by the database's clock, which all processes of a directory share.
    pub async fn time(&self) -> Result<Timestamp, Error> {
        let sql = self.database.words(&CLOCK)?;
        let row = self.database.row(sql, vec![]).await?;
        row.ok_or_else(|| Error::corrupt("it has no clock"))?
            .time("time")
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.database
            .row("SELECT head FROM feed", vec![])
            .await
            .map(drop)
    }

    /// Reads the key of the passcodes again: in a replica's database another process may have
    /// taken it from the feed.
    pub async fn learn_passcode_key(&self) -> Result<(), Error> {
        self.use_passcode_key(passcode_key(&self.database).await?);
        Ok(())
    }

    fn key_of_passcodes(&self) -> PasscodeKey {
        *self
            .passcode_key
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn use_passcode_key(&self, key: PasscodeKey) {
        *self
            .passcode_key
            .write()
            .unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// Ends the connections, once those in use are free; calls from now on fail.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// What a new database has: a name, and a key for its passcodes.
async fn begin(database: &Database) -> Result<(), Error> {
    let sql = "INSERT INTO feed (one, id, head, oldest) VALUES (1, $1, 1, 0)
        ON CONFLICT (one) DO NOTHING";
    let feed = FeedId::from_random(random::bits());
    database.execute(sql, vec![text(feed)]).await?;
    // Whichever it is of the row's two unique columns that another program's row is met by: with one
    // of them named, `PostgreSQL` calls the other an error where both write at the same moment.
    let sql = "INSERT INTO passcode_key (one, value, revision) VALUES (1, $1, $2)
        ON CONFLICT DO NOTHING";
    let values = vec![word(&random::passcode_key()), Revision(1).0.into()];
    database.execute(sql, values).await.map(drop)
}

async fn passcode_key(database: &Database) -> Result<PasscodeKey, Error> {
    let row = database
        .row("SELECT value FROM passcode_key", vec![])
        .await?;
    row.ok_or_else(|| Error::corrupt("the table passcode_key is empty"))?
        .named("value")
}
