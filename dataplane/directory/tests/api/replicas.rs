//! What replicas may read, and what they answer.

use plenum_directory::model::AccountRole;
use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, config, meeting};

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

pub async fn a_replica_answers_and_changes_nothing(place: Place) {
    let number = {
        let house = House::open(&place).await;
        let admin = house.admin().await;
        house.zone(&admin, "eu.main", json!({})).await;
        meeting(&admin, json!({})).await
    };
    let mut config = config();
    config.read_only = true;
    let house = House::with(&place, config).await;
    let lookup = house.client.look_up(json!({ "meeting": number })).await;
    assert_eq!(lookup.status, 200, "{}", lookup.text());
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
