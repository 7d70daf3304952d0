//! Two databases, one set of statements.
//!
//! Both take `$1`, `ON CONFLICT` and `RETURNING`, so nearly every statement is the same text;
//! what differs is here: how connections are made, how a transaction begins, what a row is.
//!
//! - A write that was answered is on disk: `SQLite` in WAL mode with `synchronous = FULL`,
//!   `PostgreSQL` with `synchronous_commit` not off.
//! - Nothing waits for ever: for a connection as long as the caller's patience, for an answer
//!   [`ANSWER`].

mod postgres;
mod row;
mod sqlite;
mod transaction;
mod value;

use std::time::Duration;

use sqlx::{PgPool, SqlitePool};

use super::{Config, Error};

pub(super) use row::Row;
pub(super) use transaction::Transaction;
pub(super) use value::{Value, text, texts, time, times, word};

/// How long the database may take for one statement. Ours take milliseconds; what takes
/// longer waits for a lock or a disk that is in trouble, and the caller has gone.
const ANSWER: Duration = Duration::from_secs(5);

/// A statement that the two databases write differently.
pub(super) struct Statement {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// The connections.
#[derive(Debug, Clone)]
pub(super) enum Database {
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
    /// Connects and brings the tables up to date.
    pub(super) async fn open(config: &Config) -> Result<Self, Error> {
        if let Some(path) = config.url.strip_prefix("sqlite://") {
            return sqlite::open(path.as_ref(), config).await;
        }
        if config.url.starts_with("postgres://") || config.url.starts_with("postgresql://") {
            return postgres::open(config).await;
        }
        Err(Error::Corrupt(
            "its URL begins with sqlite:// or postgres://".to_owned(),
        ))
    }

    /// One row, if there is one.
    pub(super) async fn row(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, Error> {
        match self {
            Self::Sqlite { read, .. } => within(run!(read, sql, values, fetch_optional))
                .await
                .map(|row| row.map(Row::Sqlite)),
            Self::Postgres(pool) => within(run!(pool, sql, values, fetch_optional))
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
        match self {
            Self::Sqlite { read, .. } => within(run!(read, sql, values, fetch_all))
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Self::Postgres(pool) => within(run!(pool, sql, values, fetch_all))
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
        match self {
            Self::Sqlite { write, .. } => within(run!(write, sql, values, execute))
                .await
                .map(|done| done.rows_affected()),
            Self::Postgres(pool) => within(run!(pool, sql, values, execute))
                .await
                .map(|done| done.rows_affected()),
        }
    }

    /// A transaction that writes.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        match self {
            // At once, not at the first write: a reader that becomes a writer may find that
            // another was faster, and could only give up.
            Self::Sqlite { write, .. } => within(write.begin_with("BEGIN IMMEDIATE"))
                .await
                .map(Transaction::Sqlite),
            Self::Postgres(pool) => within(pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED"))
                .await
                .map(Transaction::Postgres),
        }
    }

    /// A transaction that reads, and sees one moment.
    pub(super) async fn snapshot(&self) -> Result<Transaction, Error> {
        match self {
            Self::Sqlite { read, .. } => within(read.begin_with("BEGIN DEFERRED"))
                .await
                .map(Transaction::Sqlite),
            Self::Postgres(pool) => {
                within(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
                    .await
                    .map(Transaction::Postgres)
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// The answer, or that there was none in time.
async fn within<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>> + Send,
) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_) => Err(Error::Unavailable(format!(
            "no answer in {} s",
            ANSWER.as_secs()
        ))),
    }
}
