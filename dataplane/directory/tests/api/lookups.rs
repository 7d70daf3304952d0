//! From a meeting's number to a token and zones.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, meeting, zones};

pub async fn who_knows_the_number_gets_a_token_and_zones(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    zone.report(json!({ "tunnels": ["https://ht.example.org"], "authority": "PEM" }))
        .await;
    let number = meeting(&admin, json!({ "title": "All hands" })).await;
    let lookup: Value = crate::house::until(async || {
        let lookup: Value = house
            .client
            .look_up(json!({ "meeting": number }))
            .await
            .json();
        (lookup["zones"][0]["authority"] == "PEM").then_some(lookup)
    })
    .await;
    assert_eq!(lookup["meeting"], number.as_str());
    assert_eq!(lookup["title"], "All hands");
    assert_eq!(lookup["role"], "participant");
    assert_eq!(lookup["expires_in_s"], 600);
    let offer = &lookup["zones"][0];
    assert_eq!(offer["zone"], "eu.main");
    assert_eq!(offer["controllers"], json!(["https://eu.main.example.org"]));
    assert_eq!(offer["tunnels"], json!(["https://ht.example.org"]));
    assert_eq!(offer["load"], 0.05);
    assert!(
        house
            .metrics()
            .contains("plenum_directory_lookups_total{result=\"admitted\"}")
    );
}

pub async fn a_passcode_is_asked_for(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let made: Value = admin
        .post("/v1/meetings", json!({ "kind": "instant" }))
        .await
        .json();
    let (number, passcode) = (&made["id"], made["passcode"].as_str().unwrap());
    assert!(passcode.len() == 6 && passcode.bytes().all(|it| it.is_ascii_digit()));
    let ask = async |passcode: Value| {
        house
            .client
            .look_up(json!({ "meeting": number, "passcode": passcode }))
            .await
    };
    ask(Value::Null).await.is(Denial::PasscodeRequired);
    ask("".into()).await.is(Denial::WrongPasscode);
    ask("x".repeat(1_000).into())
        .await
        .is(Denial::WrongPasscode);
    assert_eq!(ask(passcode.into()).await.status, 200);
    // Hosts need none; somebody who merely signed in does.
    let lookup = json!({ "meeting": number });
    assert_eq!(admin.look_up(lookup.clone()).await.status, 200);
    house
        .user("eve")
        .await
        .look_up(lookup)
        .await
        .is(Denial::PasscodeRequired);
    let read: Value = admin
        .get(&format!("/v1/meetings/{}", number.as_str().unwrap()))
        .await
        .json();
    assert!(read["has_passcode"] == true && read["passcode"].is_null());
}

pub async fn people_write_numbers_with_dashes(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let dashed = format!("{}-{}.{}", &number[..3], &number[3..6], &number[6..]);
    let lookup: Value = house
        .client
        .look_up(json!({ "meeting": dashed }))
        .await
        .json();
    assert_eq!(lookup["meeting"], number.as_str());
}

pub async fn a_host_is_told_apart(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let (owner, other) = (house.user("owner").await, house.user("other").await);
    let co_host: Value = other.get("/v1/me").await.json();
    let number = meeting(&owner, json!({ "hosts": [co_host["id"]] })).await;
    let stranger = house.user("stranger").await;
    for (client, role) in [
        (&owner, "host"),
        (&other, "host"),
        (&stranger, "participant"),
    ] {
        let lookup: Value = client.look_up(json!({ "meeting": number })).await.json();
        assert_eq!(lookup["role"], role);
    }
}

