//! Accounts and who may look after them.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place};

pub async fn an_administrator_looks_after_accounts(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let body = json!({ "name": "ada", "email": "ada@example.org" });
    let made = admin.post("/v1/users", body).await;
    assert_eq!(made.status, 201);
    let ada: Value = made.json();
    assert_eq!(
        (&ada["display_name"], &ada["role"]),
        (&json!("ada"), &json!("user"))
    );
    let path = format!("/v1/users/{}", ada["id"].as_str().unwrap());
    admin
        .post("/v1/users", json!({ "name": "ada" }))
        .await
        .is(Denial::Conflict);
    let change = json!({ "email": null, "display_name": "Ada Lovelace" });
    let changed: Value = admin.patch(&path, change).await.json();
    assert_eq!(
        (&changed["email"], &changed["name"]),
        (&Value::Null, &json!("ada"))
    );
    let read: Value = admin.get(&path).await.json();
    assert_eq!(read, changed);
    assert_eq!(admin.delete(&path).await.status, 204);
    admin.get(&path).await.is(Denial::NotFound);
    admin.delete(&path).await.is(Denial::NotFound);
}

pub async fn others_may_not(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let (ada, eve) = (house.user("ada").await, house.user("eve").await);
    let id = ada.get("/v1/me").await.json::<Value>()["id"].clone();
    let path = format!("/v1/users/{}", id.as_str().unwrap());
    assert_eq!(ada.get(&path).await.status, 200, "one's own");
    eve.get(&path).await.is(Denial::Forbidden);
    eve.get("/v1/users").await.is(Denial::Forbidden);
    eve.post("/v1/users", json!({ "name": "mallory" }))
        .await
        .is(Denial::Forbidden);
    eve.patch(&path, json!({ "role": "admin" }))
        .await
        .is(Denial::Forbidden);
    ada.patch(&path, json!({ "role": "admin" }))
        .await
        .is(Denial::Forbidden);
    eve.delete(&path).await.is(Denial::Forbidden);
    house
        .client
        .get("/v1/users")
        .await
        .is(Denial::SignInRequired);
    let change = json!({ "role": "admin", "display_name": "Ada" });
    let me: Value = ada.patch("/v1/me", change).await.json();
    assert_eq!(
        (&me["display_name"], &me["role"]),
        (&json!("Ada"), &json!("user"))
    );
    assert_eq!(
        admin.get("/v1/users").await.json::<Value>()["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

pub async fn two_changes_of_the_same_conflict(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let made = admin.post("/v1/users", json!({ "name": "ada" })).await;
    let tag = made.header("etag").unwrap().to_owned();
    let id = made.json::<Value>()["id"].clone();
    let path = format!("/v1/users/{}", id.as_str().unwrap());
    let change = async |name: &str, tag: &str| {
        let request = admin.request("PATCH", &path).header("if-match", tag);
        request.json(&json!({ "display_name": name })).send().await
    };
    let first = change("first", &tag).await;
    assert_eq!(first.status, 200);
    let now = first.header("etag").unwrap().to_owned();
    assert_ne!(now, tag);
    change("second", &tag)
        .await
        .is_with_status(Denial::Conflict, 412);
    change("second", "nonsense")
        .await
        .is_with_status(Denial::Conflict, 412);
    let read = admin.get(&path).await;
    assert_eq!(read.header("etag"), Some(now.as_str()));
    assert_eq!(read.json::<Value>()["display_name"], "first");
    assert_eq!(change("second", &now).await.status, 200);
}

/// Two see the same and change it at once: who is second fails the condition, whether that
/// shows when it is checked or when it is written.
pub async fn of_two_changes_at_once_one_fails_its_condition(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let made = admin.post("/v1/users", json!({ "name": "ada" })).await;
    let id = made.json::<Value>()["id"].clone();
    let path = format!("/v1/users/{}", id.as_str().unwrap());
    for round in 0..10 {
        let tag = admin.get(&path).await.header("etag").unwrap().to_owned();
        let change = async |name: String| {
            let request = admin.request("PATCH", &path).header("if-match", &tag);
            request.json(&json!({ "display_name": name })).send().await
        };
        let (one, other) = tokio::join!(
            change(format!("one {round}")),
            change(format!("other {round}"))
        );
        let late = if one.status == 200 { other } else { one };
        late.is_with_status(Denial::Conflict, 412);
    }
}

pub async fn lists_come_in_pages(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    for name in ["b", "d", "a", "c"] {
        house.user(name).await;
    }
    let mut names = Vec::new();
    let mut path = "/v1/users?limit=2".to_owned();
    loop {
        let page: Value = admin.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        names.extend(
            items
                .iter()
                .map(|it| it["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/users?limit=2&cursor={next}");
    }
    assert_eq!(names, ["a", "admin", "b", "c", "d"]);
    for wrong in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=-1",
        "cursor=%00",
        "cursor=!",
    ] {
        admin
            .get(&format!("/v1/users?{wrong}"))
            .await
            .is(Denial::BadRequest);
    }
}

pub async fn nobody_takes_their_own_rights_away(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let id = admin.get("/v1/me").await.json::<Value>()["id"].clone();
    let path = format!("/v1/users/{}", id.as_str().unwrap());
    admin.delete(&path).await.is(Denial::Conflict);
    admin
        .patch(&path, json!({ "role": "user" }))
        .await
        .is(Denial::Conflict);
    admin
        .patch(&path, json!({ "disabled": true }))
        .await
        .is(Denial::Conflict);
    assert_eq!(
        admin
            .patch(&path, json!({ "display_name": "Root" }))
            .await
            .status,
        200
    );
}
