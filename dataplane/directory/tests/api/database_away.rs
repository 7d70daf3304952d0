//! `PostgreSQL` goes away and comes back. Meanwhile the directory stays ready, and says when to ask
//! again.

use std::path::PathBuf;

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, meeting, until, zones};
use crate::postgres::Postgres;

pub async fn errors_while_it_is_away_and_all_well_after(programs: PathBuf) {
    let mut postgres = Postgres::start(programs);
    let place = Place::that_goes_away(postgres.database());
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let ask = json!({ "meeting": number });

    postgres.crash();
    until(async || house.metrics().contains("database_up 0\n").then_some(())).await;
    house
        .client
        .look_up(ask.clone())
        .await
        .is(Denial::Unavailable);
    admin.get("/v1/me").await.is(Denial::Unavailable);
    admin
        .post("/v1/meetings", json!({ "kind": "instant" }))
        .await
        .is(Denial::Unavailable);
    let report = zone.client.put(&zone.path(), zone.saying(json!({}))).await;
    report.is(Denial::Unavailable);
    assert!(
        !report.text().contains("postgres"),
        "nobody is told of the database"
    );
    let keys = house.client.get("/.well-known/jwks.json").await;
    assert_eq!(keys.status, 200, "what is known is shown");

    assert!(
        *house.ready.borrow(),
        "it can answer, which is what it is there for"
    );

    postgres.go();
    until(async || house.metrics().contains("database_up 1\n").then_some(())).await;
    let lookup: Value = until(async || {
        let answer = house.client.look_up(ask.clone()).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(
        zones(&lookup),
        ["eu.main"],
        "that it could not report is not its fault"
    );
}
