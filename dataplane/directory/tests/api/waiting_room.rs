//! A host lets people in.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, meeting};

pub async fn a_host_lets_one_in_and_refuses_another(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({ "waiting_room": true })).await;
    let knock = async |name: &str| {
        let first = house
            .client
            .look_up(json!({ "meeting": number, "name": name }))
            .await;
        first.is(Denial::WaitingForHost);
        first.problem().waiting.expect("a proof")
    };
    let again = async |proof: &str| {
        house
            .client
            .look_up(json!({ "meeting": number, "waiting": proof }))
            .await
    };
    let (ann, bob) = (knock("Ann").await, knock("Bob").await);
    let still = again(&ann).await;
    still.is(Denial::WaitingForHost);
    assert_eq!(
        still.problem().waiting.as_deref(),
        Some(ann.as_str()),
        "the same place"
    );

    let path = format!("/v1/meetings/{number}/waiting");
    let room: Value = admin.get(&path).await.json();
    let names: Vec<_> = room["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["Ann", "Bob"], "asking again is no second place");
    let decide = async |index: usize, decision: &str| {
        let id = room["items"][index]["id"].as_str().unwrap();
        admin
            .put(&format!("{path}/{id}"), json!({ "decision": decision }))
            .await
    };
    assert_eq!(decide(0, "admit").await.status, 200);
    assert_eq!(decide(1, "refuse").await.status, 200);
    assert_eq!(again(&ann).await.status, 200);
    assert_eq!(
        again(&ann).await.status,
        200,
        "and when the connection broke"
    );
    again(&bob).await.is(Denial::Refused);

    let stranger = house.user("stranger").await;
    stranger.get(&path).await.is(Denial::NotFound);
    let knocks = stranger.look_up(json!({ "meeting": number })).await;
    knocks.is(Denial::WaitingForHost);
    let room: Value = admin.get(&path).await.json();
    let first = &room["items"][0];
    assert_eq!(first["state"], "waiting", "who waits is before the decided");
    let account = &first["account"];
    assert_eq!(account["name"], "stranger", "who signed in is known");
    house.client.get(&path).await.is(Denial::SignInRequired);
}

pub async fn a_proof_of_another_meeting_opens_nothing(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let one = meeting(&admin, json!({ "waiting_room": true })).await;
    let other = meeting(&admin, json!({ "waiting_room": true })).await;
    let waits = house.client.look_up(json!({ "meeting": one })).await;
    let proof = waits.problem().waiting.unwrap();
    let path = format!("/v1/meetings/{one}/waiting");
    let room: Value = admin.get(&path).await.json();
    let id = room["items"][0]["id"].as_str().unwrap();
    admin
        .put(&format!("{path}/{id}"), json!({ "decision": "admit" }))
        .await;
    for forged in [proof.as_str(), id, "", &"x".repeat(5_000)] {
        let answer = house
            .client
            .look_up(json!({ "meeting": other, "waiting": forged }))
            .await;
        answer.is(Denial::WaitingForHost);
        assert_ne!(answer.problem().waiting.as_deref(), Some(forged));
    }
}
