//! A directory that starts again knows its zones before they have reported.

use serde_json::{Value, json};

use crate::house::{House, Place, meeting, zones};

pub async fn lookups_go_on_through_a_restart(place: Place) {
    let (number, admin) = {
        let house = House::open(&place).await;
        let admin = house.admin().await;
        house.zone(&admin, "eu.main", json!({})).await;
        let number = meeting(&admin, json!({})).await;
        let lookup: Value = house
            .client
            .look_up(json!({ "meeting": number }))
            .await
            .json();
        assert_eq!(zones(&lookup), ["eu.main"]);
        (number, admin.bearer.unwrap())
    };
    let house = House::open(&place).await;
    let lookup: Value = house
        .client
        .look_up(json!({ "meeting": number }))
        .await
        .json();
    assert_eq!(zones(&lookup), ["eu.main"]);
    assert_eq!(house.client.with(&admin).get("/v1/me").await.status, 200);
    let keys: Value = house.client.get("/.well-known/jwks.json").await.json();
    assert_eq!(
        keys["keys"].as_array().unwrap().len(),
        1,
        "the key is the same"
    );
}
