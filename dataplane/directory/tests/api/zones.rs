//! Zones, what they say of themselves, and the order in which they are offered.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, meeting, until, zones};
use crate::http::Client;

async fn first(client: &Client, number: &str) -> String {
    let lookup: Value = client.look_up(json!({ "meeting": number })).await.json();
    zones(&lookup)[0].to_owned()
}

async fn until_first(client: &Client, number: &str, zone: &str) {
    until(async || (first(client, number).await == zone).then_some(())).await;
}

pub async fn a_zone_is_registered_and_reports(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let wishes = json!({ "networks": ["192.0.2.0/24"], "location": { "latitude": 52.5, "longitude": 13.4 } });
    let zone = house.silent_zone(&admin, "eu.main", wishes).await;
    assert!(zone.client.bearer.as_ref().unwrap().starts_with("plz_"));
    admin
        .post("/v1/zones", json!({ "name": "eu.main" }))
        .await
        .is(Denial::Conflict);
    let answer: Value = zone
        .client
        .put(&zone.path(), zone.saying(json!({})))
        .await
        .json();
    assert_eq!(answer["report_every_s"], 5);
    let published: Value = house.client.get("/.well-known/jwks.json").await.json();
    assert_eq!(answer["jwks"], published);
    zone.until_state(&admin, "healthy").await;
    let path = "/v1/zones/eu.main";
    let read: Value = admin.get(path).await.json();
    assert_eq!(
        (&read["routers"], &read["participants"]),
        (&json!(2), &json!(10))
    );
    assert_eq!(
        (&read["weight"], &read["networks"]),
        (&json!(100), &json!(["192.0.2.0/24"]))
    );
    assert!(!read.to_string().contains("credential"));
    let changed: Value = admin
        .patch(path, json!({ "location": null, "weight": 7 }))
        .await
        .json();
    assert_eq!(
        (&changed["location"], &changed["weight"]),
        (&Value::Null, &json!(7))
    );
    for wrong in [
        json!({ "location": { "latitude": 91, "longitude": 0 } }),
        json!({ "networks": ["192.0.2.0/33"] }),
        json!({ "networks": vec!["192.0.2.0/24"; 1_001] }),
        json!({ "weight": 70_000 }),
    ] {
        admin.patch(path, wrong).await.is(Denial::BadRequest);
    }
    let user = house.user("ada").await;
    user.get(path).await.is(Denial::Forbidden);
    user.post("/v1/zones", json!({ "name": "mine" }))
        .await
        .is(Denial::Forbidden);
    assert_eq!(admin.delete(path).await.status, 204);
    admin.get(path).await.is(Denial::NotFound);
}

pub async fn only_its_credential_reports(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    let other = house.zone(&admin, "us.main", json!({})).await;
    let report = zone.saying(json!({}));
    for client in [
        &house.client,
        &admin,
        &other.client,
        &house.client.with("plz_forged"),
    ] {
        client
            .put(&zone.path(), report.clone())
            .await
            .is(Denial::SignInRequired);
    }
    let missing = zone
        .client
        .put("/v1/zones/none/report", report.clone())
        .await;
    missing.is(Denial::SignInRequired);
    zone.client.get("/v1/me").await.is(Denial::SignInRequired);
    let renewed = admin
        .request("POST", "/v1/zones/eu.main/credential")
        .send()
        .await;
    let credential = renewed.json::<Value>()["credential"].clone();
    let renewed = house.client.with(credential.as_str().unwrap());
    assert_eq!(renewed.put(&zone.path(), report.clone()).await.status, 200);
    let former = zone.client.put(&zone.path(), report).await;
    former.is(Denial::SignInRequired);
}

pub async fn so_many_controllers_speak_for_a_zone(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let zone = house.silent_zone(&admin, "eu.main", json!({})).await;
    // Written down as if all had been heard in this moment, however long it takes.
    let (name, now) = (
        "eu.main".parse().unwrap(),
        house.store().time().await.unwrap(),
    );
    let soon = now + jiff::SignedDuration::from_mins(10);
    for controller in 0..32 {
        let said = zone.saying(json!({ "controller": format!("zc-{controller}") }));
        let said = serde_json::from_value(said).unwrap();
        house.store().put_report(&name, &said, soon).await.unwrap();
    }
    let one_more = zone.saying(json!({ "controller": "zc-32" }));
    let refused = zone.client.put(&zone.path(), one_more).await;
    refused.is(Denial::Conflict);
    assert!(refused.problem().detail.contains("controllers"));
    let known = zone.saying(json!({ "controller": "zc-7" }));
    assert_eq!(zone.client.put(&zone.path(), known).await.status, 200);
}

pub async fn wrong_reports_are_refused(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let zone = house.silent_zone(&admin, "eu.main", json!({})).await;
    for wrong in [
        json!({ "controllers": ["http://plain.example.org"] }),
        json!({ "controllers": ["https://user@example.org"] }),
        json!({ "controllers": vec!["https://a"; 33] }),
        json!({ "tunnels": ["javascript:alert(1)"] }),
        json!({ "controller": "" }),
        json!({ "routers": -1 }),
        json!({ "meetings": [{ "meeting": "not a meeting", "participants": 1 }] }),
        json!({ "authority": "x".repeat(70_000) }),
    ] {
        zone.client
            .put(&zone.path(), zone.saying(wrong))
            .await
            .is(Denial::BadRequest);
    }
    let request = zone.client.request("PUT", &zone.path());
    let cut = request.header("content-type", "application/json").body("{");
    cut.send().await.is(Denial::BadRequest);
    zone.until_state(&admin, "never_heard").await;
}

