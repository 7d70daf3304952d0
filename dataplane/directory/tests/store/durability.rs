//! What is on disk, and whether it can be read.

use std::fs;

use plenum_directory::store::{Config, Store};

use crate::assert_error;
use crate::harness::{Harness, runtime};
use crate::site::Site;
use crate::things::add_account;

pub fn on_sqlite(harness: &mut Harness) {
    harness.on_sqlite(
        "durability::what_was_answered_is_in_the_files",
        what_was_answered_is_in_the_files,
    );
    harness.on_sqlite(
        "durability::the_file_is_its_owners_only",
        the_file_is_its_owners_only,
    );
    harness.on_sqlite(
        "durability::another_file_is_no_database",
        another_file_is_no_database,
    );
    harness.on_sqlite(
        "durability::what_cannot_be_opened_is_away",
        what_cannot_be_opened_is_away,
    );
}

/// As after a loss of power: what the files hold at the moment of the answer, in another place.
fn what_was_answered_is_in_the_files() {
    runtime().block_on(async {
        let site = Site::sqlite();
        let store = site.open().await;
        for number in 0..20 {
            let made = add_account(&store, &format!("user{number}")).await;
            let crashed = Site::sqlite();
            for suffix in ["", "-wal"] {
                let name = |site: &Site| format!("{}{suffix}", site.file().unwrap().display());
                fs::copy(name(&site), name(&crashed)).unwrap();
            }
            assert_eq!(crashed.open().await.account(made.id).await.unwrap(), made);
        }
    });
}

fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    runtime().block_on(async {
        let site = Site::sqlite();
        let store = site.open().await;
        add_account(&store, "ada").await;
        for suffix in ["", "-wal", "-shm"] {
            let name = format!("{}{suffix}", site.file().unwrap().display());
            let mode = fs::metadata(&name).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    });
}

fn another_file_is_no_database() {
    runtime().block_on(async {
        let site = Site::sqlite();
        fs::write(site.file().unwrap(), "a letter to my aunt ".repeat(1000)).unwrap();
        assert_error!(Store::open(site.config()).await, Corrupt);
    });
}

fn what_cannot_be_opened_is_away() {
    runtime().block_on(async {
        let site = Site::sqlite();
        let nowhere = site.file().unwrap().join("directory.db");
        assert_error!(Store::open(&Config::file(&nowhere)).await, Unavailable);
        assert_error!(
            Store::open(&Config::new("mysql://somewhere")).await,
            Corrupt
        );
    });
}
