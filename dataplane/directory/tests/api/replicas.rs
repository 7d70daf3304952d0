//! What replicas may read, and what they answer.

use plenum_directory::api::Config;
use plenum_directory::model::{AccountRole, KeyId, Revision};
use plenum_directory::random;
use plenum_directory::tokens::{Signer, generate};
use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, config, meeting, until};

pub async fn only_a_replica_reads_the_feed(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let replica = house.somebody("site", AccountRole::Replica).await;
    let path = "/v1/replica/changes?after=0";
    house.client.get(path).await.is(Denial::SignInRequired);
    admin.get(path).await.is(Denial::Forbidden);
    replica.get("/v1/me").await.is(Denial::Forbidden);
    replica.get("/v1/users").await.is(Denial::Forbidden);
    replica
        .look_up(json!({ "meeting": "123456789" }))
        .await
        .is(Denial::Forbidden);
    let page: Value = replica.get(path).await.json();
    assert!(!page["changes"].as_array().unwrap().is_empty());
    let piece: Value = replica
        .get("/v1/replica/changes?after=0&limit=1")
        .await
        .json();
    assert_eq!(piece["changes"].as_array().unwrap().len(), 1);
    for wrong in ["after=-1", "after=x", "limit=0", "limit=1001"] {
        replica
            .get(&format!("/v1/replica/changes?{wrong}"))
            .await
            .is(Denial::BadRequest);
    }
}

/// A replica's database that has all of it.
pub async fn copy(of: &House) -> Place {
    let place = Place::sqlite();
    let page = of.store().changes(Revision(0), 1_000).await.unwrap();
    assert!(page.is_last());
    place.store().await.apply(&page).await.unwrap();
    place
}

pub fn read_only() -> Config {
    Config {
        read_only: true,
        ..config()
    }
}

/// All zones are known to it, and only those of its site name it.
pub async fn a_zone_that_never_speaks_to_a_replica_is_not_away_there(place: Place) {
    let primary = House::open(&place).await;
    let admin = primary.admin().await;
    let mut ours = primary.zone(&admin, "eu.main", json!({})).await;
    primary.silent_zone(&admin, "us.main", json!({})).await;
    let zones = |house: &House, healthy: u32, other: u32| {
        let metrics = house.metrics();
        let says = |state, count| {
            let line = format!("plenum_directory_zones{{state=\"{state}\"}} {count}\n");
            metrics.contains(&line)
        };
        says("healthy", healthy) && says("other", other)
    };
    until(async || zones(&primary, 1, 1).then_some(())).await;
    let replica = House::with(&copy(&primary).await, read_only()).await;
    until(async || zones(&replica, 0, 0).then_some(())).await;
    ours.client = replica.client.with(ours.client.bearer.as_ref().unwrap());
    ours.report(json!({})).await;
    until(async || zones(&replica, 1, 0).then_some(())).await;
    ours.report(json!({ "routers": 0 })).await;
    until(async || zones(&replica, 0, 1).then_some(())).await;
}

pub async fn a_replica_answers_and_changes_nothing(place: Place) {
    let primary = House::open(&place).await;
    let admin = primary.admin().await;
    let mut zone = primary.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let house = House::with(&copy(&primary).await, read_only()).await;
    // The zone speaks to both, with one credential.
    zone.client = house.client.with(zone.client.bearer.as_ref().unwrap());
    zone.report(json!({})).await;
    let question = json!({ "meeting": number });
    until(async || {
        zone.report(json!({})).await;
        let lookup = house.client.look_up(question.clone()).await;
        (lookup.status == 200).then_some(())
    })
    .await;
    // Who is signed in there is known here.
    let known = house.client.with(admin.bearer.as_ref().unwrap());
    let lookup: Value = known.look_up(question).await.json();
    assert_eq!(lookup["role"], "host");
    let root = house.somebody("root", AccountRole::Admin).await;
    assert_eq!(root.get("/v1/users").await.status, 200);
    for (path, body) in [
        ("/v1/users", json!({ "name": "ada" })),
        ("/v1/meetings", json!({ "kind": "instant" })),
        ("/v1/zones", json!({ "name": "us.main" })),
        ("/v1/api-tokens", json!({ "label": "x" })),
        ("/v1/sessions", json!({ "name": "root", "password": "x" })),
    ] {
        root.post(path, body).await.is(Denial::ReadOnly);
    }
    root.delete(&format!("/v1/meetings/{number}"))
        .await
        .is(Denial::ReadOnly);
    root.patch("/v1/me", json!({ "display_name": "x" }))
        .await
        .is(Denial::ReadOnly);
}

