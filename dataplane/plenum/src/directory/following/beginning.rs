//! Where a replica takes up again.

use std::time::{Duration, Instant};

use plenum_directory::api::{Config, Directory};
use plenum_directory::model::{Mark, Revision};
use plenum_directory::store::{self, Store};
use plenum_transport::tls::Trust;
use prometheus_client::registry::Registry;
use tokio::time::{sleep, timeout};

use super::{ByResult, Following};
use crate::upstream::Upstream;

/// A test that hangs fails.
const PATIENCE: Duration = Duration::from_mins(2);

/// One that follows nobody yet; it asks only its database.
fn following(store: Store, files: &std::path::Path) -> Following {
    let config = Config {
        read_only: true,
        ..Config::new("https://replica.test")
    };
    let token = files.join("token");
    std::fs::write(&token, "plm_secret").unwrap();
    let origin = "https://directory.test".to_owned();
    let upstream = Upstream::local(origin, &Trust::WebPki, &token).unwrap();
    let mut registry = Registry::default();
    let directory = Directory::new(config, store, &mut registry);
    Following::new(upstream, directory, &mut registry)
}

/// The database of a replica that was there before: it knows this much.
async fn left(config: &store::Config) -> (Mark, Revision) {
    let files = tempfile::tempdir().unwrap();
    let primary = store::Config::file(&files.path().join("primary.db"));
    let primary = Store::open(&primary).await.unwrap();
    let page = primary.changes(Revision(0), 100).await.unwrap();
    let store = Store::open(config).await.unwrap();
    store.apply(&page).await.unwrap();
    store.close().await;
    (page.mark, page.next)
}

#[tokio::test]
async fn it_waits_for_a_database_that_does_not_say_where_it_is() {
    let files = tempfile::tempdir().unwrap();
    let config = store::Config::file(&files.path().join("directory.db"));
    let (mark, next) = left(&config).await;
    let store = Store::new(config);
    let mut following = following(store.clone(), files.path());
    let failed = ByResult { result: "failed" };
    let failed = following.pulls.get_or_create(&failed).clone();
    let comes_back = async {
        while failed.get() == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        store.connect().await.unwrap();
    };
    let begun = async { tokio::join!(following.begin(Instant::now()), comes_back).0 };
    let mut pulling = timeout(PATIENCE, begun).await.expect("it goes on");
    assert_eq!((pulling.ask(), following.mark), (next, Some(mark)));
    assert!(next > Revision(0));
}
