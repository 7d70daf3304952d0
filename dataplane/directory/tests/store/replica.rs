//! Replicas.

use jiff::SignedDuration;
use plenum_directory::model::{
    AccountId, AccountRole, ChangePage, FeedId, Item, LoginKind, MeetingKind, MeetingNumber,
    NewAccount, PublicKey, Revision, SigningKey,
};
use plenum_directory::store::Store;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::assert_error;
use crate::feed::pull;
use crate::site::{Site, replica};
use crate::things::{
    account, add_account, add_login, login, meeting, second, signing_key, weekly, zone,
};

/// Which feed a replica follows, and the number that it has come to.
async fn position(replica: &Store) -> Option<(FeedId, Revision)> {
    let followed = replica.followed().await.unwrap();
    followed.map(|followed| (followed.feed, followed.at))
}

/// Brings a replica up to date as one does that has no better idea.
pub async fn follow(primary: &Store, replica: &Store, limit: u32) {
    loop {
        let position = position(replica).await;
        let after = position.map_or(Revision(0), |(_, at)| at);
        let mut page = primary.changes(after, limit).await.unwrap();
        if !page.fits(position) {
            page = primary.changes(Revision(0), limit).await.unwrap();
        }
        replica.apply(&page).await.unwrap();
        if page.is_last() {
            return;
        }
    }
}

/// Everything there is but what is gone, in order.
async fn everything(store: &Store) -> Vec<(Revision, Item)> {
    let pages = pull(store, Revision(0), 50).await;
    let all = pages.into_iter().flat_map(|page| page.changes);
    let there = |item: &Item| {
        !matches!(
            item,
            Item::AccountGone(_)
                | Item::LoginGone(_)
                | Item::MeetingGone(_)
                | Item::ZoneGone(_)
                | Item::PublicKeyGone(_)
        )
    };
    all.filter(|change| there(&change.item))
        .map(|change| (change.revision, change.item))
        .collect()
}

/// Something that people do, by chance; what fails because of what is there is no matter.
async fn anything(store: &Store, dice: &mut StdRng, day: i64) {
    let now = second(day * 24 * 3600);
    let name = ["ada", "bob", "eve", "kim"].choose(dice).unwrap();
    let known = store.account_named(&name.parse().unwrap()).await.ok();
    let id = known
        .as_ref()
        .map_or(AccountId::from_random(1), |known| known.id);
    let kind = [MeetingKind::Instant, MeetingKind::Personal, weekly()]
        .choose(dice)
        .unwrap()
        .clone();
    match dice.random_range(0..9) {
        0 | 1 => drop(store.add_account(account(name), now).await),
        2 if known.as_ref().is_some_and(|it| !it.disabled) => {
            drop(add_login(store, id, LoginKind::Session).await);
        }
        3 => drop(store.add_meeting(meeting(id, kind), now).await),
        4 => rename(store, known, dice).await,
        5 => drop(store.delete_account(id, None).await),
        6 => drop(store.add_zone(zone(name), now).await),
        7 => drop(store.delete_zone(&name.parse().unwrap(), None).await),
        _ => drop(
            store
                .rotate_keys(now, |from| signing_key(now, from))
                .await
                .unwrap(),
        ),
    }
}

async fn rename(store: &Store, known: Option<plenum_directory::model::Account>, dice: &mut StdRng) {
    let Some(mut account) = known else { return };
    account.name = ["ada", "bob", "eve", "kim", "zoe"]
        .choose(dice)
        .unwrap()
        .parse()
        .unwrap();
    account.disabled = dice.random();
    drop(store.change_account(&account).await);
}

pub async fn a_replica_becomes_the_same(site: Site) {
    let seed = rand::random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    assert_eq!(copy.followed().await.unwrap(), None);
    for day in 0..150 {
        anything(&primary, &mut dice, day).await;
        if dice.random_ratio(1, 10) {
            follow(&primary, &copy, dice.random_range(1..20)).await;
            assert_eq!(
                everything(&copy).await,
                everything(&primary).await,
                "seed {seed}"
            );
        }
    }
    follow(&primary, &copy, 5).await;
    assert_eq!(
        everything(&copy).await,
        everything(&primary).await,
        "seed {seed}"
    );
    // Its tokens are verified at the replica, whose own keys are others; and the passcodes of
    // the directory are good there.
    let keys = primary.signing_keys().await.unwrap();
    let mut public: Vec<_> = keys.iter().filter_map(SigningKey::public).collect();
    public.sort_by_key(|key| key.id);
    assert_eq!(copy.public_keys().await.unwrap(), public);
    assert_eq!(copy.signing_keys().await.unwrap(), []);
    let number = MeetingNumber::from_random(1);
    let passcode = "1234".parse().unwrap();
    assert_eq!(
        copy.passcode_hash(number, &passcode),
        primary.passcode_hash(number, &passcode)
    );
}

