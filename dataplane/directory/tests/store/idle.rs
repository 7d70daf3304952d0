//! Instant meetings that nobody uses.

use jiff::{SignedDuration, Timestamp};
use plenum_directory::model::{Item, Meeting, MeetingKind, Revision};
use plenum_directory::store::{PIECE, Store};

use crate::assert_error;
use crate::replica::follow;
use crate::site::{Site, replica};
use crate::things::{add_account, meeting, second, waiting, weekly};

const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

fn day(day: i64) -> Timestamp {
    second(day * 86_400)
}

fn hour(hour: i64) -> Timestamp {
    second(hour * 3_600)
}

/// A meeting that was made on that day.
async fn made(store: &Store, kind: MeetingKind, on: i64) -> Meeting {
    let owner = match store.account_named(&"ada".parse().unwrap()).await {
        Ok(owner) => owner,
        Err(_) => add_account(store, "ada").await,
    };
    store
        .add_meeting(meeting(owner.id, kind), day(on))
        .await
        .unwrap()
}

/// By a directory that has noted uses for long enough.
async fn delete(store: &Store, now: Timestamp) -> u64 {
    store
        .delete_unused_meetings(MONTH, day(-400), now)
        .await
        .unwrap()
}

pub async fn an_instant_meeting_that_nobody_uses_goes(site: Site) {
    let store = site.open().await;
    let used = made(&store, MeetingKind::Instant, 0).await;
    let unused = made(&store, MeetingKind::Instant, 0).await;
    let last = [
        made(&store, weekly(), 0).await,
        made(&store, MeetingKind::Personal, 0).await,
    ];
    store.note_uses(&[used.number], day(20)).await.unwrap();
    assert_eq!(delete(&store, day(30)).await, 0);
    assert_eq!(delete(&store, day(31)).await, 1);
    assert_error!(store.meeting(unused.number).await, NotFound);
    let told = store.changes(last[1].revision, 9).await.unwrap();
    let told: Vec<_> = told.changes.into_iter().map(|it| it.item).collect();
    assert_eq!(told, [Item::MeetingGone(unused.number)]);
    assert_eq!(delete(&store, day(50)).await, 0);
    assert_eq!(delete(&store, day(51)).await, 1);
    assert_error!(store.meeting(used.number).await, NotFound);
    for meeting in last {
        assert_eq!(store.meeting(meeting.number).await.unwrap(), meeting);
    }
}

/// What is used all the time is not written all the time, and does not go too early for that.
pub async fn a_use_is_known_to_a_day(site: Site) {
    let store = site.open().await;
    let used = made(&store, MeetingKind::Instant, 0).await;
    let almost = |it: i64| day(it) - SignedDuration::from_secs(1);
    for use_of_it in [day(0), almost(1)] {
        store.note_uses(&[used.number], use_of_it).await.unwrap();
    }
    assert_eq!(store.meeting(used.number).await.unwrap(), used);
    // A month after the second use, which was not noted.
    assert_eq!(delete(&store, almost(31)).await, 0);
    store.note_uses(&[used.number], day(1)).await.unwrap();
    assert_eq!(delete(&store, almost(32)).await, 0);
    assert_eq!(delete(&store, day(32)).await, 1);
}

/// No zone has said yet that they are there.
pub async fn who_is_let_in_uses_it(site: Site) {
    let store = site.open().await;
    let used = made(&store, MeetingKind::Instant, -400).await.number;
    let almost = day(1) - SignedDuration::from_secs(1);
    for let_in in [day(0), almost] {
        store.note_use(used, let_in).await.unwrap();
    }
    assert_eq!(delete(&store, almost + MONTH).await, 0);
    store.note_use(used, day(1)).await.unwrap();
    assert_eq!(delete(&store, day(31)).await, 0);
    assert_eq!(delete(&store, day(32)).await, 1);
}

/// Whoever comes with a token of before is told so, as with any meeting that is deleted, and by a
/// replica too.
pub async fn what_nobody_used_has_ended_when_it_goes(site: Site) {
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    let unused = made(&primary, MeetingKind::Instant, -400).await.number;
    follow(&primary, &copy, 9).await;
    assert_eq!(delete(&primary, day(0)).await, 1);
    follow(&primary, &copy, 9).await;
    let told = primary.endings(day(-1)).await.unwrap();
    assert_eq!((told[0].meeting, told[0].at), (unused, day(0)));
    let told = copy.endings(day(0)).await.unwrap();
    assert_eq!(told[0].meeting, unused);
}

pub async fn a_meeting_that_somebody_waits_for_stays(site: Site) {
    let store = site.open().await;
    let number = made(&store, MeetingKind::Instant, -400).await.number;
    let (who, _) = waiting(number);
    store.add_waiting(who, day(0)).await.unwrap();
    assert_eq!(delete(&store, day(0)).await, 0);
    store.tidy(day(1)).await.unwrap();
    assert_eq!(delete(&store, day(1)).await, 1);
}

pub async fn nothing_goes_before_uses_have_been_noted_for_long(site: Site) {
    let store = site.open().await;
    made(&store, MeetingKind::Instant, -400).await;
    let noted = async |now| store.uses_are_noted(now).await.unwrap();
    // A database of a former version, where nobody noted anything.
    assert_eq!(noted(hour(0)).await, hour(0));
    for later in 1..9 {
        assert_eq!(noted(hour(later)).await, hour(0));
    }
    // It was away: what was used meanwhile nobody knows.
    assert_eq!(noted(hour(10)).await, hour(10));
    // Its clock is a year ahead, and right again.
    assert_eq!(noted(day(400)).await, day(400));
    let since = noted(hour(24)).await;
    assert_eq!(since, day(1));
    assert_eq!(noted(hour(25)).await, since);
    for (now, gone) in [(day(2), 0), (day(31), 0), (day(32), 1)] {
        let deleted = store.delete_unused_meetings(MONTH, since, now).await;
        assert_eq!(deleted.unwrap(), gone, "{now}");
    }
}

pub async fn many_go_in_pieces(site: Site) {
    let store = site.open().await;
    for _ in 0..PIECE + 2 {
        made(&store, MeetingKind::Instant, -400).await;
    }
    for piece in [u64::from(PIECE), 2, 0] {
        assert_eq!(delete(&store, day(0)).await, piece);
    }
    let mut gone = 0;
    let mut after = Revision(0);
    loop {
        let page = store.changes(after, 1_000).await.unwrap();
        let is_gone = |item: &Item| matches!(item, Item::MeetingGone(_));
        gone += page.changes.iter().filter(|it| is_gone(&it.item)).count();
        after = page.next;
        if page.is_last() {
            break;
        }
    }
    assert_eq!(gone, PIECE as usize + 2);
}
