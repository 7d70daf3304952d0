//! Meetings that say how many people they expect.

use plenum_directory::model::{MeetingKind, MeetingNumber, Revision, Schedule};
use plenum_directory::store::Store;

use crate::site::Site;
use crate::things::{add_account, meeting, second, weekly, weekly_expecting};

/// What changed after a number: meetings, and how many each expects.
async fn expecting(store: &Store, after: Revision) -> Vec<(MeetingNumber, Option<u16>)> {
    let changed = store.expecting(after).await.unwrap();
    let expected = changed
        .iter()
        .map(|(number, schedule, _)| (*number, schedule.as_ref().and_then(Schedule::expected)));
    expected.collect()
}

pub async fn who_is_expected_is_told_with_what_changed(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let add = async |kind| {
        let new = meeting(ada.id, kind);
        store.add_meeting(new, second(0)).await.unwrap()
    };
    let instant = add(MeetingKind::Instant).await;
    let silent = add(weekly()).await;
    let mut lecture = add(weekly_expecting(300)).await;
    assert_eq!(store.meeting(lecture.number).await.unwrap(), lecture);
    let all = [
        (instant.number, None),
        (silent.number, None),
        (lecture.number, Some(300)),
    ];
    assert_eq!(expecting(&store, Revision(0)).await, all);
    assert_eq!(expecting(&store, silent.revision).await, all[2..]);
    let read = lecture.revision;
    assert_eq!(expecting(&store, read).await, []);
    lecture.kind = weekly_expecting(40);
    let mut lecture = store.change_meeting(&lecture).await.unwrap();
    assert_eq!(expecting(&store, read).await, [(lecture.number, Some(40))]);
    lecture.ended = Some(second(9));
    store.change_meeting(&lecture).await.unwrap();
    assert_eq!(expecting(&store, read).await, [(lecture.number, None)]);

    store.delete_meeting(silent.number, None).await.unwrap();
    let numbers = [instant.number, silent.number];
    let there = store.which_are_there(&numbers).await.unwrap();
    assert_eq!(there, [instant.number].into());
    assert_eq!(store.which_are_there(&[]).await.unwrap(), [].into());
}

pub async fn a_replica_knows_who_is_expected(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let lecture = meeting(ada.id, weekly_expecting(300));
    let lecture = store.add_meeting(lecture, second(0)).await.unwrap();
    let elsewhere = Site::sqlite();
    let replica = elsewhere.open().await;
    let page = store.changes(Revision(0), 100).await.unwrap();
    assert_eq!(store.head().await.unwrap(), (page.feed, page.head));
    replica.apply(&page).await.unwrap();
    assert_eq!(
        expecting(&replica, Revision(0)).await,
        [(lecture.number, Some(300))]
    );
}
