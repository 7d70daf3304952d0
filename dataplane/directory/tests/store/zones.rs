//! The registry of zones.

use jiff::{SignedDuration, Timestamp};
use plenum_directory::model::{Page, Zone};
use plenum_wire::ZoneName;

use crate::assert_error;
use crate::site::Site;
use crate::things::{report, second, zone};

fn name(text: &str) -> ZoneName {
    text.parse().unwrap()
}

pub async fn a_zone_is_registered_and_changed(site: Site) {
    let store = site.open().await;
    let made = store
        .add_zone(zone("site.berlin"), second(0))
        .await
        .unwrap();
    assert_eq!(store.zone(&made.name).await.unwrap(), made);
    assert_error!(
        store.add_zone(zone("site.berlin"), second(0)).await,
        Conflict
    );
    let mut changed = Zone {
        networks: vec![],
        location: None,
        weight: 0,
        enabled: false,
        credential: plenum_directory::random::secret().hash(),
        ..made.clone()
    };
    let kept = store.change_zone(&changed).await.unwrap();
    changed.revision = kept.revision;
    assert_eq!(kept, changed);
    assert_error!(store.change_zone(&made).await, Changed);
    store.add_zone(zone("a"), second(0)).await.unwrap();
    let all = store.zones(&Page::new(None, 1000)).await.unwrap();
    assert_eq!(
        all.items
            .iter()
            .map(|zone| zone.name.as_str())
            .collect::<Vec<_>>(),
        ["a", "site.berlin"]
    );
    let rest = store.zones(&Page::new(Some(name("a")), 1)).await.unwrap();
    assert_eq!((rest.items, rest.next), (vec![kept], None));
}

pub async fn a_zone_comes_back(site: Site) {
    let store = site.open().await;
    let first = store.add_zone(zone("berlin"), second(0)).await.unwrap();
    store
        .put_report(&first.name, &report("zc-0", 1), second(0))
        .await
        .unwrap();
    store.delete_zone(&first.name, None).await.unwrap();
    assert_error!(store.zone(&first.name).await, NotFound);
    assert_error!(store.delete_zone(&first.name, None).await, NotFound);
    assert_error!(store.change_zone(&first).await, NotFound);
    assert_error!(
        store
            .put_report(&first.name, &report("zc-0", 1), second(0))
            .await,
        NotFound
    );
    assert_eq!(store.reports(second(-10)).await.unwrap(), []);
    let again = store.add_zone(zone("berlin"), second(9)).await.unwrap();
    assert!(again.revision > first.revision);
}

pub async fn reports_outlive_a_restart(site: Site) {
    let store = site.open().await;
    let berlin = store
        .add_zone(zone("berlin"), second(0))
        .await
        .unwrap()
        .name;
    let tokyo = store.add_zone(zone("tokyo"), second(0)).await.unwrap().name;
    store
        .put_report(&berlin, &report("zc-0", 1), second(0))
        .await
        .unwrap();
    store
        .put_report(&berlin, &report("zc-0", 2), second(5))
        .await
        .unwrap();
    store
        .put_report(&berlin, &report("zc-1", 3), second(4))
        .await
        .unwrap();
    store
        .put_report(&tokyo, &report("zc-0", 4), second(6))
        .await
        .unwrap();
    store.close().await;
    let again = site.open().await;
    let heard = again.reports(second(5)).await.unwrap();
    let told: Vec<_> = heard
        .iter()
        .map(|stored| {
            (
                stored.zone.as_str(),
                stored.report.participants,
                stored.heard,
            )
        })
        .collect();
    assert_eq!(told, [("berlin", 2, second(5)), ("tokyo", 4, second(6))]);
    assert_eq!(again.reports(second(0)).await.unwrap().len(), 3);
    assert_eq!(again.tidy(second(3605)).await.unwrap(), 2);
    assert_eq!(again.reports(second(0)).await.unwrap().len(), 1);
}

pub async fn so_many_controllers_are_listened_to(site: Site) {
    let store = site.open().await;
    let berlin = store
        .add_zone(zone("berlin"), second(0))
        .await
        .unwrap()
        .name;
    for controller in 0..32 {
        let said = report(&format!("zc-{controller}"), 0);
        store.put_report(&berlin, &said, second(0)).await.unwrap();
    }
    assert_error!(
        store
            .put_report(&berlin, &report("zc-32", 0), second(0))
            .await,
        Full
    );
    store
        .put_report(&berlin, &report("zc-7", 9), second(1))
        .await
        .unwrap();
    // Those that are silent leave their places to others, all but the one that is not.
    for controller in 100..131 {
        let said = report(&format!("zc-{controller}"), 0);
        store.put_report(&berlin, &said, second(15)).await.unwrap();
    }
    let known = store.reports(second(0)).await.unwrap();
    let names: Vec<_> = known
        .iter()
        .map(|known| known.report.controller.as_str())
        .collect();
    assert_eq!((names.len(), names[31]), (32, "zc-7"));
    assert_error!(
        store
            .put_report(&berlin, &report("zc-131", 0), second(15))
            .await,
        Full
    );
}

pub async fn the_database_has_a_clock(site: Site) {
    let (one, other) = (site.open().await, site.open().await);
    let before = Timestamp::now();
    let first = one.time().await.unwrap();
    let second = other.time().await.unwrap();
    let after = Timestamp::now();
    // It is this machine's here, to the millisecond.
    let grain = SignedDuration::from_millis(2);
    let moments = [before - grain, first, second + grain, after + 2 * grain];
    assert!(moments.is_sorted(), "{moments:?}");
}