pub async fn a_replica_begins_anew(site: Site) {
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    let (_other_place, other) = replica().await;
    // It followed another directory, which had come further.
    for number in 0..20 {
        add_account(&other, &format!("other{number}")).await;
    }
    other.add_zone(zone("berlin"), second(0)).await.unwrap();
    follow(&other, &copy, 7).await;
    let ada = add_account(&primary, "ada").await;
    let room = primary
        .add_meeting(meeting(ada.id, weekly()), second(0))
        .await
        .unwrap();
    let odd = primary.changes(Revision(1), 10).await.unwrap();
    assert_error!(copy.apply(&odd).await, Conflict);
    follow(&primary, &copy, 1).await;
    assert_eq!(everything(&copy).await, everything(&primary).await);
    let (feed, at) = position(&copy).await.unwrap();
    assert_eq!((feed, at), (odd.feed, odd.head));
    assert_eq!(copy.find_meeting(&room.number.id()).await.unwrap(), room);
    // A page twice, or one that is not next, changes nothing.
    primary.delete_meeting(room.number, None).await.unwrap();
    let page = primary.changes(at, 10).await.unwrap();
    copy.apply(&page).await.unwrap();
    assert_error!(copy.apply(&page).await, Conflict);
    let wrong = ChangePage {
        feed: FeedId::from_random(1),
        after: page.next,
        ..page
    };
    assert_error!(copy.apply(&wrong).await, Conflict);
    assert_error!(copy.meeting(room.number).await, NotFound);
}

pub async fn names_and_personal_meetings_change_hands(site: Site) {
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    let mut ada = add_account(&primary, "ada").await;
    let mut bob = add_account(&primary, "bob").await;
    let mut room = primary
        .add_meeting(meeting(ada.id, MeetingKind::Personal), second(0))
        .await
        .unwrap();
    follow(&primary, &copy, 100).await;
    // Bob becomes ada, and is then changed again: ada's new name comes first in the feed.
    ada.name = "lovelace".parse().unwrap();
    let mut ada = primary.change_account(&ada).await.unwrap();
    bob.name = "ada".parse().unwrap();
    primary.change_account(&bob).await.unwrap();
    ada.disabled = true;
    primary.change_account(&ada).await.unwrap();
    room.owner = bob.id;
    let room = primary.change_meeting(&room).await.unwrap();
    let new = primary
        .add_meeting(meeting(ada.id, MeetingKind::Personal), second(0))
        .await
        .unwrap();
    follow(&primary, &copy, 1).await;
    assert_eq!(everything(&copy).await, everything(&primary).await);
    assert_eq!(
        copy.find_meeting(&"ada".parse().unwrap()).await.unwrap(),
        room
    );
    assert_eq!(
        copy.find_meeting(&"lovelace".parse().unwrap())
            .await
            .unwrap(),
        new
    );
}

/// A key as a replica publishes it.
pub fn public_key() -> PublicKey {
    signing_key(second(0), second(0)).public().unwrap()
}

pub async fn replicas_publish_keys_of_their_own(site: Site) {
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    let (one, two) = (
        add_account(&primary, "one").await,
        add_account(&primary, "two").await,
    );
    let keys = [public_key(), public_key(), public_key()];
    assert!(primary.publish_keys(one.id, &keys[..2]).await.unwrap());
    assert!(primary.publish_keys(two.id, &keys[2..]).await.unwrap());
    assert!(!primary.publish_keys(one.id, &keys[..2]).await.unwrap());
    follow(&primary, &copy, 2).await;
    assert_eq!(copy.public_keys().await.unwrap().len(), 3);
    assert!(primary.publish_keys(one.id, &keys[1..2]).await.unwrap());
    // Nobody takes the name of another's key, nor of the directory's.
    let theirs = primary.publish_keys(two.id, &keys[1..]).await;
    assert_error!(theirs, Conflict);
    let own = signing_key(second(0), second(0));
    let make = |_| own.clone();
    primary.rotate_keys(second(0), make).await.unwrap();
    let shadow = PublicKey {
        id: own.id,
        ..public_key()
    };
    assert_error!(primary.publish_keys(two.id, &[shadow]).await, Conflict);
    // A replica's account takes its keys with it.
    primary.delete_account(two.id, None).await.unwrap();
    follow(&primary, &copy, 2).await;
    let mut left = vec![keys[1].clone(), own.public().unwrap()];
    left.sort_by_key(|key| key.id);
    assert_eq!(copy.public_keys().await.unwrap(), left);
    assert_eq!(everything(&copy).await, everything(&primary).await);
}

