//! In which zone a meeting begins: before any zone has said that it runs there, those who come
//! are sent to the one that the first of them named.

use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, Zone, meeting, until, zones};
use crate::http::Client;

/// Two zones, of which the directory says east first to everybody.
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
        let all = json!({ "networks": ["127.0.0.0/8"] });
        let east = house.zone(&admin, "east", all).await;
        let west = house.zone(&admin, "west", json!({})).await;
        Self {
            house,
            admin,
            east,
            west,
        }
    }
}

/// What somebody is told.
#[derive(Debug, PartialEq)]
struct Told {
    /// The zones that are offered, the first first.
    zones: Vec<String>,
    /// Those of them where the meeting is said to be.
    hosts: Vec<String>,
    /// Whether they are to name one.
    nowhere: bool,
}

async fn ask(client: &Client, question: Value) -> Told {
    let lookup: Value = client.look_up(question).await.json();
    let offers = lookup["zones"].as_array().unwrap();
    let hosts = offers.iter().filter(|offer| offer["hosts"] == true);
    let hosts = hosts.map(|offer| offer["zone"].as_str().unwrap().to_owned());
    Told {
        zones: zones(&lookup).into_iter().map(str::to_owned).collect(),
        hosts: hosts.collect(),
        nowhere: lookup["nowhere"] == true,
    }
}

async fn told(client: &Client, number: &str) -> Told {
    ask(client, json!({ "meeting": number })).await
}

/// What who has chosen that zone is told.
async fn naming(zone: &str, client: &Client, number: &str) -> Told {
    ask(client, json!({ "meeting": number, "begin_in": zone })).await
}

fn choose_one() -> Told {
    Told {
        zones: vec!["east".to_owned(), "west".to_owned()],
        hosts: vec![],
        nowhere: true,
    }
}

fn all_go_to(first: &str, second: &str) -> Told {
    Told {
        zones: vec![first.to_owned(), second.to_owned()],
        hosts: vec![first.to_owned()],
        nowhere: false,
    }
}

pub async fn the_zone_that_is_named_first_is_where_all_go(place: Place) {
    let two = Two::at(&place).await;
    let client = &two.house.client;
    let number = meeting(&two.admin, json!({})).await;
    assert_eq!(told(client, &number).await, choose_one());
    let west = || all_go_to("west", "east");
    assert_eq!(naming("west", client, &number).await, west());
    assert_eq!(naming("east", client, &number).await, west());
    assert_eq!(
        told(client, &number).await,
        west(),
        "who has not chosen yet"
    );
    let another = meeting(&two.admin, json!({})).await;
    assert_eq!(
        naming("east", client, &another).await,
        all_go_to("east", "west")
    );
}

/// Programs of before do so, those that only look, and people who never come.
pub async fn who_names_no_zone_decides_nothing(place: Place) {
    let two = Two::at(&place).await;
    let client = &two.house.client;
    let number = meeting(&two.admin, json!({})).await;
    for _ in 0..3 {
        assert_eq!(told(client, &number).await, choose_one());
    }
    assert_eq!(
        naming("west", client, &number).await,
        all_go_to("west", "east")
    );
}

pub async fn who_comes_at_once_comes_together(place: Place) {
    let two = Two::at(&place).await;
    let (one, other) = (two.house.client.from(8), two.house.client.from(9));
    for _ in 0..5 {
        let number = meeting(&two.admin, json!({})).await;
        let (first, second) = tokio::join!(told(&one, &number), told(&other, &number));
        assert_eq!((first, second), (choose_one(), choose_one()));
        let (first, second) = tokio::join!(
            naming("east", &one, &number),
            naming("west", &other, &number)
        );
        assert_eq!(first, second);
        assert_eq!(first.hosts, first.zones[..1]);
    }
}

