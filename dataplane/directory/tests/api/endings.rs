//! What zones are told of meetings that were ended.

use plenum_directory::model::Revision;
use plenum_wire::directory::{EndedMeeting, ReportAnswer, TokenClaims};
use serde_json::{Value, json};

use crate::house::{House, Place, Zone, config, meeting, until};
use crate::http::Client;

async fn end(host: &Client, number: &str) {
    let path = format!("/v1/meetings/{number}/end");
    let ended = host.request("POST", &path).send().await;
    assert_eq!(ended.status, 200, "{}", ended.text());
}

/// What a zone is told that has nobody in any meeting.
async fn told(zone: &Zone) -> Vec<EndedMeeting> {
    let answer = zone.client.put(&zone.path(), zone.saying(json!({}))).await;
    answer.json::<ReportAnswer>().ended
}

async fn until_told(zone: &Zone, numbers: &[&str]) -> Vec<EndedMeeting> {
    until(async || {
        let told = told(zone).await;
        let names: Vec<&str> = told.iter().map(|it| it.meeting.as_str()).collect();
        let all = numbers.iter().all(|number| names.contains(number));
        (all && names.len() == numbers.len()).then_some(told)
    })
    .await
}

/// When the token of a lookup was made, in Unix seconds.
async fn issued(house: &House, number: &str) -> u64 {
    let lookup = house.client.look_up(json!({ "meeting": number })).await;
    let lookup: Value = lookup.json();
    let token = lookup["token"].as_str().unwrap();
    let claims: TokenClaims = jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap();
    claims.iat
}

pub async fn every_zone_is_told_of_it_and_since_when(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let ada = house.user("ada").await;
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    let over = meeting(&admin, json!({})).await;
    let deleted = meeting(&admin, json!({})).await;
    let goes_on = meeting(&admin, json!({})).await;
    let of_ada = meeting(&ada, json!({})).await;
    let before = issued(&house, &over).await;
    assert_eq!(told(&zone).await, []);

    end(&admin, &over).await;
    let path = format!("/v1/meetings/{deleted}");
    assert_eq!(admin.delete(&path).await.status, 204);
    let account = house.store().account_named(&"ada".parse().unwrap()).await;
    let path = format!("/v1/users/{}", account.unwrap().id);
    assert_eq!(admin.delete(&path).await.status, 204);

    let first = until_told(&zone, &[&over, &deleted, &of_ada]).await;
    for ended in &first {
        assert!(before < ended.at, "{ended:?}");
        assert!(ended.at < issued(&house, &goes_on).await + 60, "{ended:?}");
    }
    // Ended once is ended.
    end(&admin, &over).await;
    assert_eq!(told(&zone).await, first);
}

pub async fn a_replica_tells_of_what_it_hears(place: Place) {
    let primary = House::open(&place).await;
    let admin = primary.admin().await;
    let mut zone = primary.zone(&admin, "eu.main", json!({})).await;
    let (over, deleted) = (
        meeting(&admin, json!({})).await,
        meeting(&admin, json!({})).await,
    );
    let own = Place::sqlite();
    let replica = own.store().await;
    let page = primary.store().changes(Revision(0), 1_000).await.unwrap();
    replica.apply(&page).await.unwrap();
    end(&admin, &over).await;
    let path = format!("/v1/meetings/{deleted}");
    assert_eq!(admin.delete(&path).await.status, 204);
    let page = primary.store().changes(page.next, 1_000).await.unwrap();
    replica.apply(&page).await.unwrap();
    let read_only = plenum_directory::api::Config {
        read_only: true,
        ..config()
    };
    let house = House::with(&own, read_only).await;
    zone.client = house.client.with(zone.client.bearer.as_ref().unwrap());
    until_told(&zone, &[&over, &deleted]).await;
}
