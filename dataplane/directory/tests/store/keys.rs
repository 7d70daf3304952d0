//! The keys that sign tokens.

use plenum_directory::model::active_key;

use crate::site::Site;
use crate::things::{second, signing_key};

const DAY: i64 = 24 * 3600;

pub async fn many_processes_make_one_key(site: Site) {
    let mut tasks = vec![];
    for _ in 0..4 {
        let store = site.open().await;
        tasks.push(tokio::spawn(async move {
            let make = |active_from| signing_key(second(0), active_from);
            store.rotate_keys(second(0), make).await.unwrap()
        }));
    }
    let mut seen = vec![];
    for task in tasks {
        seen.push(task.await.unwrap());
    }
    assert_eq!(seen[0].len(), 1);
    assert!(seen.iter().all(|keys| *keys == seen[0]), "{seen:?}");
}

pub async fn keys_change_over_months(site: Site) {
    let store = site.open().await;
    let mut signers = vec![];
    for day in 0..95 {
        let now = second(day * DAY);
        let make = |active_from| signing_key(now, active_from);
        let keys = store.rotate_keys(now, make).await.unwrap();
        assert_eq!(keys, store.signing_keys().await.unwrap());
        assert!((1..=3).contains(&keys.len()));
        let active = active_key(&keys, now).unwrap().id;
        if signers.last() != Some(&active) {
            signers.push(active);
        }
    }
    assert_eq!(signers.len(), 4);
}
