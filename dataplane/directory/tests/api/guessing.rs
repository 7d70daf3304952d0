//! Guessing is slow, and tells nothing.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use plenum_directory::api::Config;
use plenum_wire::directory::Denial;
use serde_json::json;

use crate::house::{self, House, Place, meeting};
use crate::http::Answer;

/// Wrong guesses that one address has before it has to wait.
const FREE: u64 = 20;
/// Wrong guesses about one meeting that all addresses of the world have together.
const FREE_FOR_ALL: u64 = 1_000;
/// How long each further one takes.
const EACH: Duration = Duration::from_secs(30);

/// Guesses until nothing is looked at any more, and will not be for a while. Says how many
/// guesses were looked at.
async fn exhaust(mut guess: impl AsyncFnMut(u64) -> Answer, wrong: Denial) {
    let began = Instant::now();
    let mut looked_at = 0;
    for number in 0.. {
        let answer = guess(number).await;
        if answer.problem().code == Denial::TooManyRequests {
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            if wait > EACH.as_secs() / 2 {
                break;
            }
            continue;
        }
        answer.is(wrong);
        looked_at += 1;
    }
    // However slow the machine is: one more each 30 s.
    let most = FREE + 1 + began.elapsed().as_secs() / EACH.as_secs();
    assert!((FREE..=most).contains(&looked_at), "{looked_at} of {most}");
}

pub async fn passcodes_cannot_be_tried_for_long(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({ "passcode": "314159" })).await;
    let ask = |passcode: &str| json!({ "meeting": number, "passcode": passcode });
    let guesser = house.client.from(2);
    let guess = async |number: u64| guesser.look_up(ask(&format!("{number:06}"))).await;
    exhaust(guess, Denial::WrongPasscode).await;
    guesser
        .look_up(ask("314159"))
        .await
        .is(Denial::TooManyRequests);
    let other = json!({ "meeting": "123456789" });
    guesser.look_up(other).await.is(Denial::TooManyRequests);
    let honest = house.client.from(3);
    assert_eq!(
        honest.look_up(ask("314159")).await.status,
        200,
        "others are not locked out"
    );
    assert_eq!(
        admin.from(2).look_up(ask("")).await.status,
        200,
        "nor are hosts"
    );
    assert!(
        house
            .metrics()
            .contains("wrong_guesses_total{kind=\"passcode\"}")
    );
}

/// By a proxy that is believed, so that each guess comes from a network of its own.
pub async fn all_addresses_together_have_so_many_guesses(place: Place) {
    let proxied = Config {
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..house::config()
    };
    let house = House::with(&place, proxied).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({ "passcode": "314159" })).await;
    let from = |network: u32, passcode: &str| {
        let address = Ipv4Addr::from(0x0a00_0001 + (network << 8));
        let request = house.client.request("POST", "/v1/lookup");
        let request = request.header("x-forwarded-for", &address.to_string());
        request.json(&json!({ "meeting": number, "passcode": passcode }))
    };
    assert_eq!(from(0, "314159").send().await.status, 200);
    let began = Instant::now();
    let mut guesses: Vec<_> = (1..=1_200).map(|it| from(it, "000000")).collect();
    guesses.push(from(2_000, "314159"));
    let mut answers = house.client.send_all(guesses).await;
    answers.pop().unwrap().is(Denial::TooManyRequests);
    let wrong = |answer: &&Answer| answer.problem().code == Denial::WrongPasscode;
    let looked_at = answers.iter().filter(wrong).count() as u64;
    let most = FREE_FOR_ALL + 1 + began.elapsed().as_secs() / EACH.as_secs();
    assert!((FREE_FOR_ALL..=most).contains(&looked_at), "{looked_at}");
    let before = from(0, "314159").send().await;
    assert_eq!(before.status, 200, "who was let in before is let in");
}

pub async fn meetings_cannot_be_enumerated(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let secret = meeting(&admin, json!({ "passcode": "314159" })).await;
    let guesser = house.client.from(2);
    let guess = async |guess: u64| {
        let number = (100_000_000 + guess).to_string();
        guesser.look_up(json!({ "meeting": number })).await
    };
    exhaust(guess, Denial::UnknownMeeting).await;
    // A meeting that is there and one that is not look alike from now on.
    let signed_in = house.user("eve").await.from(2);
    for number in [secret.as_str(), "100000099", "nobody", "not.a.meeting-_"] {
        for client in [&guesser, &signed_in] {
            let answer = client.look_up(json!({ "meeting": number })).await;
            answer.is(Denial::TooManyRequests);
        }
    }
}

