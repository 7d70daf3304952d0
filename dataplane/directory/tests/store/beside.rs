//! Versions of the program that run beside each other on one database.

use std::path::PathBuf;

use plenum_directory::store::Error;
use tokio::task::JoinSet;

use crate::harness::{Harness, run};
use crate::postgres::Postgres;
use crate::site::Site;
use crate::things::add_account;

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
