//! Who deletes a thing may say as what they know it.

use plenum_directory::model::MeetingKind;

use crate::assert_error;
use crate::site::Site;
use crate::things::{add_account, meeting, second, zone};

pub async fn what_was_changed_meanwhile_is_not_deleted(site: Site) {
    let store = site.open().await;
    let ada = add_account(&store, "ada").await;
    let room = meeting(ada.id, MeetingKind::Instant);
    let room = store.add_meeting(room, second(0)).await.unwrap();
    let berlin = store.add_zone(zone("berlin"), second(0)).await.unwrap();
    let ada_now = store.change_account(&ada).await.unwrap();
    let room_now = store.change_meeting(&room).await.unwrap();
    let berlin_now = store.change_zone(&berlin).await.unwrap();

    let before = Some(berlin.revision);
    assert_error!(store.delete_zone(&berlin.name, before).await, Changed);
    let before = Some(room.revision);
    assert_error!(store.delete_meeting(room.number, before).await, Changed);
    let before = Some(ada.revision);
    assert_error!(store.delete_account(ada.id, before).await, Changed);
    assert_eq!(store.account(ada.id).await.unwrap(), ada_now);

    let now = Some(berlin_now.revision);
    let removed = store.delete_zone(&berlin.name, now).await.unwrap();
    assert!(removed > berlin_now.revision);
    assert_error!(store.delete_zone(&berlin.name, now).await, NotFound);
    let now = Some(room_now.revision);
    store.delete_meeting(room.number, now).await.unwrap();
    let now = Some(ada_now.revision);
    store.delete_account(ada.id, now).await.unwrap();
    assert_error!(store.account(ada.id).await, NotFound);
}