pub async fn who_begins_a_meeting_at_a_replica_names_the_zone_there(place: Place) {
    let primary = House::open(&place).await;
    let admin = primary.admin().await;
    let mut zones = [
        primary.zone(&admin, "eu.main", json!({})).await,
        primary.zone(&admin, "us.main", json!({})).await,
    ];
    let number = meeting(&admin, json!({})).await;
    let house = House::with(&copy(&primary).await, read_only()).await;
    for zone in &mut zones {
        zone.client = house.client.with(zone.client.bearer.as_ref().unwrap());
    }
    until(async || {
        for zone in &zones {
            zone.report(json!({})).await;
        }
        let lookup = house.client.look_up(json!({ "meeting": number })).await;
        let chooses = lookup.status == 200 && lookup.json::<Value>()["nowhere"] == true;
        chooses.then_some(())
    })
    .await;
    for named in ["us.main", "eu.main"] {
        let question = json!({ "meeting": number, "begin_in": named });
        let lookup: Value = house.client.look_up(question).await.json();
        let first = &lookup["zones"][0];
        assert_eq!(
            (&first["zone"], &first["hosts"]),
            (&json!("us.main"), &json!(true))
        );
    }
}

pub async fn a_replica_says_nothing_before_it_knows(place: Place) {
    let house = House::unready(&place, read_only()).await;
    let question = json!({ "meeting": "123456789" });
    house.client.look_up(question).await.is(Denial::Unavailable);
    let keys = house.client.get("/.well-known/jwks.json").await;
    keys.is(Denial::Unavailable);
    assert!(!*house.ready.borrow());
}

