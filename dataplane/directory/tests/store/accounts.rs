//! Accounts.

use plenum_directory::model::{
    Account, AccountId, AccountRole, LoginKind, MeetingKind, NewAccount, NewLogin, Page,
    PasswordHash, Showed,
};

use crate::assert_error;
use crate::site::Site;
use crate::things::{account, add_account, add_login, login, meeting, second};

fn password(text: &str) -> PasswordHash {
    PasswordHash::of(&text.parse().unwrap(), [7; 16]).unwrap()
}

pub async fn an_account_is_found_by_id_and_name(site: Site) {
    let store = site.open().await;
    let hash = password("correct horse");
    let mut new = account("ada");
    new.role = AccountRole::Admin;
    new.password = Some(hash.clone());
    let ada = store.add_account(new, second(5)).await.unwrap();
    assert_eq!(
        (ada.role, ada.disabled, ada.created),
        (AccountRole::Admin, false, second(5))
    );
    assert_eq!(store.account(ada.id).await.unwrap(), ada);
    assert_eq!(store.account_named(&ada.name).await.unwrap(), ada);
    assert_eq!(
        store.credentials(&ada.name).await.unwrap(),
        (ada, Some(hash))
    );
    assert_error!(store.account(AccountId::from_random(1)).await, NotFound);
    assert_error!(store.account_named(&"eve".parse().unwrap()).await, NotFound);
    let nobody = store
        .add_account(account("no.password"), second(5))
        .await
        .unwrap();
    assert_eq!(store.credentials(&nobody.name).await.unwrap().1, None);
}

pub async fn a_name_is_taken_once(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    assert_error!(store.add_account(account("ada"), second(1)).await, Conflict);
    let mut bob = add_account(&store, "bob").await;
    bob.name = ada.name;
    assert_error!(store.change_account(&bob).await, Conflict);
    assert_eq!(store.account(bob.id).await.unwrap().name.as_str(), "bob");
}

pub async fn who_changes_what_was_changed_meanwhile_is_told(site: Site) {
    let store = site.open().await;
    let before = add_account(&store, "ada").await;
    let mut mine = before.clone();
    mine.name = "lovelace".parse().unwrap();
    mine.email = None;
    mine.disabled = true;
    mine.role = AccountRole::Replica;
    let changed = store.change_account(&mine).await.unwrap();
    assert!(changed.revision > before.revision);
    mine.revision = changed.revision;
    assert_eq!(changed, mine);
    assert_eq!(store.account(before.id).await.unwrap(), mine);
    let mut theirs = before;
    theirs.display_name = "Somebody else".parse().unwrap();
    assert_error!(store.change_account(&theirs).await, Changed);
    assert_eq!(store.account(mine.id).await.unwrap(), mine);
    store.delete_account(mine.id, None).await.unwrap();
    assert_error!(store.change_account(&mine).await, NotFound);
}

pub async fn a_new_password_ends_sessions(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let bob = add_account(&store, "bob").await;
    let (_, session) = add_login(&store, ada.id, LoginKind::Session).await;
    let (_, token) = add_login(&store, ada.id, LoginKind::ApiToken).await;
    let (_, other) = add_login(&store, bob.id, LoginKind::Session).await;
    let hash = password("correct horse");
    store.set_password(ada.id, None, &hash).await.unwrap();
    assert_eq!(
        store.credentials(&ada.name).await.unwrap().1,
        Some(hash.clone())
    );
    assert_error!(store.login(&session.hash(), second(1)).await, NotFound);
    store.login(&token.hash(), second(1)).await.unwrap();
    store.login(&other.hash(), second(1)).await.unwrap();
    assert_error!(
        store
            .set_password(AccountId::from_random(1), None, &hash)
            .await,
        NotFound
    );
}

