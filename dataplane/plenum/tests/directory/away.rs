//! The directory dies, and comes back.

use serde_json::json;

use crate::house::{House, look_up, meeting, token, zone_until};
use crate::voices::Conversation;
use crate::zone::{FAILED, HEARD, Zone, offer};

#[tokio::test]
async fn nobody_in_a_meeting_notices_and_nothing_is_lost() {
    let mut house = House::open().await;
    let admin = house.admin().await;
    let zone = Zone::open("site.main", &house).await;
    let number = meeting(&admin).await;
    let token = token(&house.web(), &number).await;
    let mut conversation = Conversation::begin(&[&house], &number).await;
    conversation.goes_on(20).await;
    house.die().await;
    let controller = zone.controller();
    controller.counts_beyond(FAILED, 1).await;
    conversation.goes_on(50).await;
    assert_eq!(conversation.interruptions(), 0);
    // Who has a token comes in, and back in by the ticket without one.
    let mine = offer(zone.join(&number, Some(&token), None).await);
    let again = offer(zone.join(&number, None, Some(&mine)).await);
    assert_eq!(again.participant, mine.participant);

    let before = controller.metric(HEARD).await;
    house.start().await;
    controller.counts_beyond(HEARD, before + 1).await;
    conversation.goes_on(20).await;
    assert_eq!(conversation.interruptions(), 0);
    zone_until(&admin, "site.main", |zone| zone["participants"] == 2).await;
    let lookup = look_up(&house.web(), &number).await;
    assert_eq!(lookup["title"], "Tea", "the meeting is there");
    assert_eq!(lookup["zones"][0]["hosts"], json!(true), "and runs");
    let log = controller.log();
    assert_eq!(
        log.matches("the directory does not hear").count(),
        1,
        "{log}"
    );
    assert_eq!(log.matches("the directory hears again").count(), 1, "{log}");
}

#[tokio::test]
async fn who_loses_their_router_meanwhile_comes_back() {
    let mut house = House::open().await;
    let admin = house.admin().await;
    let mut zone = Zone::open("site.main", &house).await;
    let number = meeting(&admin).await;
    let mut conversation = Conversation::begin(&[&house], &number).await;
    conversation.goes_on(20).await;
    house.die().await;
    zone.add_router().await;
    zone.router_dies(0).await;
    conversation.comes_back().await;
    conversation.goes_on(20).await;
}