pub async fn sign_in_where_it_is_wanted(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let (guest, other) = (house.user("guest").await, house.user("other").await);
    let id = guest.get("/v1/me").await.json::<Value>()["id"].clone();
    let signed_in = meeting(&admin, json!({ "access": "signed_in" })).await;
    let invited = json!({ "access": "invited", "invited": [id], "passcode": "needed-by-none" });
    let invited = meeting(&admin, invited).await;
    let ask = |number: &str| json!({ "meeting": number });
    house
        .client
        .look_up(ask(&signed_in))
        .await
        .is(Denial::SignInRequired);
    assert_eq!(other.look_up(ask(&signed_in)).await.status, 200);
    house
        .client
        .look_up(ask(&invited))
        .await
        .is(Denial::SignInRequired);
    other.look_up(ask(&invited)).await.is(Denial::Forbidden);
    assert_eq!(guest.look_up(ask(&invited)).await.status, 200);
    // A token that is none is not the same as no token.
    let forged = house.client.with("plm_forged");
    forged
        .look_up(ask(&signed_in))
        .await
        .is(Denial::SignInRequired);
}

pub async fn nobody_begins_before_the_host(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({ "join_before_host": false })).await;
    let ask = json!({ "meeting": number });
    house.client.look_up(ask.clone()).await.is(Denial::NotYet);
    assert_eq!(admin.look_up(ask.clone()).await.status, 200);
    assert_eq!(
        house.client.look_up(ask).await.status,
        200,
        "the host has come"
    );
}

pub async fn a_meeting_has_its_time(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let at = |start: &str| {
        let times = json!({ "start": start, "zone": "Europe/Berlin", "minutes": 60 });
        json!({ "kind": "scheduled", "times": times })
    };
    let later = meeting(&admin, at("2190-03-01T09:00:00")).await;
    let past = meeting(&admin, at("2001-03-01T09:00:00")).await;
    let early = house.client.look_up(json!({ "meeting": later })).await;
    early.is(Denial::NotYet);
    assert!(
        early.problem().detail.contains("2190-03-01T07:45:00Z"),
        "{}",
        early.text()
    );
    assert_eq!(
        early.header("retry-after"),
        Some("300"),
        "ask again sometimes"
    );
    house
        .client
        .look_up(json!({ "meeting": past }))
        .await
        .is(Denial::Over);
    assert_eq!(admin.look_up(json!({ "meeting": later })).await.status, 200);
}

pub async fn an_ended_meeting_is_over(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let ended: Value = admin
        .request("POST", &format!("/v1/meetings/{number}/end"))
        .send()
        .await
        .json();
    assert!(ended["ended"].is_string());
    for client in [&house.client, &admin] {
        client
            .look_up(json!({ "meeting": number }))
            .await
            .is(Denial::Over);
    }
}

pub async fn a_personal_meeting_goes_by_its_owners_name(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let ada = house.user("ada").await;
    let number = meeting(&ada, json!({ "kind": "personal" })).await;
    let lookup: Value = house
        .client
        .look_up(json!({ "meeting": "ada" }))
        .await
        .json();
    assert_eq!(lookup["meeting"], number.as_str());
    let second = ada
        .post("/v1/meetings", json!({ "kind": "personal" }))
        .await;
    second.is(Denial::Conflict);
}

pub async fn without_zones_it_says_why(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let number = meeting(&admin, json!({})).await;
    let ask = json!({ "meeting": number });
    let none = house.client.look_up(ask.clone()).await;
    none.is(Denial::NoZone);
    assert!(none.problem().detail.contains("no zone is registered"));
    let zone = house.silent_zone(&admin, "eu.main", json!({})).await;
    // A moment later the directory knows that there is such a zone.
    let silent = crate::house::until(async || {
        let answer = house.client.look_up(ask.clone()).await;
        answer.is(Denial::NoZone);
        (!answer.text().contains("registered")).then_some(answer)
    })
    .await;
    let says = silent.problem().detail;
    assert!(says.contains("eu.main has never been heard of"), "{says}");
    zone.report(json!({ "routers": 0 })).await;
    zone.until_state(&admin, "no_routers").await;
    let empty = house.client.look_up(ask.clone()).await;
    assert!(
        empty
            .problem()
            .detail
            .contains("eu.main has no router that takes people")
    );
    zone.report(json!({})).await;
    zone.until_state(&admin, "healthy").await;
    let lookup: Value = house.client.look_up(ask).await.json();
    assert_eq!(zones(&lookup), ["eu.main"]);
}
