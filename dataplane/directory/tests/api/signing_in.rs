//! Sessions and API tokens.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place};
use crate::http::Client;

const PASSWORD: &str = "correct horse";

async fn ada(admin: &Client) -> Value {
    let user = json!({ "name": "ada", "display_name": "Ada", "password": PASSWORD });
    admin.post("/v1/users", user).await.json()
}

async fn sign_in(house: &House, password: &str) -> Client {
    let body = json!({ "name": "ada", "password": password });
    let begun: Value = house.client.post("/v1/sessions", body).await.json();
    assert_eq!(begun["account"]["name"], "ada");
    house.client.with(begun["token"].as_str().unwrap())
}

pub async fn a_session_begins_and_ends(place: Place) {
    let house = House::open(&place).await;
    ada(&house.admin().await).await;
    let (one, other) = (
        sign_in(&house, PASSWORD).await,
        sign_in(&house, PASSWORD).await,
    );
    assert!(one.bearer.as_ref().unwrap().starts_with("pls_"));
    let me: Value = one.get("/v1/me").await.json();
    assert_eq!(me["display_name"], "Ada");
    let sessions: Value = one.get("/v1/sessions").await.json();
    let sessions = sessions["items"].as_array().unwrap();
    let current: Vec<_> = sessions.iter().filter(|it| it["current"] == true).collect();
    assert_eq!((sessions.len(), current.len()), (2, 1));
    let text = serde_json::to_string(&sessions).unwrap();
    assert!(!text.contains(one.bearer.as_ref().unwrap().trim_start_matches("pls_")));
    let others = sessions.iter().find(|it| it["current"] == false).unwrap();
    let path = format!("/v1/sessions/{}", others["id"].as_str().unwrap());
    assert_eq!(one.delete(&path).await.status, 204);
    other.get("/v1/me").await.is(Denial::SignInRequired);
    assert_eq!(one.delete("/v1/sessions/current").await.status, 204);
    one.get("/v1/me").await.is(Denial::SignInRequired);
}

pub async fn a_wrong_password_and_no_account_look_alike(place: Place) {
    let house = House::open(&place).await;
    ada(&house.admin().await).await;
    let mut answers = Vec::new();
    for name in ["ada", "nobody", "Not A Name", ""] {
        let body = json!({ "name": name, "password": "wrong" });
        let answer = house.client.post("/v1/sessions", body).await;
        answer.is(Denial::SignInRequired);
        assert!(answer.header("www-authenticate").is_some());
        answers.push(answer.text());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let long = json!({ "name": "ada", "password": "x".repeat(300) });
    house
        .client
        .post("/v1/sessions", long)
        .await
        .is(Denial::BadRequest);
}

pub async fn a_new_password_ends_sessions(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let id = ada(&admin).await["id"].as_str().unwrap().to_owned();
    let session = sign_in(&house, PASSWORD).await;
    let wrong = json!({ "old": "wrong", "new": "another horse" });
    session
        .put("/v1/me/password", wrong)
        .await
        .is(Denial::Forbidden);
    let short = json!({ "old": PASSWORD, "new": "short" });
    session
        .put("/v1/me/password", short)
        .await
        .is(Denial::BadRequest);
    let change = json!({ "old": PASSWORD, "new": "another horse" });
    assert_eq!(session.put("/v1/me/password", change).await.status, 204);
    session.get("/v1/me").await.is(Denial::SignInRequired);
    let session = sign_in(&house, "another horse").await;
    let path = format!("/v1/users/{id}/password");
    assert_eq!(
        admin
            .put(&path, json!({ "password": "third horse" }))
            .await
            .status,
        204
    );
    session.get("/v1/me").await.is(Denial::SignInRequired);
    sign_in(&house, "third horse").await;
}

pub async fn api_tokens_are_made_and_revoked(place: Place) {
    let house = House::open(&place).await;
    let ada = house.user("ada").await;
    let body = json!({ "label": "calendar", "days": 30 });
    let made: Value = ada.post("/v1/api-tokens", body).await.json();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("plm_") && made["expires"].is_string());
    let program = house.client.with(token);
    assert_eq!(program.get("/v1/me").await.json::<Value>()["name"], "ada");
    let listed: Value = ada.get("/v1/api-tokens").await.json();
    let id = made["id"].as_str().unwrap();
    let as_session = ada.delete(&format!("/v1/sessions/{id}")).await;
    as_session.is(Denial::NotFound);
    assert!(
        !listed
            .to_string()
            .contains(token.trim_start_matches("plm_"))
    );
    let path = format!("/v1/api-tokens/{}", made["id"].as_str().unwrap());
    house
        .user("eve")
        .await
        .delete(&path)
        .await
        .is(Denial::NotFound);
    assert_eq!(ada.delete(&path).await.status, 204);
    program.get("/v1/me").await.is(Denial::SignInRequired);
    for wrong in [
        json!({ "label": "x".repeat(129) }),
        json!({ "label": "a", "days": 0 }),
    ] {
        ada.post("/v1/api-tokens", wrong)
            .await
            .is(Denial::BadRequest);
    }
}

pub async fn what_was_never_issued_opens_nothing(place: Place) {
    let house = House::open(&place).await;
    let ada = house.user("ada").await;
    let token = ada.bearer.clone().unwrap();
    let id = ada.get("/v1/api-tokens").await.json::<Value>()["items"][0]["id"].clone();
    let secret = token.trim_start_matches("plm_");
    for forged in [
        String::new(),
        secret.to_owned(),
        format!("pls_{secret}"),
        format!("plz_{secret}"),
        format!("plm_{}", &secret[1..]),
        format!("plm_{}", id.as_str().unwrap()),
        format!("plm_{}", "x".repeat(4_000)),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.".to_owned(),
    ] {
        let answer = house.client.with(&forged).get("/v1/me").await;
        answer.is(Denial::SignInRequired);
    }
    let basic = house
        .client
        .request("GET", "/v1/me")
        .header("authorization", "Basic YTpi");
    basic.send().await.is(Denial::SignInRequired);
    let two = ada.request("GET", "/v1/me");
    let two = two.header("authorization", "Bearer other");
    two.send().await.is(Denial::SignInRequired);
    let lower = house.client.request("GET", "/v1/me");
    let lower = lower.header("authorization", &format!("bearer {token}"));
    assert_eq!(
        lower.send().await.status,
        200,
        "RFC 9110, section 11.1: any case"
    );
}

/// Somebody who had it for a while has made a token that has no end, and is left nothing.
pub async fn an_administrator_takes_away_what_a_thief_has(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let id = ada(&admin).await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/users/{id}");
    let stolen = async || {
        let session = sign_in(&house, PASSWORD).await;
        let made = session.post("/v1/api-tokens", json!({ "label": "calendar" }));
        let made: Value = made.await.json();
        [house.client.with(made["token"].as_str().unwrap()), session]
    };
    let lost = async |stolen: &[Client]| {
        for client in stolen {
            client.get("/v1/me").await.is(Denial::SignInRequired);
        }
    };

    let first = stolen().await;
    let logins = format!("{path}/logins");
    first[0].delete(&logins).await.is(Denial::Forbidden);
    assert_eq!(admin.delete(&logins).await.status, 204);
    lost(&first).await;
    let nobody = format!("/v1/users/{}/logins", "0".repeat(32));
    admin.delete(&nobody).await.is(Denial::NotFound);

    let second = stolen().await;
    for disabled in [true, false] {
        let changed = admin.patch(&path, json!({ "disabled": disabled })).await;
        assert_eq!(changed.status, 200);
        lost(&second).await;
    }
    sign_in(&house, PASSWORD).await;
}
