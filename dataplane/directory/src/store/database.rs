//! Two databases, one set of statements.
//!
//! Both take `$1`, `ON CONFLICT` and `RETURNING`, so nearly every statement is the same text;
//! what differs is here: how connections are made, how a transaction begins, what a row is.
//!
//! - A write that was answered is on disk: `SQLite` in WAL mode with `synchronous = FULL`,
//!   `PostgreSQL` with `synchronous_commit` not off.
//! - Nothing waits for ever: neither for a connection nor for an answer ([`Config`]).

mod postgres;
mod row;
mod sqlite;
mod transaction;
mod value;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::{PgPool, SqlitePool};

use super::{Config, Error};

pub(super) use row::Row;
use transaction::Open;
pub(super) use transaction::Transaction;
pub(super) use value::{Value, json, text, texts, time, times, word};

/// A statement that the two databases write differently.
pub(super) struct Statement {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// A statement about the things that are listed in $1, as JSON.
macro_rules! among {
    ($sql:literal, $type:literal) => {
        $crate::store::database::Statement {
            sqlite: concat!(
                $sql,
                " IN (SELECT CAST(value AS ",
                $type,
                ") FROM json_each($1))"
            ),
            postgres: concat!(
                $sql,
                " IN (SELECT CAST(json_array_elements_text($1::json) AS ",
                $type,
                "))"
            ),
        }
    };
}
pub(super) use among;

/// The connections, once there are any, and how long an answer may take. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Database {
    pools: Arc<OnceLock<Pools>>,
    limit: Limit,
}

#[derive(Debug, Clone)]
enum Pools {
    /// `SQLite` has one writer at a time: one connection for it makes the queue ours, with
    /// our time limits, and readers never see it.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// One statement on whatever kind of connection there is.
macro_rules! run {
    ($connection:expr, $sql:expr, $values:expr, $method:ident) => {
        value::query($sql, $values).$method($connection)
    };
}
use run;

impl Database {
    /// Not connected yet: until [`Database::adopt`] every call is refused.
    pub(super) fn away(config: &Config) -> Self {
        Self {
            pools: Arc::default(),
            limit: Limit(config.answer),
        }
    }

    /// See [`Config::is_exposed`].
    pub(super) fn is_exposed(config: &Config) -> bool {
        let on_a_network = !config.url.starts_with("sqlite:");
        on_a_network && postgres::is_exposed(&config.url)
    }

    /// Connects and brings the tables up to date.
    pub(super) async fn open(config: &Config) -> Result<Self, Error> {
        let pools = match config.url.split_once("://") {
            Some(("sqlite", path)) => sqlite::open(path.as_ref(), config).await?,
            Some(("postgres" | "postgresql", _)) => postgres::open(config).await?,
            _ => {
                return Err(Error::corrupt(
                    "its URL begins with sqlite:// or postgres://",
                ));
            }
        };
        Ok(Self {
            pools: Arc::new(pools.into()),
            limit: Limit(config.answer),
        })
    }

    /// Takes the connections of another one, unless it has some already.
    pub(super) fn adopt(&self, other: &Self) {
        if let Some(pools) = other.pools.get() {
            // Who was second goes on with the first, and drops these.
            let _ = self.pools.set(pools.clone());
        }
    }

    /// Whether it was connected once.
    pub(super) fn is_open(&self) -> bool {
        self.pools.get().is_some()
    }

    fn pools(&self) -> Result<&Pools, Error> {
        let away = || Error::Unavailable("it has not been reached yet".to_owned());
        self.pools.get().ok_or_else(away)
    }

    /// One row, if there is one.
    pub(super) async fn row(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, Error> {
        match self.pools()? {
            Pools::Sqlite { read, .. } => self
                .limit
                .on(run!(read, sql, values, fetch_optional))
                .await
                .map(|row| row.map(Row::Sqlite)),
            Pools::Postgres(pool) => self
                .limit
                .on(run!(pool, sql, values, fetch_optional))
                .await
                .map(|row| row.map(Row::Postgres)),
        }
    }

    /// All rows; the statement has a limit.
    pub(super) async fn rows(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        match self.pools()? {
            Pools::Sqlite { read, .. } => self
                .limit
                .on(run!(read, sql, values, fetch_all))
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Pools::Postgres(pool) => self
                .limit
                .on(run!(pool, sql, values, fetch_all))
                .await
                .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
        }
    }

    /// A statement that is a transaction by itself; says how many rows it touched.
    pub(super) async fn execute(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<u64, Error> {
        match self.pools()? {
            Pools::Sqlite { write, .. } => self
                .limit
                .on(run!(write, sql, values, execute))
                .await
                .map(|done| done.rows_affected()),
            Pools::Postgres(pool) => self
                .limit
                .on(run!(pool, sql, values, execute))
                .await
                .map(|done| done.rows_affected()),
        }
    }

    /// The row of a statement that writes it, and is a transaction by itself.
    pub(super) async fn written(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, Error> {
        match self.pools()? {
            // To its end, as `SQLite` commits only there.
            Pools::Sqlite { write, .. } => self
                .limit
                .on(run!(write, sql, values, fetch_all))
                .await
                .map(|rows| rows.into_iter().next().map(Row::Sqlite)),
            Pools::Postgres(_) => self.row(sql, values).await,
        }
    }

    /// The statement in this database's own words.
    pub(super) fn words(&self, statement: &Statement) -> Result<&'static str, Error> {
        Ok(match self.pools()? {
            Pools::Sqlite { .. } => statement.sqlite,
            Pools::Postgres(_) => statement.postgres,
        })
    }

    /// A transaction that writes.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        // `SQLite` at once, not at the first write: a reader that becomes a writer may find
        // that another was faster, and could only give up.
        let open = match self.pools()? {
            Pools::Sqlite { write, .. } => {
                let open = self.limit.on(write.begin_with("BEGIN IMMEDIATE"));
                Open::Sqlite(open.await?)
            }
            Pools::Postgres(pool) => {
                let open = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED");
                Open::Postgres(self.limit.on(open).await?)
            }
        };
        Ok(Transaction {
            open,
            limit: self.limit,
        })
    }

    /// A transaction that reads, and sees one moment.
    pub(super) async fn snapshot(&self) -> Result<Transaction, Error> {
        let open = match self.pools()? {
            Pools::Sqlite { read, .. } => {
                let open = self.limit.on(read.begin_with("BEGIN DEFERRED"));
                Open::Sqlite(open.await?)
            }
            Pools::Postgres(pool) => {
                let open = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
                Open::Postgres(self.limit.on(open).await?)
            }
        };
        Ok(Transaction {
            open,
            limit: self.limit,
        })
    }

    pub(super) async fn close(&self) {
        match self.pools.get() {
            Some(Pools::Sqlite { read, write }) => {
                read.close().await;
                write.close().await;
            }
            Some(Pools::Postgres(pool)) => pool.close().await,
            None => {}
        }
    }
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy)]
struct Limit(Duration);

impl Limit {
    /// The answer, or that there was none in time.
    async fn on<T>(
        self,
        answer: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.0, answer).await {
            Ok(answer) => answer.map_err(Error::from),
            Err(_) => Err(Error::Unavailable(format!("no answer in {:?}", self.0))),
        }
    }
}
