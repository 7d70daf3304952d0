//! A site with a replica of its own, and a directory far away that dies.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::house::{House, look_up, meeting, token, zone_until};
use crate::programs::{plenum, refused, until};
use crate::voices::Conversation;
use crate::web::Web;
use crate::zone::{HEARD, Zone, offer};

/// How long the directory is away at least, and how many meetings there are meanwhile.
struct Absence {
    lasts: Duration,
    meetings: usize,
}

/// People of each meeting who stay from before to after, beside the one who speaks.
const LISTENERS: usize = 2;

/// A short one; `make away` takes longer.
fn absence() -> Absence {
    let Ok(seconds) = std::env::var("PLENUM_AWAY_S") else {
        return Absence {
            lasts: Duration::from_secs(3),
            meetings: 2,
        };
    };
    Absence {
        lasts: Duration::from_secs(seconds.parse().unwrap()),
        meetings: 6,
    }
}

/// Whoever the token says, at another door.
fn at(house: &House, somebody: &Web) -> Web {
    house.web().with(somebody.bearer().unwrap())
}

#[tokio::test]
async fn people_join_by_the_replica_while_the_directory_is_away() {
    let mut cloud = House::open().await;
    let admin = cloud.admin().await;
    let Absence { lasts, meetings } = absence();
    let mut numbers = Vec::new();
    for _ in 0..meetings {
        numbers.push(meeting(&admin).await);
    }
    let number = numbers[0].clone();
    let mut replica = House::replica_of(&cloud).await;
    let mut zone = Zone::new("site.main");
    zone.set_credential(&cloud.credential("site.main").await);
    zone.start(&[&cloud, &replica]);
    zone.add_router().await;
    let from_cloud = token(&cloud.web(), &number).await;
    let from_replica = token(&replica.web(), &number).await;
    offer(zone.join(&number, Some(&from_replica), None).await);
    let mut conversations = Vec::new();
    for number in &numbers {
        let houses = [&cloud, &replica];
        conversations.push(Conversation::with(LISTENERS, &houses, number).await);
    }
    go_on(&mut conversations, 20).await;

    cloud.die().await;
    let began = Instant::now();
    // Everything else starts anew meanwhile, and goes by what the replica knows.
    replica.die().await;
    replica.start().await;
    zone.controller_dies().await;
    zone.start(&[&cloud, &replica]);
    zone.router_is_back().await;
    zone.controller().counts_beyond(HEARD, 0).await;
    offer(zone.join(&number, Some(&from_cloud), None).await);
    let mut joined = 0;
    while joined < 2 || began.elapsed() < lasts {
        let number = &numbers[joined % meetings];
        let mut later = Conversation::begin(&[&cloud, &replica], number).await;
        later.goes_on(5).await;
        go_on(&mut conversations, 10).await;
        joined += 1;
    }
    nothing_is_changed(&at(&replica, &admin)).await;

    cloud.start().await;
    let before = zone.controller().metric(HEARD).await;
    zone.controller().counts_beyond(HEARD, before + 2).await;
    zone_until(&admin, "site.main", |zone| zone["participants"] != 0).await;
    let lookup = look_up(&cloud.web(), &number).await;
    assert_eq!(lookup["zones"][0]["hosts"], true, "{lookup}");
    let new = meeting(&admin).await;
    known(&at(&replica, &admin), &new, true).await;
    let token = token(&replica.web(), &new).await;
    offer(zone.join(&new, Some(&token), None).await);
    go_on(&mut conversations, 10).await;
    for conversation in &conversations {
        conversation.is_unharmed();
    }
}

/// Returns when everybody has heard so many more packets.
async fn go_on(conversations: &mut [Conversation], packets: u64) {
    for conversation in conversations {
        conversation.goes_on(packets).await;
    }
}

/// What a replica answers to those who want something changed.
async fn nothing_is_changed(admin: &Web) {
    let listed = admin.get("/v1/meetings").await.good();
    for (path, body) in [
        ("/v1/meetings", json!({ "kind": "instant" })),
        ("/v1/users", json!({ "name": "bob" })),
        (
            "/v1/sessions",
            json!({ "name": "ada", "password": "12345678" }),
        ),
    ] {
        let answer = admin.post(path, &body).await;
        answer.is(503, "read_only");
        assert!(answer.retry_after.is_some(), "{answer:?}");
    }
    assert_eq!(admin.get("/v1/meetings").await.good(), listed);
}

/// Returns when a directory knows the meeting, or knows it no longer.
async fn known(admin: &Web, meeting: &str, known: bool) {
    let path = format!("/v1/meetings/{meeting}");
    let wanted = |status| match status {
        200 => known,
        // Nobody is told whether there is one that they may not see.
        403 | 404 => !known,
        other => panic!("{other}"),
    };
    until(async || wanted(admin.get(&path).await.status).then_some(())).await;
}

#[tokio::test]
async fn the_directory_publishes_the_keys_of_its_replicas() {
    let cloud = House::open().await;
    cloud.admin().await;
    let replica = House::replica_of(&cloud).await;
    let keys = async |house: &House| -> Vec<Value> {
        let set = house.web().get("/.well-known/jwks.json").await.good();
        set["keys"].as_array().unwrap().clone()
    };
    let here = until(async || Some(keys(&replica).await).filter(|keys| keys.len() == 2)).await;
    let there = until(async || Some(keys(&cloud).await).filter(|keys| keys.len() == 2)).await;
    assert_eq!(here, there, "each knows its own and the other's");
}

#[tokio::test]
async fn a_directory_that_was_set_back_is_followed_all_the_same() {
    let mut cloud = House::open().await;
    let admin = cloud.admin().await;
    let kept = meeting(&admin).await;
    let replica = House::replica_of(&cloud).await;
    let there = at(&replica, &admin);
    known(&there, &kept, true).await;
    cloud.die().await;
    cloud.backup();
    cloud.start().await;
    let lost = meeting(&admin).await;
    known(&there, &lost, true).await;
    cloud.die().await;
    cloud.restore();
    cloud.start().await;
    let new = meeting(&admin).await;
    known(&there, &new, true).await;
    known(&there, &lost, false).await;
    known(&there, &kept, true).await;
}

#[tokio::test]
async fn a_replica_is_let_into_no_database_but_its_own() {
    let mut cloud = House::open().await;
    cloud.admin().await;
    let mut replica = House::replica_of(&cloud).await;
    replica.die().await;
    let mut own = plenum(&["directory", "--self-signed", "--listen", "127.0.0.1:0"]);
    own.arg("--data-dir").arg(replica.data());
    let said = refused(own).await;
    assert!(said.contains("is a replica's"), "{said}");
    cloud.die().await;
    let mut follower = plenum(&["directory", "--self-signed", "--listen", "127.0.0.1:0"]);
    follower
        .args(replica.more())
        .arg("--data-dir")
        .arg(cloud.data());
    let said = refused(follower).await;
    assert!(said.contains("is a directory's own"), "{said}");
}

#[tokio::test]
async fn another_authority_of_the_directory_needs_no_restart() {
    let mut cloud = House::open().await;
    let admin = cloud.admin().await;
    let replica = House::replica_of(&cloud).await;
    let number = meeting(&admin).await;
    known(&at(&replica, &admin), &number, true).await;
    cloud.die().await;
    // The file that the replica was given is the directory's own.
    for file in ["ca.crt", "ca.key"] {
        std::fs::remove_file(cloud.data().join(file)).unwrap();
    }
    cloud.start().await;
    let new = meeting(&at(&cloud, &admin)).await;
    known(&at(&replica, &admin), &new, true).await;
}