pub async fn a_large_zone_reports(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let zone = house.silent_zone(&admin, "eu.main", json!({})).await;
    let meetings: Vec<_> = (0..20_000)
        .map(|index| json!({ "meeting": format!("{}", 100_000_000 + index), "participants": 3 }))
        .collect();
    zone.report(json!({ "meetings": meetings })).await;
    zone.until_state(&admin, "healthy").await;
    let too_large = vec![b' '; 9 << 20];
    let request = zone.client.request("PUT", &zone.path());
    let request = request.header("content-type", "application/json");
    let answer = request.body(too_large).send().await;
    answer.is_with_status(Denial::BadRequest, 413);
    // Who has no credential is not even listened to.
    let request = house.client.request("PUT", &zone.path()).body("{");
    request.send().await.is(Denial::SignInRequired);
}

pub async fn a_zone_that_is_off_is_not_offered(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    assert_eq!(first(&house.client, &number).await, "eu.main");
    admin
        .patch("/v1/zones/eu.main", json!({ "enabled": false }))
        .await;
    let off = until(async || {
        let answer = house.client.look_up(json!({ "meeting": number })).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    off.is(Denial::NoZone);
    assert!(off.problem().detail.contains("switched off"));
}

pub async fn the_zone_of_a_running_meeting_comes_first(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let one = house.zone(&admin, "eu.main", json!({})).await;
    let other = house.zone(&admin, "us.main", json!({ "weight": 0 })).await;
    let number = meeting(&admin, json!({ "join_before_host": false })).await;
    let runs = json!({ "meetings": [{ "meeting": number, "participants": 2 }] });
    other.report(runs.clone()).await;
    // That it runs also means that its host has come.
    until(async || {
        let answer = house.client.look_up(json!({ "meeting": number })).await;
        (answer.status == 200).then_some(())
    })
    .await;
    let lookup: Value = house
        .client
        .look_up(json!({ "meeting": number }))
        .await
        .json();
    assert_eq!(zones(&lookup), ["us.main", "eu.main"]);
    assert_eq!(lookup["zones"][0]["hosts"], true);
    // In this order, so that it runs somewhere all the time.
    one.report(runs).await;
    other.report(json!({})).await;
    until_first(&house.client, &number, "eu.main").await;
}

/// An administrator empties it, and then its last router takes no more meetings.
pub async fn who_comes_to_a_running_meeting_is_sent_there_though_nothing_new_begins(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let old = house.zone(&admin, "eu.main", json!({})).await;
    let new = house.zone(&admin, "us.main", json!({ "weight": 0 })).await;
    let (begun, other) = (
        meeting(&admin, json!({})).await,
        meeting(&admin, json!({})).await,
    );
    let runs = json!([{ "meeting": begun, "participants": 2 }]);
    old.report(json!({ "meetings": runs })).await;
    let off = json!({ "enabled": false });
    assert_eq!(admin.patch("/v1/zones/eu.main", off).await.status, 200);
    until_first(&house.client, &other, "us.main").await;
    until_first(&house.client, &begun, "eu.main").await;
    let on = json!({ "enabled": true });
    assert_eq!(admin.patch("/v1/zones/eu.main", on).await.status, 200);
    until_first(&house.client, &other, "eu.main").await;
    old.report(json!({ "meetings": runs, "routers": 0 })).await;
    until_first(&house.client, &other, "us.main").await;
    assert_eq!(first(&house.client, &begun).await, "eu.main");
    old.report(json!({ "routers": 0 })).await;
    new.report(json!({ "meetings": runs })).await;
    until_first(&house.client, &begun, "us.main").await;
}

pub async fn a_network_given_by_hand_counts(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house
        .zone(&admin, "eu.main", json!({ "networks": ["127.0.0.9/32"] }))
        .await;
    house
        .zone(&admin, "us.main", json!({ "networks": ["127.0.0.0/24"] }))
        .await;
    let number = meeting(&admin, json!({})).await;
    assert_eq!(first(&house.client.from(9), &number).await, "eu.main");
    assert_eq!(first(&house.client.from(8), &number).await, "us.main");
}

pub async fn what_is_deleted_is_what_was_seen(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.silent_zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    house.user("ada").await;
    let ada = house.store().account_named(&"ada".parse().unwrap()).await;
    for path in [
        "/v1/zones/eu.main".to_owned(),
        format!("/v1/meetings/{number}"),
        format!("/v1/users/{}", ada.unwrap().id),
    ] {
        let seen = admin.get(&path).await;
        let tag = seen.header("etag").unwrap();
        let delete = async |tag: &str| {
            let request = admin.request("DELETE", &path).header("if-match", tag);
            request.send().await
        };
        for other in ["\"1\"", "nonsense"] {
            let refused = delete(other).await;
            refused.is_with_status(Denial::Conflict, 412);
        }
        assert_eq!(delete(tag).await.status, 204, "{path}");
        admin.get(&path).await.is(Denial::NotFound);
        delete(tag).await.is(Denial::NotFound);
    }
}

/// Not even when there is another one of its name.
pub async fn a_zone_that_is_removed_reports_no_more(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    let report = async || zone.client.put(&zone.path(), zone.saying(json!({}))).await;
    let renew = admin.request("POST", "/v1/zones/eu.main/credential");
    let refused = renew.header("if-match", "\"1\"").send().await;
    refused.is_with_status(Denial::Conflict, 412);
    assert_eq!(report().await.status, 200);
    assert_eq!(admin.delete("/v1/zones/eu.main").await.status, 204);
    report().await.is(Denial::SignInRequired);
    let again = admin.post("/v1/zones", json!({ "name": "eu.main" })).await;
    assert_eq!(again.status, 201);
    report().await.is(Denial::SignInRequired);
}
