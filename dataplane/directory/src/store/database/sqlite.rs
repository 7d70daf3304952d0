//! `SQLite`, embedded: one file (and two beside it while it is open).

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::super::{Config, Error, migrations};
use super::Pools;

pub(super) async fn open(path: &Path, config: &Config) -> Result<Pools, Error> {
    private(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Another process on the same file, such as the one that adds the first account.
        .busy_timeout(config.answer)
        // Back to this size after a checkpoint: the log of a busy day is not kept.
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging();
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(config.patience)
            // It is a file: what could be tested?
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let write = pool(1).connect_with(options.clone()).await?;
    migrations::run(&mut *write.acquire().await?).await?;
    let read = pool(config.connections).connect_with(options).await?;
    Ok(Pools::Sqlite { read, write })
}

/// It holds keys, so it is its owner's only. What `SQLite` puts beside it gets the same mode.
fn private(path: &Path) -> Result<(), Error> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| Error::Unavailable(format!("{}: {error}", path.display())))
}
