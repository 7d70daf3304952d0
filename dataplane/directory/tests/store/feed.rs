//! What replicas are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plenum_directory::model::{
    Account, AccountId, ChangePage, Item, LoginKind, MeetingKind, Page, Revision,
};
use plenum_directory::store::Store;

use crate::site::Site;
use crate::things::{add_account, add_login, meeting, second, signing_key, zone};

/// All pages after a number, in pieces of so many.
pub async fn pull(store: &Store, mut after: Revision, limit: u32) -> Vec<ChangePage> {
    let mut pages = vec![];
    loop {
        let page = store.changes(after, limit).await.unwrap();
        assert!(page.changes.len() <= limit as usize);
        after = page.next;
        let last = page.is_last();
        // As it comes over the network.
        let sent = serde_json::to_string(&page).unwrap();
        assert_eq!(serde_json::from_str::<ChangePage>(&sent).unwrap(), page);
        pages.push(page);
        if last {
            return pages;
        }
    }
}

fn items(pages: &[ChangePage]) -> Vec<Item> {
    pages
        .iter()
        .flat_map(|page| &page.changes)
        .map(|change| change.item.clone())
        .collect()
}

pub async fn what_changed_is_told_in_order(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let (login, secret) = add_login(&store, ada.id, LoginKind::ApiToken).await;
    let room = store
        .add_meeting(meeting(ada.id, MeetingKind::Instant), second(0))
        .await
        .unwrap();
    let berlin = store.add_zone(zone("berlin"), second(0)).await.unwrap();
    let keys = store
        .rotate_keys(second(0), |from| signing_key(second(0), from))
        .await
        .unwrap();
    let everything = items(&pull(&store, Revision(0), 2).await);
    let passcode_key = everything[0].clone();
    assert!(matches!(passcode_key, Item::PasscodeKey(_)));
    let expected = [
        passcode_key.clone(),
        Item::Account(Account {
            email: None,
            ..ada.clone()
        }),
        Item::Login {
            login: login.clone(),
            secret: secret.hash(),
        },
        Item::Meeting(room.clone()),
        Item::Zone(berlin.clone()),
        Item::PublicKey(keys[0].public().unwrap()),
    ];
    assert_eq!(everything, expected);
    let head = store.changes(Revision(0), 1).await.unwrap().head;
    let nothing = store.changes(head, 10).await.unwrap();
    assert!(nothing.changes.is_empty() && nothing.is_last() && nothing.next == head);
    let mut changed = room.clone();
    changed.ended = Some(second(1));
    let changed = store.change_meeting(&changed).await.unwrap();
    store.delete_zone(&berlin.name, None).await.unwrap();
    store
        .delete_login(ada.id, LoginKind::ApiToken, login.id)
        .await
        .unwrap();
    store.delete_account(ada.id, None).await.unwrap();
    let since = items(&pull(&store, head, 2).await);
    // The meeting was changed and is gone: only how it is now counts.
    assert_ne!(changed.revision, room.revision);
    let expected = [
        Item::ZoneGone(berlin.name),
        Item::LoginGone(login.id),
        Item::AccountGone(ada.id),
        Item::MeetingGone(room.number),
    ];
    assert_eq!(since, expected);
    let whole = items(&pull(&store, Revision(0), 100).await);
    assert_eq!(whole.len(), 6, "{whole:?}");
}