/// What the directory publishes, by name.
async fn published(house: &House) -> Vec<String> {
    let set: Value = house.client.get("/.well-known/jwks.json").await.json();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

pub async fn a_replicas_keys_are_published(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let replica = house.somebody("site", AccountRole::Replica).await;
    let other = House::open(&Place::sqlite()).await;
    let set: Value = other.client.get("/.well-known/jwks.json").await.json();
    let key = json!({ "kid": set["keys"][0]["kid"], "x": set["keys"][0]["x"] });
    let path = "/v1/replica/keys";
    let keys = json!({ "keys": [key] });
    house
        .client
        .put(path, keys.clone())
        .await
        .is(Denial::SignInRequired);
    admin.put(path, keys.clone()).await.is(Denial::Forbidden);
    for wrong in [
        json!({ "keys": vec![key.clone(); 5] }),
        json!({ "keys": [{ "kid": "x", "x": key["x"] }] }),
        json!({ "keys": [{ "kid": key["kid"], "x": "AAAA" }] }),
    ] {
        replica.put(path, wrong).await.is(Denial::BadRequest);
    }
    assert_eq!(replica.put(path, keys.clone()).await.status, 204);
    let kid = key["kid"].as_str().unwrap().to_owned();
    until(async || published(&house).await.contains(&kid).then_some(())).await;
    let second = house.somebody("site2", AccountRole::Replica).await;
    second.put(path, keys).await.is(Denial::Conflict);
    let none = json!({ "keys": [] });
    assert_eq!(replica.put(path, none).await.status, 204);
    until(async || (!published(&house).await.contains(&kid)).then_some(())).await;
}

/// Publishes a key of the replica `site`. Its name.
async fn publish(house: &House) -> String {
    let replica = house.somebody("site", AccountRole::Replica).await;
    let key = Signer::new(KeyId::from_random(random::bits()), &generate()).unwrap();
    let key = serde_json::to_value(key.public()).unwrap();
    let kid = key["kid"].as_str().unwrap().to_owned();
    let keys = json!({ "keys": [{ "kid": kid, "x": key["x"] }] });
    assert_eq!(replica.put("/v1/replica/keys", keys).await.status, 204);
    kid
}

async fn account_of_the_replica(house: &House) -> String {
    let account = house.store().account_named(&"site".parse().unwrap()).await;
    format!("/v1/users/{}", account.unwrap().id)
}

pub async fn keys_go_with_the_replica_that_is_disabled(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let kid = publish(&house).await;
    until(async || published(&house).await.contains(&kid).then_some(())).await;
    let path = account_of_the_replica(&house).await;
    let disabled = admin.patch(&path, json!({ "disabled": true })).await;
    assert_eq!(disabled.status, 200);
    until(async || (!published(&house).await.contains(&kid)).then_some(())).await;
}

/// Everywhere: at the process that was asked, at the others, and in what zones are told.
pub async fn keys_go_with_the_replica_that_is_removed(place: Place) {
    let (house, other) = (House::open(&place).await, House::open(&place).await);
    let admin = house.admin().await;
    let mut zone = house.zone(&admin, "eu.main", json!({})).await;
    let kid = publish(&house).await;
    zone.client = other.client.with(zone.client.bearer.as_ref().unwrap());
    let known = async || {
        let told = zone.client.put(&zone.path(), zone.saying(json!({}))).await;
        let (here, there) = (published(&house).await, published(&other).await);
        let told = told.json::<Value>().to_string();
        [
            here.contains(&kid),
            there.contains(&kid),
            told.contains(&kid),
        ]
    };
    until(async || (known().await == [true; 3]).then_some(())).await;
    let path = account_of_the_replica(&house).await;
    assert_eq!(admin.delete(&path).await.status, 204);
    until(async || (known().await == [false; 3]).then_some(())).await;
    assert_eq!(published(&other).await.len(), 1, "its own stays");
}

pub async fn a_key_of_the_passcodes_that_another_process_took_is_used(place: Place) {
    let primary = House::open(&place).await;
    let admin = primary.admin().await;
    let zone = primary.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({ "passcode": "314159" })).await;
    // This process of the replica does not follow: another one on its database does.
    let there = Place::sqlite();
    let house = House::unready(&there, read_only()).await;
    let page = primary.store().changes(Revision(0), 1_000).await.unwrap();
    there.store().await.apply(&page).await.unwrap();
    let mut zone_there = zone;
    zone_there.client = house
        .client
        .with(zone_there.client.bearer.as_ref().unwrap());
    let question = json!({ "meeting": number, "passcode": "314159" });
    let answer = until(async || {
        let said = zone_there
            .client
            .put(&zone_there.path(), zone_there.saying(json!({})))
            .await;
        let answer = house.client.look_up(question.clone()).await;
        // Before it knows that it has everything, and has heard of the zone.
        let waits = said.status == 503 || answer.status == 503;
        (!waits).then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

pub async fn a_directory_that_was_set_back_tells_everything(place: Place) {
    let house = House::open(&place).await;
    let replica = house.somebody("site", AccountRole::Replica).await;
    let page: Value = replica.get("/v1/replica/changes").await.json();
    let (next, mark) = (&page["next"], page["mark"].as_str().unwrap());
    let path = format!("/v1/replica/changes?after={next}&mark=");
    let on: Value = replica.get(&format!("{path}{mark}")).await.json();
    assert_eq!((&on["after"], &on["changes"]), (next, &json!([])));
    let unknown = "0123456789abcdef0123456789abcdef";
    let anew: Value = replica.get(&format!("{path}{unknown}")).await.json();
    assert_eq!(anew["after"], 0);
    assert_eq!(anew["changes"], page["changes"]);
    let wrong = replica.get(&format!("{path}x")).await;
    wrong.is(Denial::BadRequest);
}
