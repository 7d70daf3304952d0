//! Meetings that were ended, for as long as somebody may come back to one.

use jiff::SignedDuration;
use plenum_directory::store::Store;

use crate::replica::follow;
use crate::site::{Site, replica};
use crate::things::{add_account, meeting, second, weekly};

const DAY: i64 = 24 * 3_600;

/// How many that were ended in the day before.
async fn ended(store: &Store, now: i64) -> usize {
    store.endings(second(now - DAY)).await.unwrap().len()
}

pub async fn an_end_is_told_for_a_day(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let new = meeting(ada.id, weekly());
    let mut made = store.add_meeting(new, second(0)).await.unwrap();
    assert_eq!(ended(&store, 9).await, 0);
    made.ended = Some(second(9));
    let made = store.change_meeting(&made).await.unwrap();
    let told = store.endings(second(8)).await.unwrap();
    assert_eq!((told[0].meeting, told[0].at), (made.number, second(9)));
    assert_eq!(ended(&store, DAY + 9).await, 0);
    assert_eq!(store.tidy(second(DAY + 8)).await.unwrap(), 0);
    assert_eq!(store.tidy(second(DAY + 9)).await.unwrap(), 1);
    assert_eq!(ended(&store, DAY + 8).await, 0);
}

pub async fn one_that_is_deleted_has_ended_then(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let new = meeting(ada.id, weekly());
    let made = store.add_meeting(new, second(0)).await.unwrap();
    store.delete_meeting(made.number, None).await.unwrap();
    let now = store.time().await.unwrap();
    let told = store.endings(second(0)).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].meeting, made.number);
    assert!(now.duration_since(told[0].at) < SignedDuration::from_mins(5));
}

/// People were let in there until it heard of it.
pub async fn a_replica_that_was_away_for_long_tells_it_when_it_is_back(site: Site) {
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    let ada = add_account(&primary, "ada").await;
    let new = meeting(ada.id, weekly());
    let mut made = primary.add_meeting(new, second(0)).await.unwrap();
    follow(&primary, &copy, 9).await;
    made.ended = Some(second(9));
    primary.change_meeting(&made).await.unwrap();
    follow(&primary, &copy, 9).await;
    let now = copy.time().await.unwrap();
    let told = copy.endings(second(9)).await.unwrap();
    assert_eq!(told[0].meeting, made.number);
    assert!(now.duration_since(told[0].at) < SignedDuration::from_mins(5));
    // One that never had it open has nothing to tell.
    let (_place, new) = replica().await;
    follow(&primary, &new, 9).await;
    let told = new.endings(second(9)).await.unwrap();
    assert_eq!(told, []);
}
