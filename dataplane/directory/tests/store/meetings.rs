//! Meetings.

use plenum_directory::model::{Access, AccountId, Meeting, MeetingKind, MeetingNumber, Page};
use plenum_directory::store::Store;
use plenum_wire::MeetingId;

use crate::assert_error;
use crate::site::Site;
use crate::things::{add_account, meeting, second, weekly};

fn id(text: &str) -> MeetingId {
    text.parse().unwrap()
}

async fn calendar(store: &Store, account: AccountId) -> Vec<MeetingNumber> {
    let listed = store
        .meetings_of(account, &Page::new(None, 100))
        .await
        .unwrap();
    listed
        .items
        .into_iter()
        .map(|meeting| meeting.number)
        .collect()
}

pub async fn a_meeting_is_kept_whole(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let mut new = meeting(ada.id, weekly());
    new.settings.hosts = vec![AccountId::from_random(5)];
    new.settings.invited = vec![AccountId::from_random(6), AccountId::from_random(7)];
    new.settings.access = Access::Invited;
    new.passcode = Some("1234".parse().unwrap());
    let made = store.add_meeting(new.clone(), second(3)).await.unwrap();
    assert_eq!(
        (made.owner, &made.kind, &made.settings),
        (ada.id, &new.kind, &new.settings)
    );
    assert_eq!(store.meeting(made.number).await.unwrap(), made);
    assert_eq!(store.find_meeting(&made.number.id()).await.unwrap(), made);
    let again = site.open().await;
    assert_eq!(again.find_meeting(&made.number.id()).await.unwrap(), made);
    let mut changed = made.clone();
    changed.kind = MeetingKind::Instant;
    changed.settings.title = None;
    changed.settings.hosts = vec![];
    changed.settings.waiting_room = false;
    changed.settings.join_before_host = true;
    changed.settings.access = Access::SignedIn;
    changed.passcode = None;
    changed.ended = Some(second(9));
    let kept = store.change_meeting(&changed).await.unwrap();
    changed.revision = kept.revision;
    assert_eq!(kept, changed);
    assert_eq!(again.meeting(made.number).await.unwrap(), changed);
    for unknown in [
        "999999999",
        "99999999999",
        "nobody",
        "UPPER",
        "12",
        "123456789012345678901",
    ] {
        assert_error!(store.find_meeting(&id(unknown)).await, NotFound);
    }
    let mut of_nobody = changed;
    of_nobody.owner = AccountId::from_random(1);
    assert_error!(store.change_meeting(&of_nobody).await, NotFound);
}

pub async fn a_personal_meeting_goes_by_its_owners_name(site: Site) {
    let store = site.open().await;
    let mut ada = add_account(&store, "ada").await;
    assert_error!(store.find_meeting(&id("ada")).await, NotFound);
    let other = store
        .add_meeting(meeting(ada.id, MeetingKind::Instant), second(0))
        .await
        .unwrap();
    assert_error!(store.find_meeting(&id("ada")).await, NotFound);
    let personal = meeting(ada.id, MeetingKind::Personal);
    let personal = store.add_meeting(personal, second(0)).await.unwrap();
    assert_eq!(store.find_meeting(&id("ada")).await.unwrap(), personal);
    assert_ne!(personal.number, other.number);
    ada.name = "lovelace".parse().unwrap();
    store.change_account(&ada).await.unwrap();
    assert_error!(store.find_meeting(&id("ada")).await, NotFound);
    assert_eq!(store.find_meeting(&id("lovelace")).await.unwrap(), personal);
}

pub async fn an_account_has_one_personal_meeting(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let personal = || meeting(ada.id, MeetingKind::Personal);
    let first = store.add_meeting(personal(), second(0)).await.unwrap();
    assert_error!(store.add_meeting(personal(), second(0)).await, Conflict);
    let mut instant = store
        .add_meeting(meeting(ada.id, MeetingKind::Instant), second(0))
        .await
        .unwrap();
    instant.kind = MeetingKind::Personal;
    assert_error!(store.change_meeting(&instant).await, Conflict);
    store.delete_meeting(first.number, None).await.unwrap();
    store.add_meeting(personal(), second(0)).await.unwrap();
    let of_nobody = meeting(AccountId::from_random(1), MeetingKind::Instant);
    assert_error!(store.add_meeting(of_nobody, second(0)).await, NotFound);
}

pub async fn a_passcode_is_the_meetings_own(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let mut new = meeting(ada.id, MeetingKind::Instant);
    let open = store.add_meeting(new.clone(), second(0)).await.unwrap();
    assert!(!store.passcode_matches(&open, ""));
    new.passcode = Some("1234".parse().unwrap());
    let closed = store.add_meeting(new, second(0)).await.unwrap();
    // Another process of the same directory, or the same one later.
    let again = site.open().await;
    let mut closed = again.meeting(closed.number).await.unwrap();
    assert!(again.passcode_matches(&closed, "1234"));
    assert!(!again.passcode_matches(&closed, "1235"));
    assert_ne!(
        store.passcode_hash(open.number, &"1234".parse().unwrap()),
        closed.passcode.unwrap()
    );
    closed.passcode = Some(again.passcode_hash(closed.number, &"abcd".parse().unwrap()));
    again.change_meeting(&closed).await.unwrap();
    let closed = store.meeting(closed.number).await.unwrap();
    assert!(store.passcode_matches(&closed, "abcd") && !store.passcode_matches(&closed, "1234"));
}

