//! Meetings, as their hosts see them.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, meeting};

pub async fn a_meeting_is_made_changed_and_deleted(place: Place) {
    let house = House::open(&place).await;
    let ada = house.user("ada").await;
    let made = ada
        .post("/v1/meetings", json!({ "kind": "instant", "title": "Tea" }))
        .await;
    assert_eq!(made.status, 201);
    let tag = made.header("etag").unwrap().to_owned();
    let made: Value = made.json();
    assert_eq!(
        (&made["access"], &made["waiting_room"]),
        (&json!("anyone"), &json!(false))
    );
    let path = format!("/v1/meetings/{}", made["id"].as_str().unwrap());
    let change = json!({ "title": null, "waiting_room": true, "passcode": "sesame" });
    let changed: Value = ada.patch(&path, change.clone()).await.json();
    assert_eq!(
        (&changed["title"], &changed["waiting_room"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(changed["passcode"], "sesame", "shown to who set it");
    let stale = ada
        .request("PATCH", &path)
        .header("if-match", &tag)
        .json(&change);
    stale.send().await.is_with_status(Denial::Conflict, 412);
    let read: Value = ada.get(&path).await.json();
    assert!(read["passcode"].is_null() && read["has_passcode"] == true);
    let listed: Value = ada.get("/v1/meetings").await.json();
    assert_eq!(listed["items"][0]["id"], made["id"]);
    let open: Value = ada.patch(&path, json!({ "passcode": null })).await.json();
    assert_eq!(open["has_passcode"], false);
    assert_eq!(ada.delete(&path).await.status, 204);
    ada.get(&path).await.is(Denial::NotFound);
}

pub async fn a_series_tells_its_times(place: Place) {
    let house = House::open(&place).await;
    let ada = house.user("ada").await;
    let times = json!({
        "start": "2027-03-22T09:00:00", "zone": "Europe/Berlin", "minutes": 30,
        "rule": "FREQ=WEEKLY;COUNT=4", "except": ["2027-04-05T09:00:00"],
    });
    let number = meeting(&ada, json!({ "kind": "scheduled", "times": times })).await;
    let path = format!("/v1/meetings/{number}/occurrences?from=2027-03-01T00:00:00Z&limit=9");
    let listed: Value = ada.get(&path).await.json();
    let starts: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["start"])
        .collect();
    // At nine also after the clocks were changed.
    let expected = [
        "2027-03-22T08:00:00Z",
        "2027-03-29T07:00:00Z",
        "2027-04-12T07:00:00Z",
    ];
    assert_eq!(starts, expected);
    let read: Value = ada.get(&format!("/v1/meetings/{number}")).await.json();
    assert_eq!(read["times"]["rule"], "FREQ=WEEKLY;COUNT=4");
    let path = format!("/v1/meetings/{number}/occurrences");
    for wrong in ["from=yesterday", "limit=0", "limit=501"] {
        ada.get(&format!("{path}?{wrong}"))
            .await
            .is(Denial::BadRequest);
    }
}

pub async fn what_is_no_meeting_is_refused(place: Place) {
    let house = House::open(&place).await;
    let ada = house.user("ada").await;
    let times = |zone: &str, minutes: u32, rule: Value| {
        let start = "2027-03-22T09:00:00";
        let times = json!({ "start": start, "zone": zone, "minutes": minutes, "rule": rule });
        json!({ "kind": "scheduled", "times": times })
    };
    let expecting = |people: Value| {
        let mut lecture = times("UTC", 30, Value::Null);
        lecture["times"]["expected"] = people;
        lecture
    };
    for wrong in [
        json!({}),
        json!({ "kind": "daily" }),
        json!({ "kind": "scheduled" }),
        json!({ "kind": "instant", "times": times("UTC", 30, Value::Null)["times"] }),
        json!({ "kind": "instant", "title": "two\nlines" }),
        json!({ "kind": "instant", "passcode": "abc" }),
        json!({ "kind": "instant", "hosts": ["nobody"] }),
        json!({ "kind": "instant", "hosts": vec!["0".repeat(32); 1_001] }),
        times("Mars/Olympus", 30, Value::Null),
        times("UTC", 0, Value::Null),
        times("UTC", 70_000, Value::Null),
        times("UTC", 30, "FREQ=SECONDLY".into()),
        times("UTC", 30, "nonsense".into()),
        expecting(json!(0)),
        expecting(json!(5_001)),
        expecting(json!(70_000)),
        expecting(json!(-1)),
        expecting(json!("many")),
    ] {
        let answer = ada.post("/v1/meetings", wrong.clone()).await;
        answer.is(Denial::BadRequest);
    }
    ada.get("/v1/meetings/nonsense").await.is(Denial::NotFound);
    ada.get("/v1/meetings/%ff").await.is(Denial::NotFound);
}

pub async fn people_are_named_as_they_are_known(place: Place) {
    let house = House::open(&place).await;
    let (ada, bob) = (house.user("ada").await, house.user("bob").await);
    let called = json!({ "email": "bob@example.org", "display_name": "Bob Example" });
    let me: Value = bob.patch("/v1/me", called).await.json();
    let shown = json!({ "id": me["id"], "name": "bob", "display_name": "Bob Example" });
    for called in [json!("bob"), me["id"].clone()] {
        let named = json!({ "kind": "instant", "hosts": [called], "invited": [called, "bob"] });
        let made: Value = ada.post("/v1/meetings", named).await.json();
        assert_eq!(made["hosts"], json!([shown]), "{called}");
        assert_eq!(made["invited"], json!([shown]), "{called}");
        assert_eq!(made["owner"]["name"], "ada");
        let path = format!("/v1/meetings/{}", made["id"].as_str().unwrap());
        let read: Value = ada.get(&path).await.json();
        assert_eq!(read["hosts"], json!([shown]));
    }
    let listed: Value = bob.get("/v1/meetings").await.json();
    assert_eq!(listed["items"][0]["owner"]["display_name"], "ada");
}

pub async fn who_is_invited_does_not_see_who_else_is(place: Place) {
    let house = House::open(&place).await;
    let (ada, bob) = (house.user("ada").await, house.user("bob").await);
    let (host, _eve) = (house.user("host").await, house.user("eve").await);
    let wishes = json!({ "hosts": ["host"], "invited": ["bob", "eve"] });
    let number = meeting(&ada, wishes).await;
    let path = format!("/v1/meetings/{number}");
    for (client, seen) in [
        (&ada, vec!["bob", "eve"]),
        (&host, vec!["bob", "eve"]),
        (&bob, vec!["bob"]),
    ] {
        let read: Value = client.get(&path).await.json();
        let listed: Value = client.get("/v1/meetings").await.json();
        for meeting in [&read, &listed["items"][0]] {
            assert_eq!(meeting["owner"]["name"], "ada");
            assert_eq!(meeting["hosts"][0]["name"], "host");
            let invited = meeting["invited"].as_array().unwrap().iter();
            let invited: Vec<_> = invited.map(|it| it["name"].as_str().unwrap()).collect();
            assert_eq!(invited, seen);
        }
    }
    assert_eq!(
        house.admin().await.get(&path).await.json::<Value>()["invited"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

pub async fn who_is_not_there_is_not_invited(place: Place) {
    let house = House::open(&place).await;
    let (admin, ada) = (house.admin().await, house.user("ada").await);
    let (bob, _eve) = (house.user("bob").await, house.user("eve").await);
    // An address is what its owner wrote, and nobody has checked it: it names nobody.
    let mail = json!({ "email": "bob@example.org" });
    assert_eq!(bob.patch("/v1/me", mail).await.status, 200);
    let number = meeting(&ada, json!({ "invited": ["bob"] })).await;
    let path = format!("/v1/meetings/{number}");
    let nobody = "0".repeat(32);
    for unknown in [
        "bobo",
        "bob@example.org",
        "Bob",
        nobody.as_str(),
        "",
        "a\0b",
    ] {
        let refused = ada
            .patch(&path, json!({ "invited": ["bob", unknown] }))
            .await;
        refused.is(Denial::BadRequest);
        let detail = refused.problem().detail;
        let named = format!("\"invited\": no account goes by [{unknown:?}]");
        assert!(detail.starts_with(&named), "{detail}");
    }
    // Who has gone since is not shown, and keeps nobody from changing the rest.
    let read: Value = ada.get(&path).await.json();
    let id = read["invited"][0]["id"].as_str().unwrap().to_owned();
    let removed = admin.delete(&format!("/v1/users/{id}")).await;
    assert_eq!(removed.status, 204);
    let read: Value = ada.get(&path).await.json();
    assert_eq!(read["invited"], json!([]));
    let changed = ada.patch(&path, json!({ "invited": [id, "eve"] })).await;
    assert_eq!(changed.json::<Value>()["invited"][0]["name"], "eve");
}

pub async fn others_see_nothing_of_it(place: Place) {
    let house = House::open(&place).await;
    let (ada, eve, guest) = (
        house.user("ada").await,
        house.user("eve").await,
        house.user("guest").await,
    );
    let id = guest.get("/v1/me").await.json::<Value>()["id"].clone();
    let number = meeting(&ada, json!({ "invited": [id] })).await;
    let path = format!("/v1/meetings/{number}");
    eve.get(&path).await.is(Denial::NotFound);
    eve.patch(&path, json!({ "title": "Mine" }))
        .await
        .is(Denial::NotFound);
    eve.delete(&path).await.is(Denial::NotFound);
    eve.request("POST", &format!("{path}/end"))
        .send()
        .await
        .is(Denial::NotFound);
    assert_eq!(
        eve.get("/v1/meetings").await.json::<Value>()["items"],
        json!([])
    );
    assert_eq!(
        guest.get(&path).await.status,
        200,
        "who is invited may read it"
    );
    guest
        .patch(&path, json!({ "title": "Mine" }))
        .await
        .is(Denial::NotFound);
    house.client.get(&path).await.is(Denial::SignInRequired);
    // Nor that it is there: in no word is a number that exists told from one that does not.
    for under in ["", "/waiting", "/occurrences"] {
        let (there, nowhere) = (format!("{path}{under}"), format!("/v1/meetings/999{under}"));
        let unknown = format!("/v1/meetings/100000000{under}");
        let [there, nowhere, unknown] = [
            eve.get(&there).await,
            eve.get(&nowhere).await,
            eve.get(&unknown).await,
        ];
        assert_eq!(there.text(), unknown.text());
        assert_eq!(there.text(), nowhere.text());
    }
}
