//! The directory's keys change while everything runs.

use jiff::{SignedDuration, Timestamp};
use plenum_directory::model::{KeyId, SigningKey};
use plenum_directory::{random, tokens};

use crate::house::{House, meeting, token};
use crate::programs::until;
use crate::zone::{Zone, offer};

/// How long a key signs, and how long the next one is known before.
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// When the second key's time comes, in seconds from the start: the sooner the better, but not
/// before everything has started. Later, where a machine was too slow for that.
const SOON: [i64; 3] = [10, 40, 160];

/// Which key signed a token.
fn signer(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

/// What a directory has that was started a month ago: a key whose time is nearly over, and one
/// whose time is about to come.
async fn a_month_old(house: &House, soon: i64) {
    let store = house.store().await;
    let make = |created: Timestamp| {
        move |active_from| SigningKey {
            id: KeyId::from_random(random::bits()),
            pkcs8: tokens::generate(),
            created,
            active_from,
            retired: None,
        }
    };
    let soon = SignedDuration::from_secs(soon);
    let first = Timestamp::now() + soon - MONTH;
    store.rotate_keys(first, make(first)).await.unwrap();
    let second = first + MONTH - DAY;
    let keys = store.rotate_keys(second, make(second)).await.unwrap();
    assert_eq!(keys.len(), 2);
    store.close().await;
}

/// Which keys there are, by when they sign.
async fn signers(house: &House) -> Vec<String> {
    let store = house.store().await;
    let keys = store.signing_keys().await.unwrap();
    store.close().await;
    keys.iter().map(|key| key.id.to_string()).collect()
}

#[tokio::test]
async fn tokens_of_the_last_key_and_of_the_next_one_are_good() {
    for soon in SOON {
        let mut house = House::closed();
        a_month_old(&house, soon).await;
        house.start().await;
        let keys = signers(&house).await;
        let admin = house.admin().await;
        let zone = Zone::open("site.main", &house).await;
        let number = meeting(&admin).await;
        let old = token(&house.web(), &number).await;
        if signer(&old) == keys[1] {
            continue;
        }
        let new = until(async || {
            let token = token(&house.web(), &number).await;
            (signer(&token) == keys[1]).then_some(token)
        })
        .await;
        // The zone heard of both before.
        offer(zone.join(&number, Some(&new), None).await);
        offer(zone.join(&number, Some(&old), None).await);
        return;
    }
    panic!("nothing starts within three minutes");
}