pub async fn a_meeting_is_in_the_calendars_of_its_people(site: Site) {
    let store = site.open().await;
    let (ada, bob) = (
        add_account(&store, "ada").await,
        add_account(&store, "bob").await,
    );
    let (eve, kim) = (
        add_account(&store, "eve").await,
        add_account(&store, "kim").await,
    );
    let mut new = meeting(ada.id, weekly());
    new.settings.hosts = vec![bob.id, ada.id];
    new.settings.invited = vec![eve.id, bob.id];
    let mut made = store.add_meeting(new, second(0)).await.unwrap();
    for (who, there) in [(&ada, true), (&bob, true), (&eve, true), (&kim, false)] {
        assert_eq!(
            calendar(&store, who.id).await.contains(&made.number),
            there,
            "{}",
            who.name
        );
    }
    made.settings.hosts = vec![];
    made.settings.invited = vec![kim.id];
    let mut made = store.change_meeting(&made).await.unwrap();
    for (who, there) in [(&ada, true), (&bob, false), (&eve, false), (&kim, true)] {
        assert_eq!(
            calendar(&store, who.id).await.contains(&made.number),
            there,
            "{}",
            who.name
        );
    }
    made.owner = bob.id;
    store.change_meeting(&made).await.unwrap();
    assert_eq!(calendar(&store, ada.id).await, []);
    let mut numbers = vec![made.number];
    for _ in 0..6 {
        let new = meeting(bob.id, MeetingKind::Instant);
        numbers.push(store.add_meeting(new, second(0)).await.unwrap().number);
    }
    numbers.sort();
    let first = store
        .meetings_of(bob.id, &Page::new(None, 4))
        .await
        .unwrap();
    let rest = store
        .meetings_of(bob.id, &Page::new(first.next, 4))
        .await
        .unwrap();
    assert_eq!(rest.next, None);
    let number = |meeting: &Meeting| meeting.number;
    let listed: Vec<_> = first.items.iter().chain(&rest.items).map(number).collect();
    assert_eq!(listed, numbers);
}

pub async fn who_was_faster_wins(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let before = store
        .add_meeting(meeting(ada.id, weekly()), second(0))
        .await
        .unwrap();
    let mut mine = before.clone();
    mine.settings.title = Some("Mine".parse().unwrap());
    let mine = store.change_meeting(&mine).await.unwrap();
    let mut theirs = before;
    theirs.settings.hosts = vec![AccountId::from_random(9)];
    assert_error!(store.change_meeting(&theirs).await, Changed);
    assert_eq!(store.meeting(mine.number).await.unwrap(), mine);
    assert_eq!(calendar(&store, AccountId::from_random(9)).await, []);
    store.delete_meeting(mine.number, None).await.unwrap();
    assert_error!(store.change_meeting(&mine).await, NotFound);
    assert_error!(store.delete_meeting(mine.number, None).await, NotFound);
}

pub async fn a_host_was_there_to_a_minute(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let made = store
        .add_meeting(meeting(ada.id, weekly()), second(0))
        .await
        .unwrap();
    let mut seen = vec![store.host_last_seen(made.number).await.unwrap()];
    for at in [10, 60, 71] {
        store.host_seen(made.number, second(at)).await.unwrap();
        seen.push(store.host_last_seen(made.number).await.unwrap());
    }
    assert_eq!(
        seen,
        [None, Some(second(10)), Some(second(10)), Some(second(71))]
    );
    assert_eq!(
        store.meeting(made.number).await.unwrap(),
        made,
        "that is no change of it"
    );
    let unknown = MeetingNumber::from_random(1);
    store.host_seen(unknown, second(0)).await.unwrap();
    assert_eq!(store.host_last_seen(unknown).await.unwrap(), None);
}

/// A thousand invited are 35 kB: each of these is a piece by itself, and the small ones together.
pub async fn a_piece_of_a_calendar_has_so_many_bytes(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        let mut large = meeting(ada.id, MeetingKind::Instant);
        let people = |from: u128| (from..from + 1_000).map(AccountId::from_random).collect();
        large.settings.hosts = people(0);
        large.settings.invited = people(5_000);
        expected.push(store.add_meeting(large, second(0)).await.unwrap().number);
    }
    for _ in 0..5 {
        let small = meeting(ada.id, MeetingKind::Instant);
        expected.push(store.add_meeting(small, second(0)).await.unwrap().number);
    }
    expected.sort();
    let (mut listed, mut pieces, mut after) = (Vec::new(), 0, None);
    loop {
        let page = Page::new(after, 1_000);
        let piece = store.meetings_of(ada.id, &page).await.unwrap();
        let hosts = piece.items.iter().map(|it| it.settings.hosts.len());
        assert!(hosts.sum::<usize>() <= 1_000);
        listed.extend(piece.items.iter().map(|it| it.number));
        pieces += 1;
        after = piece.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, expected);
    assert!((3..=7).contains(&pieces), "{pieces}");
}
