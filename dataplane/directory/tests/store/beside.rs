//! Versions of the program that run beside each other on one database, or after each other.

use std::path::PathBuf;

use plenum_directory::store::{Error, Store};
use tokio::task::JoinSet;

use crate::assert_error;
use crate::harness::{Harness, run};
use crate::postgres::Postgres;
use crate::site::Site;
use crate::things::add_account;

/// A newer program is taken back, or tried first in one process of several.
pub async fn what_a_newer_program_added_is_in_nobodys_way(site: Site) {
    let beside = site.open().await;
    let ada = add_account(&beside, "ada").await;
    site.change_tables(
        999,
        "CREATE TABLE pet (account TEXT PRIMARY KEY, name TEXT NOT NULL);
         CREATE INDEX account_created ON account (created);",
    )
    .await;
    assert_eq!(beside.account(ada.id).await.unwrap(), ada);
    site.change_tables(
        998,
        "ALTER TABLE account ADD COLUMN pets BIGINT NOT NULL DEFAULT 0",
    )
    .await;
    // And once more, as a process does that crashed.
    for name in ["bob", "eve"] {
        let after = site.open().await;
        assert_eq!(after.account(ada.id).await.unwrap(), ada);
        let new = add_account(&after, name).await;
        assert_eq!(after.account(new.id).await.unwrap(), new);
    }
}

/// And left alone.
pub async fn what_a_newer_program_made_another_is_refused(site: Site) {
    let before = site.open().await;
    let ada = add_account(&before, "ada").await;
    before.close().await;
    site.change_tables(999, "CREATE TABLE pet (name TEXT)")
        .await;
    site.change_tables(1_000, "ALTER TABLE account RENAME COLUMN name TO called")
        .await;
    let refused = Store::open(site.config()).await;
    let Err(Error::Corrupt(why)) = refused else {
        panic!("it was taken: {refused:?}");
    };
    assert!(why.contains("version 1000"), "{why}");
    // A lock that is left behind would keep the next one waiting.
    assert_error!(Store::open(site.config()).await, Corrupt);
    site.sql("ALTER TABLE account RENAME COLUMN called TO name")
        .await;
    site.sql("DELETE FROM _sqlx_migrations WHERE version = 1000")
        .await;
    assert_eq!(site.open().await.account(ada.id).await.unwrap(), ada);
}

pub fn on_postgres(harness: &mut Harness) {
    harness.with_own_server(
        "beside::a_table_that_changes_costs_one_answer_at_most",
        |programs| run(a_table_that_changes_costs_one_answer_at_most(programs)),
    );
}

/// It refuses what a process has prepared there before a table became another.
async fn a_table_that_changes_costs_one_answer_at_most(programs: PathBuf) {
    let server = Postgres::start(programs);
    let site = Site::postgres(server.database());
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    for change in [
        "ALTER TABLE account ADD COLUMN one BIGINT",
        "ALTER TABLE account ADD COLUMN another BIGINT",
    ] {
        site.sql(change).await;
        match store.account(ada.id).await {
            Err(Error::Unavailable(_)) => {}
            other => assert_eq!(other.unwrap(), ada),
        }
        // By all connections, of which there are fewer than questions.
        let mut reads = JoinSet::new();
        for _ in 0..50 {
            let store = store.clone();
            reads.spawn(async move { store.account(ada.id).await });
        }
        for found in reads.join_all().await {
            assert_eq!(found.unwrap(), ada);
        }
    }
}