/// As many as an account may have, deleted with it.
pub async fn what_goes_together_is_told_one_by_one(site: Site) {
    const EACH: usize = 40;
    let store = site.open().await;
    let (ada, bob) = (
        add_account(&store, "ada").await,
        add_account(&store, "bob").await,
    );
    let mut logins = Vec::new();
    for kind in [LoginKind::Session, LoginKind::ApiToken] {
        for _ in 0..EACH {
            logins.push(add_login(&store, ada.id, kind).await.0.id);
        }
    }
    let (of_bob, _) = add_login(&store, bob.id, LoginKind::Session).await;
    let head = store.changes(Revision(0), 1).await.unwrap().head;
    let password = plenum_directory::model::PasswordHash::of_nobody();
    store.set_password(ada.id, None, &password).await.unwrap();
    store.delete_account(ada.id, None).await.unwrap();
    let told = items(&pull(&store, head, 7).await);
    let mut gone: Vec<_> = told
        .iter()
        .filter_map(|item| match item {
            Item::LoginGone(id) => Some(*id),
            _ => None,
        })
        .collect();
    // Sessions ended with the password.
    gone[..EACH].sort();
    logins[..EACH].sort();
    assert_eq!(gone[..EACH], logins[..EACH]);
    gone.sort();
    logins.sort();
    assert_eq!(gone, logins);
    let all = Page::new(None, 9);
    let left = store.logins(bob.id, LoginKind::Session, &all).await;
    assert_eq!(left.unwrap().items, [of_bob]);
}

/// A thousand meetings with a thousand invited each would be 40 MB.
pub async fn a_page_has_so_many_bytes(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let crowd: Vec<AccountId> = (0..1_000).map(AccountId::from_random).collect();
    let mut made = Vec::new();
    for _ in 0..20 {
        let mut new = meeting(ada.id, MeetingKind::Instant);
        new.settings.invited.clone_from(&crowd);
        made.push(store.add_meeting(new, second(0)).await.unwrap());
    }
    let pages = pull(&store, Revision(0), 1_000).await;
    for page in &pages {
        let text = serde_json::to_string(page).unwrap();
        assert!(text.len() < 512 * 1_024, "{}", text.len());
        assert!(page.changes.len() > 1 || page.is_last(), "as many as fit");
    }
    let told = items(&pages);
    let meetings: Vec<_> = told
        .into_iter()
        .filter_map(|item| match item {
            Item::Meeting(meeting) => Some(meeting),
            _ => None,
        })
        .collect();
    assert_eq!(meetings, made);
}

pub async fn nothing_is_left_out_while_others_write(site: Site) {
    let reader = site.open().await;
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = vec![];
    for writer in 0..4 {
        // Two processes, two tasks each.
        let store = if writer % 2 == 0 {
            site.open().await
        } else {
            reader.clone()
        };
        writers.push(tokio::spawn(async move {
            for number in 0..25 {
                add_account(&store, &format!("w{writer}.{number}")).await;
            }
        }));
    }
    let follow = tokio::spawn({
        let (done, reader) = (Arc::clone(&done), reader.clone());
        async move {
            let (mut seen, mut after) = (vec![], Revision(0));
            loop {
                // Asked first: what is written before it is set is in the page.
                let last = done.load(Ordering::SeqCst);
                let page = reader.changes(after, 7).await.unwrap();
                after = page.next;
                let end = page.is_last();
                seen.extend(page.changes);
                if last && end {
                    return seen;
                }
            }
        }
    });
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let seen = follow.await.unwrap();
    assert!(seen.is_sorted_by(|a, b| a.revision < b.revision));
    let accounts = seen
        .iter()
        .filter(|change| matches!(change.item, Item::Account(_)));
    assert_eq!(accounts.count(), 100);
}

pub async fn what_is_long_gone_is_forgotten(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let (login, _) = add_login(&store, ada.id, LoginKind::ApiToken).await;
    store
        .delete_login(ada.id, LoginKind::ApiToken, login.id)
        .await
        .unwrap();
    assert_eq!(store.tidy(second(0)).await.unwrap(), 0);
    let before = store.changes(Revision(0), 100).await.unwrap();
    assert_eq!(before.oldest, Revision(0));
    site.sql("UPDATE feed SET head = head + 200000").await;
    assert_eq!(store.tidy(second(0)).await.unwrap(), 1);
    let after = store.changes(Revision(0), 100).await.unwrap();
    assert!(after.oldest > before.head && after.oldest < after.head);
    assert!(
        !after
            .changes
            .iter()
            .any(|change| matches!(change.item, Item::LoginGone(_)))
    );
    let late = store.changes(before.head, 100).await.unwrap();
    assert!(
        !late.fits(Some((before.feed, before.head))),
        "whoever was there begins anew"
    );
}
