//! Many at once.

use plenum_directory::model::{AccountId, MeetingKind, Page, Revision};
use plenum_directory::store::{Error, Store};

use crate::site::Site;
use crate::things::{add_account, meeting, second};

/// Adds itself to the invited, however often others are faster.
async fn invite(store: Store, number: plenum_directory::model::MeetingNumber, who: u128) -> u32 {
    let mut beaten = 0;
    loop {
        let mut meeting = store.meeting(number).await.unwrap();
        meeting.settings.invited.push(AccountId::from_random(who));
        match store.change_meeting(&meeting).await {
            Ok(_) => return beaten,
            Err(Error::Changed { .. }) => beaten += 1,
            Err(other) => panic!("{other}"),
        }
    }
}

pub async fn every_write_is_there_and_conflicts_are_told(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let room = store
        .add_meeting(meeting(ada.id, MeetingKind::Instant), second(0))
        .await
        .unwrap();
    let mut tasks = vec![];
    for who in 0..20 {
        let store = if who % 2 == 0 {
            site.open().await
        } else {
            store.clone()
        };
        tasks.push(tokio::spawn(invite(store, room.number, who)));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut invited = store.meeting(room.number).await.unwrap().settings.invited;
    invited.sort();
    assert_eq!(
        invited,
        (0..20).map(AccountId::from_random).collect::<Vec<_>>()
    );
    for who in 0..20 {
        let calendar = store
            .meetings_of(AccountId::from_random(who), &Page::new(None, 9))
            .await;
        assert_eq!(calendar.unwrap().items.len(), 1);
    }
}

pub async fn two_programs_begin_a_database_at_once(site: Site) {
    // `SQLite` has one program that makes the file; others come when it is there.
    if site.file().is_some() {
        drop(site.open().await);
    }
    let (one, two) = tokio::join!(site.open(), site.open());
    let feed = async |store: &Store| store.changes(Revision(0), 1).await.unwrap();
    assert_eq!(feed(&one).await, feed(&two).await);
    add_account(&one, "ada").await;
    two.account_named(&"ada".parse().unwrap()).await.unwrap();
}

/// Of two programs that write the row of the key in the same moment the later one may meet the
/// other's by its revision, before it meets it by its number. Here it can only be met so.
pub async fn a_key_that_another_program_has_just_made_is_met_by_its_revision_too(site: Site) {
    let first = site.open().await;
    let elsewhere: &[&str] = if site.file().is_some() {
        &["PRAGMA ignore_check_constraints = ON; UPDATE passcode_key SET one = 2"]
    } else {
        &[
            "ALTER TABLE passcode_key DROP CONSTRAINT passcode_key_one_check",
            "UPDATE passcode_key SET one = 2",
        ]
    };
    for statement in elsewhere {
        site.sql(statement).await;
    }
    let second = site.open().await;
    let key = async |store: &Store| store.changes(Revision(0), 1).await.unwrap();
    assert_eq!(key(&second).await, key(&first).await);
}
