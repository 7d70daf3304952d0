//! What cannot be answered is said in one form, and costs nothing.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place};

pub async fn what_is_not_there_is_said(place: Place) {
    let house = House::open(&place).await;
    for path in [
        "/",
        "/v1",
        "/v1/lookup/",
        "/v2/lookup",
        "/v1//lookup",
        "/%00",
        "/v1/users/%2e%2e",
    ] {
        let answer = house.client.get(path).await;
        assert!([401, 404].contains(&answer.problem().status), "{path}");
    }
    let get = house.client.get("/v1/lookup").await;
    get.is_with_status(Denial::BadRequest, 405);
    assert_eq!(get.header("allow"), Some("POST"));
    let strange = house.client.request("BREW", "/v1/me").send().await;
    strange.is_with_status(Denial::BadRequest, 405);
    let admin = house.admin().await;
    for id in ["1", "ffffffffffffffffffffffffffffffff", "%ff", "x%20y"] {
        admin
            .get(&format!("/v1/users/{id}"))
            .await
            .is(Denial::NotFound);
        admin
            .get(&format!("/v1/zones/{id}"))
            .await
            .is(Denial::NotFound);
        admin
            .delete(&format!("/v1/api-tokens/{id}"))
            .await
            .is(Denial::NotFound);
    }
}

pub async fn what_cannot_be_read_is_said(place: Place) {
    let house = House::open(&place).await;
    let post = || house.client.request("POST", "/v1/lookup");
    let json = || post().header("content-type", "application/json");
    let deep = "[".repeat(60_000);
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\"text\"",
        "{\"meeting\":7}",
        "{\"meeting\":\"a b\"}",
        "\u{feff}{}",
        &deep,
    ] {
        json().body(body).send().await.is(Denial::BadRequest);
    }
    json()
        .body(vec![0xff, 0xfe])
        .send()
        .await
        .is(Denial::BadRequest);
    let body = json!({ "meeting": "123456789" }).to_string();
    post()
        .body(body.clone())
        .send()
        .await
        .is_with_status(Denial::BadRequest, 415);
    let form = post().header("content-type", "application/x-www-form-urlencoded");
    form.body(body.clone())
        .send()
        .await
        .is_with_status(Denial::BadRequest, 415);
    let charset = post().header("content-type", "Application/JSON; charset=utf-8");
    charset.body(body).send().await.is(Denial::UnknownMeeting);
    // Nor is what zones say, which may be longer.
    let zone = house.zone(&house.admin().await, "eu.main", json!({})).await;
    let report = || zone.client.request("PUT", &zone.path());
    let said = zone.saying(json!({}));
    let unnamed = report().body(said.to_string()).send().await;
    unnamed.is_with_status(Denial::BadRequest, 415);
    let other = report().json(&json!({})).send().await;
    other.is(Denial::BadRequest);
    assert_eq!(report().json(&said).send().await.status, 200);
}

pub async fn what_is_too_large_is_not_read(place: Place) {
    let house = House::open(&place).await;
    let request = |bytes: usize| {
        let request = house.client.request("POST", "/v1/lookup");
        let body = format!(
            "{{\"meeting\":\"123456789\",\"name\":\"{}\"}}",
            "x".repeat(bytes)
        );
        request
            .header("content-type", "application/json")
            .body(body)
    };
    request(70_000)
        .send()
        .await
        .is_with_status(Denial::BadRequest, 413);
    request(200).send().await.is(Denial::BadRequest);
    request(20).send().await.is(Denial::UnknownMeeting);
    let long = house.client.with(&"x".repeat(7_000)).get("/v1/me").await;
    long.is(Denial::SignInRequired);
}

pub async fn a_request_has_a_name(place: Place) {
    let house = House::open(&place).await;
    let named = house
        .client
        .request("GET", "/v1/me")
        .header("x-request-id", "trace-7.a_b");
    assert_eq!(
        named.send().await.header("x-request-id"),
        Some("trace-7.a_b")
    );
    for wrong in ["", "a b", "<script>", &"x".repeat(65)] {
        let answer = house
            .client
            .request("GET", "/v1/me")
            .header("x-request-id", wrong);
        let answer = answer.send().await;
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() == 32 && id != wrong, "{id}");
    }
    let answer = house.client.get("/none").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

pub async fn too_many_requests_are_refused(place: Place) {
    let house = House::open(&place).await;
    let ada = house.user("ada").await;
    // Over one connection, so that asking costs little: the limit grows by 20 a second.
    let answers = ada.get_often("/v1/me", 1_500).await;
    let answered = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(answered >= 500, "{answered}");
    let refused = answers.iter().find(|answer| answer.status != 200);
    refused.expect("a limit").is(Denial::TooManyRequests);
    let other: Value = house.user("eve").await.get("/v1/me").await.json();
    assert_eq!(other["name"], "eve");
}