pub async fn whichever_process_is_asked(place: Place) {
    let two = Two::at(&place).await;
    let another = House::open(&place).await;
    let number = meeting(&two.admin, json!({})).await;
    // It knows both zones.
    let knows = async || (told(&another.client, &number).await == choose_one()).then_some(());
    until(knows).await;
    let west = || all_go_to("west", "east");
    assert_eq!(naming("west", &two.house.client, &number).await, west());
    assert_eq!(told(&another.client, &number).await, west());
    assert_eq!(naming("east", &another.client, &number).await, west());
}

pub async fn who_waited_for_the_host_follows_the_host(place: Place) {
    let two = Two::at(&place).await;
    let number = meeting(&two.admin, json!({ "join_before_host": false })).await;
    let guest = &two.house.client;
    let names = json!({ "meeting": number, "begin_in": "east" });
    guest.look_up(names).await.is(Denial::NotYet);
    assert_eq!(told(&two.admin, &number).await, choose_one());
    let west = || all_go_to("west", "east");
    assert_eq!(naming("west", &two.admin, &number).await, west());
    assert_eq!(told(guest, &number).await, west());
}

pub async fn it_begins_elsewhere_when_that_zone_takes_no_more(place: Place) {
    let two = Two::at(&place).await;
    let client = &two.house.client;
    for no_more in [json!({ "participants": 200 }), json!({ "routers": 0 })] {
        two.east.report(json!({})).await;
        two.east.until_state(&two.admin, "healthy").await;
        let number = meeting(&two.admin, json!({})).await;
        let named = naming("east", client, &number).await;
        assert_eq!(named, all_go_to("east", "west"));
        two.east.report(no_more).await;
        until(async || told(client, &number).await.hosts.is_empty().then_some(())).await;
        let west = naming("west", client, &number).await;
        assert_eq!(west.zones[0], "west");
        assert_eq!(told(client, &number).await.zones[0], "west");
    }
}

pub async fn what_runs_decides_over_what_was_named(place: Place) {
    let two = Two::at(&place).await;
    let number = meeting(&two.admin, json!({})).await;
    let client = &two.house.client;
    let east = all_go_to("east", "west");
    assert_eq!(naming("east", client, &number).await, east);
    // The first of it could not reach that zone.
    let runs = |people: u32| json!({ "meetings": [{ "meeting": number, "participants": people }] });
    two.west.report(runs(1)).await;
    let west = || all_go_to("west", "east");
    until(async || (told(client, &number).await == west()).then_some(())).await;
    assert_eq!(naming("east", client, &number).await, west());
}

pub async fn newcomers_go_to_the_larger_part_of_a_meeting_in_two_zones(place: Place) {
    let two = Two::at(&place).await;
    let number = meeting(&two.admin, json!({})).await;
    let runs = |people: u32| json!({ "meetings": [{ "meeting": number, "participants": people }] });
    two.east.report(runs(2)).await;
    two.west.report(runs(3)).await;
    let (client, west) = (&two.house.client, all_go_to("west", "east"));
    until(async || (told(client, &number).await == west).then_some(())).await;
}

pub async fn only_who_is_let_in_names_a_zone_and_one_that_is_offered(place: Place) {
    let two = Two::at(&place).await;
    let client = &two.house.client;
    let number = meeting(&two.admin, json!({ "passcode": "314159" })).await;
    let right =
        |begin_in: &str| json!({ "meeting": number, "passcode": "314159", "begin_in": begin_in });
    let wrong = json!({ "meeting": number, "passcode": "1", "begin_in": "west" });
    client.look_up(wrong).await.is(Denial::WrongPasscode);
    assert_eq!(ask(client, right("nobodys")).await, choose_one());
    assert_eq!(ask(client, right("east")).await, all_go_to("east", "west"));
}

/// With one zone there is nothing to decide, and nothing is written.
pub async fn one_zone_is_no_question(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "east", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let alone = naming("east", &house.client, &number).await;
    assert_eq!((alone.hosts, alone.nowhere), (vec![], false));
    let late = house.zone(&admin, "west", json!({ "weight": 0 })).await;
    late.until_state(&admin, "healthy").await;
    until(async || (told(&house.client, &number).await == choose_one()).then_some(())).await;
}
