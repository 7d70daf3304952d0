//! Sessions and API tokens.

use plenum_directory::model::{AccountId, AccountRole, LoginKind, Page, SecretHash};

use crate::assert_error;
use crate::site::Site;
use crate::things::{account, add_account, add_login, login, second};

pub async fn a_secret_opens_its_account_until_it_expires(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let (session, secret) = add_login(&store, ada.id, LoginKind::Session).await;
    let presented = SecretHash::of(secret.reveal()).unwrap();
    let found = store.login(&presented, second(3599)).await.unwrap();
    assert_eq!(found, (session, ada.clone()));
    assert_error!(store.login(&presented, second(3600)).await, NotFound);
    let wrong = SecretHash::of("something else").unwrap();
    assert_error!(store.login(&wrong, second(0)).await, NotFound);
    let (mut lasting, secret) = login(ada.id, LoginKind::ApiToken);
    lasting.expires = None;
    store.add_login(lasting, second(0)).await.unwrap();
    store
        .login(&secret.hash(), second(1_000_000_000))
        .await
        .unwrap();
    let (of_nobody, _) = login(AccountId::from_random(1), LoginKind::Session);
    assert_error!(store.add_login(of_nobody, second(0)).await, NotFound);
}

/// A thief's too: they are not back when the account is.
pub async fn a_disabled_account_loses_what_opened_it(site: Site) {
    let store = site.open().await;
    let mut ada = add_account(&store, "ada").await;
    let (_, session) = add_login(&store, ada.id, LoginKind::Session).await;
    let (_, token) = add_login(&store, ada.id, LoginKind::ApiToken).await;
    ada.disabled = true;
    let mut ada = store.change_account(&ada).await.unwrap();
    assert_error!(store.login(&token.hash(), second(1)).await, NotFound);
    let (late, _) = login(ada.id, LoginKind::ApiToken);
    assert_error!(store.add_login(late, second(1)).await, NotFound);
    ada.disabled = false;
    store.change_account(&ada).await.unwrap();
    assert_error!(store.login(&token.hash(), second(1)).await, NotFound);
    assert_error!(store.login(&session.hash(), second(1)).await, NotFound);
}

pub async fn a_disabled_replica_opens_nothing_until_it_is_enabled(site: Site) {
    let store = site.open().await;
    let mut replica = account("berlin");
    replica.role = AccountRole::Replica;
    let mut replica = store.add_account(replica, second(0)).await.unwrap();
    let (_, token) = add_login(&store, replica.id, LoginKind::ApiToken).await;
    replica.disabled = true;
    let mut replica = store.change_account(&replica).await.unwrap();
    assert_error!(store.login(&token.hash(), second(1)).await, NotFound);
    replica.disabled = false;
    store.change_account(&replica).await.unwrap();
    store.login(&token.hash(), second(1)).await.unwrap();
}

pub async fn all_of_one_account_end_at_once(site: Site) {
    let store = site.open().await;
    let (ada, bob) = (
        add_account(&store, "ada").await,
        add_account(&store, "bob").await,
    );
    let (_, session) = add_login(&store, ada.id, LoginKind::Session).await;
    let (_, token) = add_login(&store, ada.id, LoginKind::ApiToken).await;
    let (_, other) = add_login(&store, bob.id, LoginKind::ApiToken).await;
    store.end_logins(ada.id).await.unwrap();
    assert_error!(store.login(&session.hash(), second(1)).await, NotFound);
    assert_error!(store.login(&token.hash(), second(1)).await, NotFound);
    store.login(&other.hash(), second(1)).await.unwrap();
    let nobody = AccountId::from_random(1);
    assert_error!(store.end_logins(nobody).await, NotFound);
}

pub async fn the_last_use_is_known_to_five_minutes(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let (session, secret) = add_login(&store, ada.id, LoginKind::Session).await;
    assert_eq!(session.last_used, None);
    let mut seen = vec![];
    for at in [10, 200, 310, 311] {
        store.login_used(session.id, second(at)).await.unwrap();
        let (login, _) = store.login(&secret.hash(), second(at)).await.unwrap();
        seen.push(login.last_used.unwrap());
    }
    assert_eq!(seen, [second(10), second(10), second(10), second(311)]);
}

pub async fn each_account_ends_its_own(site: Site) {
    let store = site.open().await;
    let (ada, bob) = (
        add_account(&store, "ada").await,
        add_account(&store, "bob").await,
    );
    let (one, secret) = add_login(&store, ada.id, LoginKind::ApiToken).await;
    let (two, _) = add_login(&store, ada.id, LoginKind::ApiToken).await;
    add_login(&store, ada.id, LoginKind::Session).await;
    let kind = LoginKind::ApiToken;
    assert_error!(store.delete_login(bob.id, kind, one.id).await, NotFound);
    let other = LoginKind::Session;
    assert_error!(store.delete_login(ada.id, other, one.id).await, NotFound);
    let all = Page::new(None, 10);
    let listed = store
        .logins(ada.id, LoginKind::ApiToken, &all)
        .await
        .unwrap();
    let mut expected = vec![one.clone(), two.clone()];
    expected.sort_by_key(|login| login.id);
    assert_eq!((listed.items, listed.next), (expected.clone(), None));
    let first = store
        .logins(ada.id, LoginKind::ApiToken, &Page::new(None, 1))
        .await
        .unwrap();
    let rest = Page::new(first.next, 1);
    let second_piece = store
        .logins(ada.id, LoginKind::ApiToken, &rest)
        .await
        .unwrap();
    assert_eq!([first.items, second_piece.items].concat(), expected);
    store.delete_login(ada.id, kind, one.id).await.unwrap();
    assert_error!(store.login(&secret.hash(), second(1)).await, NotFound);
    assert_error!(store.delete_login(ada.id, kind, one.id).await, NotFound);
}

pub async fn the_oldest_session_makes_room(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let (first, first_token) = (
        add_login(&store, ada.id, LoginKind::Session).await.1,
        add_login(&store, ada.id, LoginKind::ApiToken).await.1,
    );
    let mut newest = None;
    for at in 1..=1000 {
        let (new, secret) = login(ada.id, LoginKind::Session);
        store.add_login(new, second(at)).await.unwrap();
        newest = Some(secret);
    }
    assert_error!(store.login(&first.hash(), second(1)).await, NotFound);
    store
        .login(&newest.unwrap().hash(), second(1))
        .await
        .unwrap();
    store.login(&first_token.hash(), second(1)).await.unwrap();
    let mut count = 0;
    let mut after = None;
    loop {
        let piece = store
            .logins(ada.id, LoginKind::Session, &Page::new(after, 300))
            .await
            .unwrap();
        count += piece.items.len();
        after = piece.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(count, 1000);
}

pub async fn what_has_expired_is_tidied_up(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    add_login(&store, ada.id, LoginKind::Session).await;
    let (mut lasting, _) = login(ada.id, LoginKind::Session);
    lasting.expires = None;
    let lasting = store.add_login(lasting, second(0)).await.unwrap();
    assert_eq!(store.tidy(second(3599)).await.unwrap(), 0);
    assert_eq!(store.tidy(second(3600)).await.unwrap(), 1);
    let left = store
        .logins(ada.id, LoginKind::Session, &Page::new(None, 9))
        .await
        .unwrap();
    assert_eq!(left.items, [lasting]);
}
