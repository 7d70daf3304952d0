//! Where meetings begin.

use plenum_directory::model::{MeetingNumber, Placement};
use plenum_directory::store::Store;

use crate::site::Site;
use crate::things::second;

/// What the store says of the meeting at that second to somebody who would begin it in `zone`.
async fn place(store: &Store, zone: &str, given_up: Option<&str>, at: i64) -> (String, i64) {
    let wish = Placement {
        zone: zone.parse().unwrap(),
        expires: second(at + 30),
    };
    let given_up = given_up.map(|zone| zone.parse().unwrap());
    let placed = store
        .place(number(), &wish, given_up.as_ref(), second(at))
        .await
        .unwrap();
    let until = placed.expires.duration_since(second(0));
    (placed.zone.to_string(), until.as_secs())
}

fn number() -> MeetingNumber {
    MeetingNumber::from_random(7)
}

fn says(zone: &str, until: i64) -> (String, i64) {
    (zone.to_owned(), until)
}

pub async fn a_meeting_begins_where_the_first_of_it_was_sent(site: Site) {
    let (one, other) = (site.open().await, site.open().await);
    assert_eq!(place(&one, "eu", None, 0).await, says("eu", 30));
    assert_eq!(place(&other, "us", None, 1).await, says("eu", 31));
    // Who was sent there last has the same time to come.
    assert_eq!(place(&one, "us", None, 30).await, says("eu", 60));
    assert_eq!(
        place(&one, "us", None, 60).await,
        says("us", 90),
        "nobody came"
    );
}

pub async fn what_is_given_up_is_given_up_once(site: Site) {
    let store = site.open().await;
    place(&store, "eu", None, 0).await;
    assert_eq!(place(&store, "us", Some("eu"), 1).await, says("us", 31));
    // Another one, who has just noticed as well.
    assert_eq!(place(&store, "asia", Some("eu"), 1).await, says("us", 31));
}

pub async fn who_comes_at_once_is_sent_to_one_zone(site: Site) {
    let mut tasks = vec![];
    for process in 0..8 {
        let store = site.open().await;
        let zone = format!("zone{process}");
        tasks.push(tokio::spawn(
            async move { place(&store, &zone, None, 0).await },
        ));
    }
    let mut told = vec![];
    for task in tasks {
        told.push(task.await.unwrap());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

pub async fn a_placement_is_forgotten(site: Site) {
    let store = site.open().await;
    place(&store, "eu", None, 0).await;
    assert_eq!(store.tidy(second(29)).await.unwrap(), 0);
    assert_eq!(store.tidy(second(30)).await.unwrap(), 1);
}