pub async fn a_replica_that_is_disabled_has_no_keys(site: Site) {
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    let new = NewAccount {
        role: AccountRole::Replica,
        ..account("one")
    };
    let mut one = primary.add_account(new, second(0)).await.unwrap();
    let keys = [public_key()];
    assert!(primary.publish_keys(one.id, &keys).await.unwrap());
    one.display_name = "The first".parse().unwrap();
    one.revision = primary.account(one.id).await.unwrap().revision;
    let mut one = primary.change_account(&one).await.unwrap();
    follow(&primary, &copy, 9).await;
    assert_eq!(copy.public_keys().await.unwrap(), keys);
    one.disabled = true;
    let mut one = primary.change_account(&one).await.unwrap();
    assert_eq!(primary.public_keys().await.unwrap(), []);
    assert_error!(primary.publish_keys(one.id, &keys).await, NotFound);
    follow(&primary, &copy, 9).await;
    assert_eq!(copy.public_keys().await.unwrap(), []);
    one.disabled = false;
    primary.change_account(&one).await.unwrap();
    assert!(primary.publish_keys(one.id, &keys).await.unwrap());
}

/// Two processes with one database, of which one follows the directory.
pub async fn every_process_of_a_replica_knows_its_passcodes(site: Site) {
    let primary = site.open().await;
    let place = Site::sqlite();
    let (first, second_one) = (place.open().await, place.open().await);
    let ada = add_account(&primary, "ada").await;
    let mut new = meeting(ada.id, MeetingKind::Instant);
    new.passcode = Some("314159".parse().unwrap());
    let room = primary.add_meeting(new, second(0)).await.unwrap();
    follow(&primary, &first, 9).await;
    assert!(first.passcode_matches(&room, "314159"));
    second_one.learn_passcode_key().await.unwrap();
    assert!(second_one.passcode_matches(&room, "314159"));
}

pub async fn a_replica_has_keys_of_its_own(site: Site) {
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    add_account(&primary, "ada").await;
    follow(&primary, &copy, 1).await;
    let make = |from| signing_key(second(0), from);
    let own = copy.rotate_keys(second(0), make).await.unwrap();
    add_account(&primary, "bob").await;
    follow(&primary, &copy, 1).await;
    assert_eq!(copy.signing_keys().await.unwrap(), own);
    // Nor are they lost when everything is taken again.
    let all = primary.changes(Revision(0), 100).await.unwrap();
    copy.apply(&all).await.unwrap();
    assert_eq!(copy.signing_keys().await.unwrap(), own);
    assert!(copy.followed().await.unwrap().unwrap().whole);
}

pub async fn a_database_knows_its_own_moments(site: Site) {
    let primary = site.open().await;
    add_account(&primary, "ada").await;
    let page = primary.changes(Revision(0), 1).await.unwrap();
    let again = primary.changes(Revision(0), 100).await.unwrap();
    assert_eq!(page.mark, again.mark, "nothing has happened");
    assert!(primary.remembers(page.mark).await.unwrap());
    add_account(&primary, "bob").await;
    let later = primary.changes(page.next, 100).await.unwrap();
    assert_ne!(later.mark, page.mark);
    // As after a backup was restored.
    site.sql("DELETE FROM feed_mark WHERE revision > 2").await;
    assert!(primary.remembers(page.mark).await.unwrap());
    assert!(!primary.remembers(later.mark).await.unwrap());
}

/// Whoever was signed in when the directory went away can sign in nowhere else.
pub async fn what_was_good_when_a_replica_last_heard_of_its_directory_stays_so(site: Site) {
    let primary = site.open().await;
    let (_place, copy) = replica().await;
    let ada = add_account(&primary, "ada").await;
    let now = primary.time().await.unwrap();
    let until = async |kind, end| {
        let (mut new, secret) = login(ada.id, kind);
        new.expires = Some(end);
        primary.add_login(new, second(0)).await.unwrap();
        secret.hash()
    };
    let hour = SignedDuration::from_hours(1);
    let good = [
        until(LoginKind::Session, now + hour).await,
        until(LoginKind::ApiToken, now + hour).await,
    ];
    let over = until(LoginKind::Session, now - hour).await;
    follow(&primary, &copy, 100).await;
    // Days later, and the replica has not heard of it since.
    let later = now + 50 * hour;
    for store in [&primary, &copy] {
        store.tidy(later).await.unwrap();
        assert_error!(store.login(&over, later).await, NotFound);
    }
    for secret in &good {
        assert_error!(primary.login(secret, later).await, NotFound);
        assert_eq!(copy.login(secret, later).await.unwrap().1.id, ada.id);
    }
    // Then it hears that the account is gone.
    primary.delete_account(ada.id, None).await.unwrap();
    follow(&primary, &copy, 100).await;
    for secret in &good {
        assert_error!(copy.login(secret, later).await, NotFound);
    }
}
