//! A host ends a meeting, or deletes it.

use axum::http::Method;
use plenum_client::{Ending, Event, Session};
use serde_json::{Value, json};

use crate::house::{House, meeting, token};
use crate::programs::{plenum, printed, until, within};
use crate::voices::{Conversation, entrance};
use crate::web::Web;
use crate::zone::{Zone, offer};

/// Somebody's speech.
const VOICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/alice.ogg");

async fn join(houses: &[&House], number: &str) -> Session {
    let joined = within(Session::join(entrance(houses, number))).await;
    joined.unwrap()
}

/// How it ends for somebody who is in it, and that they do not try to come back first.
async fn ending(mut session: Session) -> Ending {
    within(async {
        loop {
            match session.next_event().await.unwrap() {
                Event::Ended(ending) => return ending,
                Event::Reconnecting { reason } => panic!("{reason}"),
                _ => {}
            }
        }
    })
    .await
}

async fn end(host: &Web, number: &str) {
    let path = format!("/v1/meetings/{number}/end");
    host.post(&path, &json!({})).await.good();
}

#[tokio::test]
async fn whoever_is_in_a_meeting_that_is_ended_is_told_so_and_nobody_gets_in_again() {
    let house = House::open().await;
    let admin = house.admin().await;
    let mut zone = Zone::open("site.main", &house).await;
    let (number, other) = (meeting(&admin).await, meeting(&admin).await);
    let mut elsewhere = Conversation::begin(&[&house], &other).await;
    let people = [
        join(&[&house], &number).await,
        join(&[&house], &number).await,
    ];
    let token = token(&house.web(), &number).await;
    let before = offer(zone.join(&number, Some(&token), None).await);

    end(&admin, &number).await;
    for person in people {
        assert_eq!(ending(person).await, Ending::MeetingEnded);
    }
    let refused = async |zone: &Zone| {
        let by_token = zone.join(&number, Some(&token), None).await;
        let by_ticket = zone.join(&number, None, Some(&before)).await;
        [by_token, by_ticket].map(|it| (it.status, it.body["code"].clone()))
    };
    let over = || (403, json!("meeting_ended"));
    assert_eq!(refused(&zone).await, [over(), over()]);
    let question = json!({ "meeting": number });
    let told = house.web().post("/v1/lookup", &question).await;
    told.is(410, "over");

    // A controller that starts anew is told again.
    zone.controller_dies().await;
    zone.start(&[&house]);
    zone.router_is_back().await;
    until(async || (refused(&zone).await == [over(), over()]).then_some(())).await;
    elsewhere.goes_on(20).await;
    assert_eq!(elsewhere.interruptions(), 0);
}

#[tokio::test]
async fn a_program_whose_meeting_is_ended_has_done_its_work() {
    let house = House::open().await;
    let admin = house.admin().await;
    let _zone = Zone::open("site.main", &house).await;
    let number = meeting(&admin).await;
    let mut witness = join(&[&house], &number).await;
    let mut attending = plenum(&["join", "--output", "json", "--meeting", &number, "--loop"]);
    attending.arg("--directory").arg(house.url());
    attending.arg("--ca").arg(house.authority());
    attending.arg("--audio").arg(VOICE);
    let ending = async {
        // Whoever speaks has all that it takes to be in.
        let speaks = |event: &Event| matches!(event, Event::TrackAdded(_));
        while !speaks(&within(witness.next_event()).await.unwrap()) {}
        end(&admin, &number).await;
    };
    let (report, ()) = tokio::join!(printed(attending), ending);
    assert_eq!(report["meeting_ended"], true);
}

#[tokio::test]
async fn a_zone_that_reports_to_a_replica_alone_hears_of_it_there() {
    let cloud = House::open().await;
    let admin = cloud.admin().await;
    let number = meeting(&admin).await;
    let replica = House::replica_of(&cloud).await;
    let mut zone = Zone::new("site.main");
    zone.set_credential(&cloud.credential("site.main").await);
    zone.start(&[&replica]);
    zone.add_router().await;
    let person = join(&[&replica], &number).await;
    let path = format!("/v1/meetings/{number}");
    let deleted = admin.ask(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(deleted.unwrap().status, 204);
    assert_eq!(ending(person).await, Ending::MeetingEnded);
}
