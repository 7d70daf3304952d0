//! Instant meetings that nobody uses.

use jiff::Timestamp;
use plenum_directory::model::{Item, MeetingKind, Revision};
use plenum_directory::store::PIECE;

use crate::assert_error;
use crate::site::Site;
use crate::things::{add_account, meeting, second, weekly};

fn day(day: i64) -> Timestamp {
    second(day * 86_400)
}

pub async fn an_instant_meeting_that_nobody_uses_goes(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let add = async |kind| {
        let made = store.add_meeting(meeting(ada.id, kind), day(-400)).await;
        made.unwrap()
    };
    let (used, idle) = (
        add(MeetingKind::Instant).await,
        add(MeetingKind::Instant).await,
    );
    let lasting = [add(weekly()).await, add(MeetingKind::Personal).await];
    // Of when they were used before nothing is known.
    assert_eq!(store.delete_idle_meetings(day(9)).await.unwrap(), 0);
    store.are_used(&[], day(0)).await.unwrap();
    store
        .are_used(&[used.number, lasting[0].number], day(1))
        .await
        .unwrap();
    assert_eq!(store.delete_idle_meetings(second(-1)).await.unwrap(), 0);
    let before = lasting[1].revision;
    assert_eq!(store.delete_idle_meetings(day(0)).await.unwrap(), 1);
    assert_error!(store.meeting(idle.number).await, NotFound);
    let told = store.changes(before, 9).await.unwrap();
    let told: Vec<_> = told.changes.into_iter().map(|it| it.item).collect();
    assert_eq!(told, [Item::MeetingGone(idle.number)]);
    // To a day: what is used all the time is not written all the time.
    store
        .are_used(&[used.number], day(2) - second(1).duration_since(second(0)))
        .await
        .unwrap();
    assert_eq!(store.meeting(used.number).await.unwrap(), used);
    assert_eq!(store.delete_idle_meetings(day(1)).await.unwrap(), 1);
    assert_error!(store.meeting(used.number).await, NotFound);
    for meeting in lasting {
        assert_eq!(store.meeting(meeting.number).await.unwrap(), meeting);
    }
}

pub async fn many_go_in_pieces(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    for _ in 0..PIECE + 2 {
        let new = meeting(ada.id, MeetingKind::Instant);
        store.add_meeting(new, day(0)).await.unwrap();
    }
    store.are_used(&[], day(0)).await.unwrap();
    let delete = || store.delete_idle_meetings(day(0));
    assert_eq!(delete().await.unwrap(), u64::from(PIECE));
    assert_eq!(delete().await.unwrap(), 2);
    assert_eq!(delete().await.unwrap(), 0);
    let mut gone = 0;
    let mut after = Revision(0);
    loop {
        let page = store.changes(after, 1_000).await.unwrap();
        let is_gone = |it: &&_| {
            matches!(
                it,
                &&plenum_directory::model::Change {
                    item: Item::MeetingGone(_),
                    ..
                }
            )
        };
        gone += page.changes.iter().filter(is_gone).count();
        after = page.next;
        if page.is_last() {
            break;
        }
    }
    assert_eq!(gone, PIECE as usize + 2);
}
