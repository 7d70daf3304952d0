//! Two databases, one set of statements.
//!
//! Both take `$1`, `ON CONFLICT` and `RETURNING`, so nearly every statement is the same text;
//! what differs is here: how connections are made, how a transaction begins, what a row is.
//!
//! - A write that was answered is on disk: `SQLite` in WAL mode with `synchronous = FULL`,
//!   `PostgreSQL` with `synchronous_commit` not off.
//! - Nothing waits for ever: neither for a connection nor for an answer ([`Config`]).

mod answers;
mod postgres;
mod row;
mod sqlite;
mod transaction;
mod value;

use std::sync::{Arc, OnceLock};

use sqlx::{PgPool, SqlitePool};

use super::{Config, Error};
use answers::Answers;
use transaction::Open;

pub(super) use answers::RESULT_CHANGED;
pub(super) use row::Row;
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

/// The connections, once there are any. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Database(Arc<OnceLock<Opened>>);

#[derive(Debug, Clone)]
struct Opened {
    pools: Pools,
    answers: Answers,
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

/// Not connected at first: until [`Database::adopt`] every call is refused.
impl Database {
    /// See [`Config::is_exposed`].
    pub(super) fn is_exposed(config: &Config) -> bool {
        let on_a_network = !config.url.starts_with("sqlite:");
        on_a_network && postgres::is_exposed(&config.url)
    }

    /// Connects and brings the tables up to date.
    pub(super) async fn open(config: &Config) -> Result<Self, Error> {
        let answers = Answers::new(config);
        let pools = match config.url.split_once("://") {
            Some(("sqlite", path)) => sqlite::open(path.as_ref(), config).await?,
            Some(("postgres" | "postgresql", _)) => {
                postgres::open(config, answers.outdated.clone()).await?
            }
            _ => {
                return Err(Error::corrupt(
                    "its URL begins with sqlite:// or postgres://",
                ));
            }
        };
        Ok(Self(Arc::new(Opened { pools, answers }.into())))
    }

    /// Takes the connections of another one, unless it has some already.
    pub(super) fn adopt(&self, other: &Self) {
        if let Some(opened) = other.0.get() {
            // Who was second goes on with the first, and drops these.
            let _ = self.0.set(opened.clone());
        }
    }

    /// Whether it was connected once.
    pub(super) fn is_open(&self) -> bool {
        self.0.get().is_some()
    }

    fn opened(&self) -> Result<(&Pools, &Answers), Error> {
        let away = || Error::Unavailable("it has not been reached yet".to_owned());
        let Opened { pools, answers } = self.0.get().ok_or_else(away)?;
        Ok((pools, answers))
    }

    /// One row, if there is one.
    pub(super) async fn row(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, Error> {
        let (pools, answers) = self.opened()?;
        match pools {
            Pools::Sqlite { read, .. } => answers
                .on(run!(read, sql, values, fetch_optional))
                .await
                .map(|row| row.map(Row::Sqlite)),
            Pools::Postgres(pool) => answers
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
        let (pools, answers) = self.opened()?;
        match pools {
            Pools::Sqlite { read, .. } => answers
                .on(run!(read, sql, values, fetch_all))
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Pools::Postgres(pool) => answers
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
        let (pools, answers) = self.opened()?;
        match pools {
            Pools::Sqlite { write, .. } => answers
                .on(run!(write, sql, values, execute))
                .await
                .map(|done| done.rows_affected()),
            Pools::Postgres(pool) => answers
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
        let (pools, answers) = self.opened()?;
        match pools {
            // To its end, as `SQLite` commits only there.
            Pools::Sqlite { write, .. } => answers
                .on(run!(write, sql, values, fetch_all))
                .await
                .map(|rows| rows.into_iter().next().map(Row::Sqlite)),
            Pools::Postgres(_) => self.row(sql, values).await,
        }
    }

    /// The statement in this database's own words.
    pub(super) fn words(&self, statement: &Statement) -> Result<&'static str, Error> {
        Ok(match self.opened()?.0 {
            Pools::Sqlite { .. } => statement.sqlite,
            Pools::Postgres(_) => statement.postgres,
        })
    }

    /// A transaction that writes.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        // `SQLite` at once, not at the first write: a reader that becomes a writer may find
        // that another was faster, and could only give up.
        let (pools, answers) = self.opened()?;
        let open = match pools {
            Pools::Sqlite { write, .. } => {
                let open = answers.on(write.begin_with("BEGIN IMMEDIATE"));
                Open::Sqlite(open.await?)
            }
            Pools::Postgres(pool) => {
                let open = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED");
                Open::Postgres(answers.on(open).await?)
            }
        };
        Ok(Transaction {
            open,
            answers: answers.clone(),
        })
    }

    /// A transaction that reads, and sees one moment.
    pub(super) async fn snapshot(&self) -> Result<Transaction, Error> {
        let (pools, answers) = self.opened()?;
        let open = match pools {
            Pools::Sqlite { read, .. } => {
                let open = answers.on(read.begin_with("BEGIN DEFERRED"));
                Open::Sqlite(open.await?)
            }
            Pools::Postgres(pool) => {
                let open = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
                Open::Postgres(answers.on(open).await?)
            }
        };
        Ok(Transaction {
            open,
            answers: answers.clone(),
        })
    }

    pub(super) async fn close(&self) {
        match self.0.get().map(|it| &it.pools) {
            Some(Pools::Sqlite { read, write }) => {
                read.close().await;
                write.close().await;
            }
            Some(Pools::Postgres(pool)) => pool.close().await,
            None => {}
        }
    }
}
