//! From a meeting's number to its media, and who is refused on the way.

use serde_json::{Value, json};

use crate::house::{House, look_up, meeting, token, zone_until};
use crate::programs::{plenum, printed};
use crate::voices::Conversation;
use crate::zone::{HEARD, Zone, offer};

#[tokio::test]
async fn who_knows_the_number_is_in() {
    let house = House::open().await;
    let admin = house.admin().await;
    let number = meeting(&admin).await;
    let question = json!({ "meeting": number });
    let nowhere = house.web().post("/v1/lookup", &question).await;
    nowhere.is(503, "no_zone");
    assert!(nowhere.retry_after.is_some(), "{nowhere:?}");

    let zone = Zone::open("site.main", &house).await;
    let lookup = look_up(&house.web(), &number).await;
    let offered = &lookup["zones"][0];
    assert_eq!(offered["zone"], "site.main");
    assert_eq!(offered["controllers"], json!([zone.url()]));
    assert!(zone.controller().metric(HEARD).await > 0);

    let mut join = plenum(&["join", "--output", "json", "--for", "1"]);
    join.args(["--directory", &house.url(), "--meeting", &number]);
    let report = printed({
        join.arg("--ca").arg(house.authority());
        join
    })
    .await;
    assert_eq!(report["zone"], "site.main", "{report}");
    assert_eq!(report["route"], "direct", "{report}");
    assert!(report["steps"]["lookup_ms"].is_u64(), "{report}");
}

#[tokio::test]
async fn the_directory_knows_what_runs() {
    let house = House::open().await;
    let admin = house.admin().await;
    let zone = Zone::open("site.main", &house).await;
    let number = meeting(&admin).await;
    let mut conversation = Conversation::begin(&[&house], &number).await;
    conversation.goes_on(10).await;
    let known = zone_until(&admin, "site.main", |zone| zone["participants"] == 2).await;
    assert_eq!(known["state"], "healthy");
    assert_eq!(known["controllers"], json!([zone.url()]));
    let lookup = look_up(&house.web(), &number).await;
    assert_eq!(lookup["zones"][0]["hosts"], true, "{lookup}");
}

#[tokio::test]
async fn a_token_opens_its_meeting_in_its_zone_and_nothing_else() {
    let house = House::open().await;
    let admin = house.admin().await;
    let zone = Zone::open("site.main", &house).await;
    let (one, other) = (meeting(&admin).await, meeting(&admin).await);
    let token = token(&house.web(), &one).await;
    offer(zone.join(&one, Some(&token), None).await);
    let elsewhere = zone.join(&other, Some(&token), None).await;
    elsewhere.is(403, "forbidden");
    zone.join(&one, None, None).await.is(401, "token_required");

    // Another zone, which goes by the same keys.
    let jwks: Value = house.web().get("/.well-known/jwks.json").await.good();
    let mut another = Zone::new("site.other");
    another.start_with_keys(&jwks);
    another.add_router().await;
    let foreign = another.join(&one, Some(&token), None).await;
    foreign.is(403, "forbidden");
}