/// Somebody had shown the old one, or what was ended with it, and had to wait for their turn.
pub async fn what_was_taken_away_meanwhile_opens_nothing_more(site: Site) {
    let store = site.open().await;
    let (old, new) = (password("correct horse"), password("another horse"));
    let mut ada = account("ada");
    ada.password = Some(old.clone());
    let ada = store.add_account(ada, second(0)).await.unwrap();
    let asks = |kind, showed: &Showed| NewLogin {
        showed: showed.clone(),
        ..login(ada.id, kind).0
    };
    let by_password = Showed::Password(old.clone());
    let session = asks(LoginKind::Session, &by_password);
    let session = store.add_login(session, second(0)).await.unwrap();
    let by_session = Showed::Login(session.id);
    let token = asks(LoginKind::ApiToken, &by_session);
    store.add_login(token, second(0)).await.unwrap();

    let set = store.set_password(ada.id, Some(&old), &new).await;
    set.unwrap();
    for showed in [&by_password, &by_session] {
        let late = asks(LoginKind::ApiToken, showed);
        assert_error!(store.add_login(late, second(1)).await, NotFound);
    }
    let late = store.set_password(ada.id, Some(&old), &old).await;
    assert_error!(late, NotFound);
    let (_, kept) = store.credentials(&ada.name).await.unwrap();
    assert_eq!(kept, Some(new));
}

/// However two of them go about it, as when they take away each other's rights at once.
pub async fn the_last_administrator_stays(site: Site) {
    let store = site.open().await;
    let admin = async |name: &str| {
        let role = AccountRole::Admin;
        let new = NewAccount {
            role,
            ..account(name)
        };
        store.add_account(new, second(0)).await.unwrap()
    };
    let (ada, bob) = (admin("ada").await, admin("bob").await);
    let demoted = Account {
        role: AccountRole::User,
        ..ada.clone()
    };
    store.change_account(&demoted).await.unwrap();
    let demoted = Account {
        role: AccountRole::User,
        ..bob.clone()
    };
    assert_error!(store.change_account(&demoted).await, LastAdmin);
    let disabled = Account {
        disabled: true,
        ..bob.clone()
    };
    assert_error!(store.change_account(&disabled).await, LastAdmin);
    assert_error!(store.delete_account(bob.id, None).await, LastAdmin);
    assert_eq!(store.account(bob.id).await.unwrap(), bob);
    // What leaves them what they are is theirs to change, and others may go.
    let renamed = Account {
        display_name: "Bob".parse().unwrap(),
        ..bob.clone()
    };
    store.change_account(&renamed).await.unwrap();
    store.delete_account(ada.id, None).await.unwrap();
    admin("eve").await;
    store.delete_account(bob.id, None).await.unwrap();
}

pub async fn an_account_goes_with_what_is_its_own(site: Site) {
    let store = site.open().await;
    let (ada, bob) = (
        add_account(&store, "ada").await,
        add_account(&store, "bob").await,
    );
    let (_, secret) = add_login(&store, ada.id, LoginKind::ApiToken).await;
    let mut numbers = vec![];
    for _ in 0..3 {
        let new = meeting(ada.id, MeetingKind::Instant);
        numbers.push(store.add_meeting(new, second(0)).await.unwrap().number);
    }
    let mut with_ada = meeting(bob.id, MeetingKind::Instant);
    with_ada.settings.hosts = vec![ada.id];
    let with_ada = store.add_meeting(with_ada, second(0)).await.unwrap();
    store.delete_account(ada.id, None).await.unwrap();
    assert_error!(store.account(ada.id).await, NotFound);
    assert_error!(store.login(&secret.hash(), second(1)).await, NotFound);
    for number in numbers {
        assert_error!(store.meeting(number).await, NotFound);
    }
    assert_eq!(store.meeting(with_ada.number).await.unwrap(), with_ada);
    let calendar = store
        .meetings_of(ada.id, &Page::new(None, 10))
        .await
        .unwrap();
    assert_eq!(calendar.items, []);
    assert_error!(store.delete_account(ada.id, None).await, NotFound);
    let again = add_account(&store, "ada").await;
    assert_ne!(again.id, ada.id);
}

pub async fn accounts_are_listed_in_pieces(site: Site) {
    let store = site.open().await;
    let mut expected = vec![];
    for number in [3, 1, 4, 15, 9, 2, 6, 5, 35, 8] {
        expected.push(add_account(&store, &format!("user.{number:02}")).await.name);
    }
    expected.sort();
    let (mut names, mut after) = (vec![], None);
    loop {
        let listed = store.accounts(&Page::new(after, 4)).await.unwrap();
        assert!(listed.items.len() <= 4);
        names.extend(listed.items.into_iter().map(|account| account.name));
        // Who comes meanwhile shifts nobody.
        let early = format!("a{}", names.len());
        add_account(&store, &early).await;
        after = listed.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, expected);
}
