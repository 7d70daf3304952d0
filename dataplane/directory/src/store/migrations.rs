//! The tables and their changes, shipped inside. What has been released is never edited: a
//! database remembers the hash of each. A change is a new file, the same for both databases.
//!
//! A former program may run beside a newer one, and again after it. So a change only adds: tables,
//! indexes, columns with a default, and in what was there before no word that former programs
//! cannot read. A change that has to do more has the first free number of the next thousand: they
//! refuse that database.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

/// Changes of one thousand only add to each other.
const GENERATION: i64 = 1_000;

const MIGRATIONS: [(i64, &str, &str); 7] = [
    (
        1,
        "initial",
        include_str!("../../migrations/0001_initial.sql"),
    ),
    (
        2,
        "replicas",
        include_str!("../../migrations/0002_replicas.sql"),
    ),
    (
        3,
        "waiting household",
        include_str!("../../migrations/0003_waiting_household.sql"),
    ),
    (
        4,
        "placements",
        include_str!("../../migrations/0004_placements.sql"),
    ),
    (
        5,
        "used meetings",
        include_str!("../../migrations/0005_used_meetings.sql"),
    ),
    (
        6,
        "endings",
        include_str!("../../migrations/0006_endings.sql"),
    ),
    (7, "heard", include_str!("../../migrations/0007_heard.sql")),
];

/// Brings the tables up to date. Those that a newer program added stay, and are nothing to this
/// one; with [`MigrateError::VersionMissing`] nothing was changed.
pub(super) async fn run(connection: &mut impl Migrate) -> Result<(), MigrateError> {
    let mut migrator = list();
    migrator.set_ignore_missing(true).set_locking(false);
    // Whoever comes second waits; who ends before the end lets go with the connection.
    connection.lock().await?;
    let table = &migrator.table_name;
    connection.ensure_migrations_table(table).await?;
    let applied = connection.list_applied_migrations(table).await?;
    if let Some(breaking) = applied.iter().find(|it| !is_near(it.version)) {
        return Err(MigrateError::VersionMissing(breaking.version));
    }
    migrator.run_direct(None, connection, false).await?;
    connection.unlock().await
}

/// Whether a program that has [`MIGRATIONS`] can live with that one.
const fn is_near(version: i64) -> bool {
    let [.., (newest, _, _)] = MIGRATIONS;
    version / GENERATION <= newest / GENERATION
}

fn list() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, what, sql)| {
        let sql = sql.into_sql_str();
        Migration::new(version, what.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.into())
}
