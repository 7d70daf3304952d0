//! Keys of those who are no replicas any more.

use plenum_directory::model::{AccountRole, NewAccount, PublicKey};
use plenum_directory::store::Store;

use crate::replica::{follow, public_key};
use crate::site::{Site, replica};
use crate::things::{account, second};

/// The key that a new replica has published.
async fn published(store: &Store, name: &str) -> PublicKey {
    let new = NewAccount {
        role: AccountRole::Replica,
        ..account(name)
    };
    let made = store.add_account(new, second(0)).await.unwrap();
    let key = public_key();
    let keys = std::slice::from_ref(&key);
    assert!(store.publish_keys(made.id, keys).await.unwrap());
    key
}

/// Older versions of the program disabled and changed accounts, and left their keys.
pub async fn what_an_older_version_left_behind_is_withdrawn(site: Site) {
    let store = site.open().await;
    let (_place, copy) = replica().await;
    let stays = [published(&store, "one").await];
    for name in ["two", "three", "four"] {
        published(&store, name).await;
    }
    for past_the_store in [
        "UPDATE account SET disabled = TRUE WHERE name = 'two'",
        "UPDATE account SET role = 'user' WHERE name = 'three'",
        "DELETE FROM account WHERE name = 'four'",
    ] {
        site.sql(past_the_store).await;
    }
    follow(&store, &copy, 9).await;
    // A replica takes what the directory says, and withdraws nothing by itself.
    copy.tidy(second(0)).await.unwrap();
    assert_eq!(copy.public_keys().await.unwrap().len(), 4);

    assert_eq!(store.tidy(second(0)).await.unwrap(), 3);
    assert_eq!(store.public_keys().await.unwrap(), stays);
    assert_eq!(store.tidy(second(0)).await.unwrap(), 0);
    follow(&store, &copy, 9).await;
    assert_eq!(copy.public_keys().await.unwrap(), stays);
}