/// By inviting whoever may be there.
pub async fn accounts_cannot_be_enumerated(place: Place) {
    let house = House::open(&place).await;
    let (ada, eve) = (house.user("ada").await, house.user("eve").await);
    let number = meeting(&eve, json!({ "invited": ["ada"] })).await;
    let path = format!("/v1/meetings/{number}");
    let guess = async |name: u64| {
        let invite = json!({ "invited": ["ada", format!("user{name}")] });
        eve.patch(&path, invite).await
    };
    exhaust(guess, Denial::BadRequest).await;
    // Whatever address they come from, and whether the name is right.
    let invite = json!({ "kind": "instant", "invited": ["ada"] });
    let right = eve.from(3).post("/v1/meetings", invite.clone()).await;
    right.is(Denial::TooManyRequests);
    let other = ada.post("/v1/meetings", invite).await;
    assert_eq!(other.status, 201);
    let rest = eve.patch(&path, json!({ "title": "Tea" })).await;
    assert_eq!(rest.status, 200, "what names nobody goes on");
    // Many in one request are as many, and of no more is it said which they are.
    let names: Vec<_> = (0..=FREE).map(|name| format!("user{name}")).collect();
    let many = json!({ "kind": "instant", "invited": names });
    let answer = ada.post("/v1/meetings", many.clone()).await;
    answer.is(Denial::BadRequest);
    let detail = answer.problem().detail;
    assert!(
        detail.contains("\"user0\"") && detail.contains("\"user19\""),
        "{detail}"
    );
    assert!(
        !detail.contains("\"user20\"") && detail.contains("there are more"),
        "{detail}"
    );
    // Administrators are shown everybody anyway.
    let admin = house.admin().await;
    for _ in 0..2 {
        let answer = admin.post("/v1/meetings", many.clone()).await;
        answer.is(Denial::BadRequest);
        let detail = answer.problem().detail;
        assert!(
            detail.contains("\"user20\"") && !detail.contains("there are more"),
            "{detail}"
        );
    }
    let invite = json!({ "kind": "instant", "invited": ["ada"] });
    assert_eq!(admin.post("/v1/meetings", invite).await.status, 201);
}

pub async fn passwords_cannot_be_tried_for_long(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let user = json!({ "name": "ada", "password": "correct horse" });
    assert_eq!(admin.post("/v1/users", user).await.status, 201);
    let guesser = house.client.from(2);
    let ask = |password: &str| json!({ "name": "ada", "password": password });
    let guess = async |number: u64| guesser.post("/v1/sessions", ask(&number.to_string())).await;
    exhaust(guess, Denial::SignInRequired).await;
    let refused = guesser.post("/v1/sessions", ask("correct horse")).await;
    refused.is(Denial::TooManyRequests);
    let honest = house
        .client
        .from(3)
        .post("/v1/sessions", ask("correct horse"))
        .await;
    assert_eq!(honest.status, 201, "the owner is not locked out");
}

/// Each takes its time to look at, so all of them have come before the first is known to be wrong.
pub async fn parallel_passwords_are_no_more(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let user = json!({ "name": "ada", "password": "correct horse" });
    assert_eq!(admin.post("/v1/users", user).await.status, 201);
    let began = Instant::now();
    let guesses = (0..50).map(|guess| {
        let client = house.client.from(2);
        let body = json!({ "name": "ada", "password": format!("wrong {guess}") });
        tokio::spawn(async move { client.post("/v1/sessions", body).await })
    });
    let mut wrong = 0;
    for guess in guesses.collect::<Vec<_>>() {
        let code = guess.await.unwrap().problem().code;
        wrong += u64::from(code == Denial::SignInRequired);
    }
    let most = FREE + 1 + began.elapsed().as_secs() / EACH.as_secs();
    // Fewer where so many at once were too many for the machine.
    assert!(wrong <= most, "{wrong} of {most}");
    // Whoever is right costs nothing.
    for _ in 0..3 {
        let right = json!({ "name": "ada", "password": "correct horse" });
        let answer = house.client.from(3).post("/v1/sessions", right).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}

/// All at the hour, from one address, and nobody mistypes: who has to wait is not taken for
/// somebody who guesses.
pub async fn an_office_signs_in_at_once(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let user = json!({ "name": "ada", "password": "correct horse" });
    assert_eq!(admin.post("/v1/users", user.clone()).await.status, 201);
    let people = (0..2 * FREE).map(|_| {
        let (client, user) = (house.client.from(2), user.clone());
        tokio::spawn(async move { client.post("/v1/sessions", user).await })
    });
    let mut signed_in = 0;
    for person in people.collect::<Vec<_>>() {
        let answer = person.await.unwrap();
        if answer.status == 201 {
            signed_in += 1;
        } else {
            // So many at once may be too many for the machine, which is another matter.
            answer.is(Denial::Unavailable);
        }
    }
    assert!(signed_in > 0);
}

pub async fn parallel_guesses_are_no_more(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({ "passcode": "314159" })).await;
    let began = Instant::now();
    let guesses = (0..3 * FREE).map(|guess| {
        let (client, number) = (house.client.from(2), number.clone());
        tokio::spawn(async move {
            let passcode = format!("{guess:06}");
            client
                .look_up(json!({ "meeting": number, "passcode": passcode }))
                .await
        })
    });
    let mut wrong = 0;
    for guess in guesses.collect::<Vec<_>>() {
        let code = guess.await.unwrap().problem().code;
        wrong += u64::from(code == Denial::WrongPasscode);
    }
    let most = FREE + 1 + began.elapsed().as_secs() / EACH.as_secs();
    assert!((FREE..=most).contains(&wrong), "{wrong} of {most}");
}
