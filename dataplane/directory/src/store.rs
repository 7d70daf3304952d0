//! What the directory knows, kept in `SQLite` (embedded, the default) or `PostgreSQL`.
//!
//! Guarantees, on both alike:
//! - What was answered is on disk, and survives whatever happens to the database's process.
//! - What changes an account, session, meeting, zone or key takes the next [`Revision`]; who
//!   changes what somebody else changed meanwhile gets [`Error::Conflict`].
//! - [`Store::changes`] tells all that changed after a number, and never leaves one out.
//! - With the database away, every call ends with [`Error::Unavailable`] in bounded time,
//!   and works again when it is back. A write that ended so may have been done.
//!
//! It has no clock, hashes nothing slowly, and does not ask who may do what.
//!
//! | file | what |
//! |---|---|
//! | `database` | the two databases behind one set of statements |
//! | `write` | transactions that replicas hear of |
//! | `accounts`, `logins`, `meetings`, `waiting`, `zones`, `keys`, `public_keys` | a table each |
//! | `feed`, `replica` | what replicas pull, and how they take it |
//! | `leftovers` | what time makes worthless |

mod accounts;
mod database;
mod error;
mod feed;
mod keys;
mod leftovers;
mod logins;
mod meetings;
mod migrations;
mod public_keys;
mod replica;
mod waiting;
mod write;
mod zones;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::model::{FeedId, PasscodeKey, Revision};
use crate::random;
use database::{Database, text, word};

pub use error::Error;

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
    database: Database,
    passcode_key: Arc<RwLock<PasscodeKey>>,
}

impl Store {
    /// Connects, and brings the tables up to date. Several may do so at once.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let database = Database::open(config).await?;
        begin(&database).await?;
        let passcode_key = Arc::new(RwLock::new(passcode_key(&database).await?));
        Ok(Self {
            database,
            passcode_key,
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.database
            .row("SELECT head FROM feed", vec![])
            .await
            .map(drop)
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
    let sql = "INSERT INTO passcode_key (one, value, revision) VALUES (1, $1, $2)
        ON CONFLICT (one) DO NOTHING";
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
