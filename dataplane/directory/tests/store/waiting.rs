//! Waiting rooms.

use std::net::Ipv4Addr;

use plenum_directory::model::{MeetingKind, MeetingNumber, NewWaiting, WaitingId, WaitingState};

use crate::assert_error;
use crate::site::Site;
use crate::things::{add_account, meeting, second, waiting};

pub async fn a_host_lets_one_in_and_another_not(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let room = meeting(ada.id, MeetingKind::Instant);
    let room = store.add_meeting(room, second(0)).await.unwrap().number;
    let (mut first, first_secret) = waiting(room);
    first.account = Some(ada.id);
    let first = store.add_waiting(first, second(1)).await.unwrap();
    let (late, late_secret) = waiting(room);
    let late = store.add_waiting(late, second(2)).await.unwrap();
    assert_eq!(
        store.waiting_room(room, second(3)).await.unwrap(),
        [first.clone(), late.clone()]
    );
    let admitted = store
        .decide_waiting(room, late.id, WaitingState::Admitted, second(3))
        .await
        .unwrap();
    assert_eq!(admitted.state, WaitingState::Admitted);
    store
        .decide_waiting(room, first.id, WaitingState::Refused, second(3))
        .await
        .unwrap();
    // The one who asks may be answered by another process.
    let again = site.open().await;
    assert_eq!(
        again
            .waiting(room, &late_secret.hash(), second(4))
            .await
            .unwrap(),
        admitted
    );
    let refused = again
        .waiting(room, &first_secret.hash(), second(4))
        .await
        .unwrap();
    assert_eq!(
        (refused.state, refused.account),
        (WaitingState::Refused, Some(ada.id))
    );
    let elsewhere = MeetingNumber::from_random(1);
    assert_error!(
        again
            .waiting(elsewhere, &late_secret.hash(), second(4))
            .await,
        NotFound
    );
    let decide = |meeting, id| store.decide_waiting(meeting, id, WaitingState::Admitted, second(4));
    assert_error!(decide(elsewhere, late.id).await, NotFound);
    assert_error!(decide(room, WaitingId::from_random(1)).await, NotFound);
    assert_error!(
        store.add_waiting(waiting(elsewhere).0, second(0)).await,
        NotFound
    );
}

pub async fn who_does_not_ask_again_is_forgotten(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let room = meeting(ada.id, MeetingKind::Instant);
    let room = store.add_meeting(room, second(0)).await.unwrap().number;
    let (gone, gone_secret) = waiting(room);
    store.add_waiting(gone, second(0)).await.unwrap();
    let (stays, stays_secret) = waiting(room);
    let stays = store.add_waiting(stays, second(0)).await.unwrap();
    store.still_waiting(stays.id, second(120)).await.unwrap();
    // An answer that was late takes nothing back.
    store.still_waiting(stays.id, second(90)).await.unwrap();
    assert_error!(
        store.waiting(room, &gone_secret.hash(), second(60)).await,
        NotFound
    );
    let left = store
        .waiting(room, &stays_secret.hash(), second(119))
        .await
        .unwrap();
    assert_eq!(left.expires, second(120));
    assert_eq!(store.waiting_room(room, second(60)).await.unwrap(), [left]);
    assert_eq!(store.tidy(second(60)).await.unwrap(), 1);
    assert_eq!(store.tidy(second(120)).await.unwrap(), 1);
}

pub async fn a_waiting_room_has_so_many_places(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let room = meeting(ada.id, MeetingKind::Instant);
    let room = store.add_meeting(room, second(0)).await.unwrap().number;
    let mut first = None;
    for _ in 0..500 {
        let waits = store.add_waiting(waiting(room).0, second(0)).await.unwrap();
        first.get_or_insert(waits.id);
    }
    assert_error!(store.add_waiting(waiting(room).0, second(0)).await, Full);
    // Who was let in takes no place, however long they are remembered.
    let first = first.unwrap();
    let decided = store.decide_waiting(room, first, WaitingState::Admitted, second(0));
    decided.await.unwrap();
    store.still_waiting(first, second(43_200)).await.unwrap();
    store.add_waiting(waiting(room).0, second(1)).await.unwrap();
    assert_error!(store.add_waiting(waiting(room).0, second(1)).await, Full);
    let listed = store.waiting_room(room, second(1)).await.unwrap();
    assert_eq!(listed.len(), 501);
    assert_eq!(listed[499].asked, second(1), "who waits, in order");
    assert_eq!(listed[500].id, first, "and then who was let in");
    // Those who have gone take no place.
    let (mut new, _) = waiting(room);
    new.expires = second(120);
    store.add_waiting(new, second(60)).await.unwrap();
}

pub async fn no_household_keeps_a_room_full(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let room = meeting(ada.id, MeetingKind::Instant);
    let room = store.add_meeting(room, second(0)).await.unwrap().number;
    let of = |household: u8| NewWaiting {
        household: Ipv4Addr::new(192, 0, 2, household).into(),
        expires: second(1_000),
        ..waiting(room).0
    };
    let mut strangers = Vec::new();
    for at in 0..500 {
        strangers.push(store.add_waiting(of(1), second(at)).await.unwrap().id);
    }
    let now = second(500);
    assert_error!(store.add_waiting(of(1), now).await, Full);
    let mut guests = Vec::new();
    for _ in 0..249 {
        guests.push(store.add_waiting(of(2), now).await.unwrap().id);
    }
    let waits = async || {
        let room = store.waiting_room(room, now).await.unwrap();
        room.iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let listed = waits().await;
    assert_eq!(listed.len(), 500);
    assert_eq!(listed[..251], strangers[..251], "who came first stays");
    assert!(guests.iter().all(|it| listed.contains(it)));
    // 251 and 249: one more makes them equal, and neither takes from the other then.
    store.add_waiting(of(2), now).await.unwrap();
    assert_error!(store.add_waiting(of(2), now).await, Full);
    assert_error!(store.add_waiting(of(1), now).await, Full);
    store.add_waiting(of(3), now).await.unwrap();
    assert_eq!(waits().await.len(), 500);
}
