//! In which zone a meeting begins: before any zone has said that it runs there, those who come
//! are sent to one.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, Zone, meeting, until, zones};
use crate::http::Client;

/// Two zones, each of which was given the network of one of the two people who come.
struct Two {
    house: House,
    admin: Client,
    east: Zone,
    west: Zone,
}

impl Two {
    async fn at(place: &Place) -> Self {
        let house = House::open(place).await;
        let admin = house.admin().await;
        let given = |network: &str| json!({ "networks": [network] });
        let east = house.zone(&admin, "east", given("127.0.0.8/32")).await;
        let west = house.zone(&admin, "west", given("127.0.0.9/32")).await;
        Self {
            house,
            admin,
            east,
            west,
        }
    }

    /// Somebody in the network of the zone in the east.
    fn eastern(&self) -> Client {
        self.house.client.from(8)
    }

    fn western(&self) -> Client {
        self.house.client.from(9)
    }
}

/// The zones that are offered, the first first, and those of them where the meeting is said to be.
async fn told(client: &Client, number: &str) -> (Vec<String>, Vec<String>) {
    let lookup: Value = client.look_up(json!({ "meeting": number })).await.json();
    let offers = lookup["zones"].as_array().unwrap();
    let hosts = offers.iter().filter(|offer| offer["hosts"] == true);
    let hosts = hosts.map(|offer| offer["zone"].as_str().unwrap().to_owned());
    let all = zones(&lookup).into_iter().map(str::to_owned);
    (all.collect(), hosts.collect())
}

fn all_go_to(first: &str, second: &str) -> (Vec<String>, Vec<String>) {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    (names(&[first, second]), names(&[first]))
}

pub async fn the_first_one_decides_for_all(place: Place) {
    let two = Two::at(&place).await;
    let number = meeting(&two.admin, json!({})).await;
    let (eastern, western) = (two.eastern(), two.western());
    for client in [&eastern, &western, &two.house.client] {
        assert_eq!(told(client, &number).await, all_go_to("east", "west"));
    }
    let another = meeting(&two.admin, json!({})).await;
    for client in [&western, &eastern] {
        assert_eq!(told(client, &another).await, all_go_to("west", "east"));
    }
}

pub async fn who_comes_at_once_from_two_places_comes_together(place: Place) {
    let two = Two::at(&place).await;
    let (eastern, western) = (two.eastern(), two.western());
    for _ in 0..5 {
        let number = meeting(&two.admin, json!({})).await;
        let (one, other) = tokio::join!(told(&eastern, &number), told(&western, &number));
        assert_eq!(one, other);
        assert_eq!(one.1, one.0[..1]);
    }
}

pub async fn whichever_process_is_asked(place: Place) {
    let two = Two::at(&place).await;
    let another = House::open(&place).await;
    let western = another.client.from(9);
    // It knows both zones.
    let known = meeting(&two.admin, json!({})).await;
    until(async || (told(&western, &known).await.0.len() == 2).then_some(())).await;
    let number = meeting(&two.admin, json!({})).await;
    let eastern = two.eastern();
    for client in [&eastern, &western, &eastern] {
        assert_eq!(told(client, &number).await, all_go_to("east", "west"));
    }
}

pub async fn who_waited_for_the_host_follows_the_host(place: Place) {
    let two = Two::at(&place).await;
    let number = meeting(&two.admin, json!({ "join_before_host": false })).await;
    let (eastern, western) = (two.eastern(), two.western());
    let ask = json!({ "meeting": number });
    for guest in [&eastern, &western] {
        guest.look_up(ask.clone()).await.is(Denial::NotYet);
    }
    let host = Client {
        bearer: two.admin.bearer.clone(),
        ..two.western()
    };
    for client in [&host, &eastern, &western] {
        assert_eq!(told(client, &number).await, all_go_to("west", "east"));
    }
}

pub async fn it_begins_elsewhere_when_that_zone_takes_no_more(place: Place) {
    let two = Two::at(&place).await;
    let (eastern, western) = (two.eastern(), two.western());
    for no_more in [json!({ "participants": 200 }), json!({ "routers": 0 })] {
        two.east.report(json!({})).await;
        two.east.until_state(&two.admin, "healthy").await;
        let number = meeting(&two.admin, json!({})).await;
        assert_eq!(told(&eastern, &number).await, all_go_to("east", "west"));
        two.east.report(no_more).await;
        let elsewhere = async || (told(&western, &number).await.0[0] == "west").then_some(());
        until(elsewhere).await;
        assert_eq!(told(&eastern, &number).await.0[0], "west");
    }
}

pub async fn what_runs_decides_over_what_was_to_be(place: Place) {
    let two = Two::at(&place).await;
    let number = meeting(&two.admin, json!({})).await;
    let eastern = two.eastern();
    assert_eq!(told(&eastern, &number).await, all_go_to("east", "west"));
    // The first of it could not reach that zone.
    let runs = |people: u32| json!({ "meetings": [{ "meeting": number, "participants": people }] });
    two.west.report(runs(1)).await;
    let west = all_go_to("west", "east");
    until(async || (told(&eastern, &number).await == west).then_some(())).await;
}

pub async fn newcomers_go_to_the_larger_part_of_a_meeting_in_two_zones(place: Place) {
    let two = Two::at(&place).await;
    let number = meeting(&two.admin, json!({})).await;
    let runs = |people: u32| json!({ "meetings": [{ "meeting": number, "participants": people }] });
    two.east.report(runs(2)).await;
    two.west.report(runs(3)).await;
    let (eastern, west) = (two.eastern(), all_go_to("west", "east"));
    until(async || (told(&eastern, &number).await == west).then_some(())).await;
}

/// Without a file of places and networks by hand only their own test of the network can tell.
pub async fn of_whom_no_place_is_known_the_client_decides(place: Place) {
    let two = Two::at(&place).await;
    let number = meeting(&two.admin, json!({})).await;
    assert_eq!(told(&two.house.client, &number).await.1, [""; 0]);
    assert_eq!(
        told(&two.western(), &number).await,
        all_go_to("west", "east")
    );
    assert_eq!(
        told(&two.house.client, &number).await,
        all_go_to("west", "east"),
        "until somebody was sent to one"
    );
}

/// With one zone there is nothing to decide, and nothing is written.
pub async fn one_zone_is_no_question(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "only", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    assert_eq!(told(&house.client, &number).await.0, ["only"]);
    let late = json!({ "networks": ["127.0.0.0/8"] });
    house.zone(&admin, "late", late).await;
    assert_eq!(
        told(&house.client, &number).await,
        all_go_to("late", "only")
    );
}
