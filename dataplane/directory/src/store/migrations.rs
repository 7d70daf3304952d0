//! The tables and their changes, shipped inside. What has been released is never edited: a
//! database remembers the hash of each. A change is a new file, the same for both databases.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const MIGRATIONS: [(i64, &str, &str); 4] = [
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
];

pub(super) fn list() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, what, sql)| {
        let sql = sql.into_sql_str();
        Migration::new(version, what.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.into())
}
