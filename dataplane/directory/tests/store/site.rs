//! A new database for one test.

use std::path::PathBuf;
use std::time::Duration;

use plenum_directory::store::{Config, Store};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgPool, SqlSafeStr as _, SqlitePool};
use tempfile::TempDir;

use crate::harness::files;

/// Where a test keeps its store.
pub struct Site {
    config: Config,
    place: Option<TempDir>,
}

impl Site {
    pub fn sqlite() -> Self {
        let place = files();
        let config = patient(Config::file(&place.path().join("directory.db")));
        Self {
            config,
            place: Some(place),
        }
    }

    pub fn postgres(url: String) -> Self {
        Self {
            config: patient(Config::new(url)),
            place: None,
        }
    }

    /// A process of the directory. Any number may share the database.
    pub async fn open(&self) -> Store {
        Store::open(&self.config).await.unwrap()
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A newer program changes the tables.
    pub async fn change_tables(&self, version: i64, statements: &'static str) {
        let (statements, simple) = (statements.into_sql_str(), MigrationType::Simple);
        let change = Migration::new(version, "of tomorrow".into(), simple, statements, false);
        let mut newer = Migrator::with_migrations(vec![change]);
        newer.set_ignore_missing(true);
        if let Some(file) = self.file() {
            let options = SqliteConnectOptions::new().filename(file);
            let pool = SqlitePool::connect_with(options).await.unwrap();
            newer.run(&pool).await.unwrap();
            pool.close().await;
        } else {
            let pool = PgPool::connect(&self.config.url).await.unwrap();
            newer.run(&pool).await.unwrap();
            pool.close().await;
        }
    }

    /// A statement past the store.
    pub async fn sql(&self, statement: &'static str) {
        if let Some(file) = self.file() {
            let options = SqliteConnectOptions::new().filename(file);
            let pool = SqlitePool::connect_with(options).await.unwrap();
            sqlx::query(statement).execute(&pool).await.unwrap();
            pool.close().await;
        } else {
            let pool = PgPool::connect(&self.config.url).await.unwrap();
            sqlx::query(statement).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }

    /// The file, where there is one.
    pub fn file(&self) -> Option<PathBuf> {
        self.place
            .as_ref()
            .map(|place| place.path().join("directory.db"))
    }
}

/// A replica of its own, in a file.
pub async fn replica() -> (Site, Store) {
    let site = Site::sqlite();
    let store = site.open().await;
    (site, store)
}

/// However slow the machine is.
pub fn patient(config: Config) -> Config {
    let minute = Duration::from_secs(60);
    Config {
        patience: minute,
        answer: minute,
        ..config
    }
}
