//! Words of a directory that it never said, those that it said for others, and those that are said
//! again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use plenum::zc::Directory;
use plenum_wire::join::{Offer, Refusal};
use plenum_zone::admission::Admission;
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::api::{jwks, now};
use crate::support::{Answer, Controller, FakeRouter, ask, ed25519};

/// A zone that goes by a directory's tokens, and the directory's keys.
struct Zone {
    controller: Controller,
    directory: KeyPair,
    _router: FakeRouter,
}

impl Zone {
    async fn start() -> Self {
        Self::of(ed25519()).await
    }

    async fn of(directory: KeyPair) -> Self {
        let known = Directory::default();
        known.learn(serde_json::from_str(&jwks("d1", directory.public_key_raw())).unwrap());
        let admission = Admission::Directory {
            zone: "test.zone".parse().unwrap(),
        };
        let mut controller = Controller::start(admission, known).await;
        let router = controller.router("router-a", 10).await;
        controller.until_routed().await;
        Self {
            controller,
            directory,
            _router: router,
        }
    }

    /// What is signed and with which head, as the directory would sign it.
    fn signed(&self, head: &Value, claims: &Value) -> String {
        let text = unsigned(head, claims);
        let pem = self.directory.serialize_pem();
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::EdDSA);
        format!("{text}.{}", signature.unwrap())
    }

    async fn join(&self, token: &str) -> Answer {
        let header = format!("authorization: Bearer {token}\r\n");
        self.controller.join_with("standup", "", &header).await
    }

    async fn refuses(&self, what: &str, token: &str) {
        let answer = self.join(token).await;
        let code = answer.problem().code;
        assert_eq!((answer.status, code), (403, Refusal::Forbidden), "{what}");
    }
}

fn head() -> Value {
    json!({ "alg": "EdDSA", "typ": "JWT", "kid": "d1" })
}

fn claims() -> Value {
    json!({
        "iss": "https://meet.example.org", "sub": "ada", "aud": ["test.zone"],
        "meeting": "standup", "role": "participant",
        "iat": now(), "exp": now() + 600, "jti": "1",
    })
}

/// A copy with some fields otherwise; `null` takes one away.
fn but(mut whole: Value, otherwise: &Value) -> Value {
    let fields = whole.as_object_mut().unwrap();
    for (name, value) in otherwise.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    whole
}

fn unsigned(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    format!("{}.{}", part(head), part(claims))
}

#[tokio::test]
async fn another_way_to_sign_is_none() {
    let zone = Zone::start().await;
    let good = zone.signed(&head(), &claims());
    assert_eq!(zone.join(&good).await.status, 200);
    for alg in ["none", "None", "nOnE", ""] {
        let text = unsigned(&but(head(), &json!({ "alg": alg })), &claims());
        zone.refuses(alg, &format!("{text}.")).await;
        zone.refuses(alg, &text).await;
        zone.refuses(alg, &format!("{text}.{}", good.split('.').nth(2).unwrap()))
            .await;
    }
    // Everybody knows the public key: it must not be taken for a shared secret.
    let public = zone.directory.public_key_raw();
    let texts = [
        public.to_vec(),
        BASE64.encode(public).into_bytes(),
        zone.directory.public_key_pem().into_bytes(),
        Vec::new(),
    ];
    for secret in &texts {
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut head = Header::new(alg);
            head.kid = Some("d1".to_owned());
            let key = EncodingKey::from_secret(secret);
            let forged = jsonwebtoken::encode(&head, &claims(), &key).unwrap();
            zone.refuses("a public key as a secret", &forged).await;
        }
    }
    // A good signature under another name of a way to sign.
    for alg in ["ES256", "RS256", "HS256", "EdDsa"] {
        let forged = zone.signed(&but(head(), &json!({ "alg": alg })), &claims());
        zone.refuses(alg, &forged).await;
    }
}

#[tokio::test]
async fn a_token_brings_no_key_of_its_own() {
    let zone = Zone::start().await;
    let impostor = ed25519();
    let own: Value = serde_json::from_str(&jwks("d1", impostor.public_key_raw())).unwrap();
    let key = EncodingKey::from_ed_pem(impostor.serialize_pem().as_bytes()).unwrap();
    for more in [
        json!({}),
        json!({ "jwk": own["keys"][0] }),
        json!({ "jku": "https://evil.example.org/jwks.json" }),
        json!({ "x5u": "https://evil.example.org/chain.pem" }),
        json!({ "kid": "d1", "crit": ["jwk"], "jwk": own["keys"][0] }),
    ] {
        let text = unsigned(&but(head(), &more), &claims());
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::EdDSA);
        zone.refuses(&more.to_string(), &format!("{text}.{}", signature.unwrap()))
            .await;
    }
    let long = "d".repeat(2_000);
    for kid in [
        "",
        "d2",
        "D1",
        "d1\0",
        "../d1",
        "/dev/null",
        "' OR '1'='1",
        &long,
    ] {
        let forged = zone.signed(&but(head(), &json!({ "kid": kid })), &claims());
        zone.refuses(kid, &forged).await;
    }
    let nameless = zone.signed(&but(head(), &json!({ "kid": null })), &claims());
    zone.refuses("no name of a key", &nameless).await;
}

#[tokio::test]
async fn a_token_is_for_one_meeting_in_its_zones_for_a_time() {
    let zone = Zone::start().await;
    for otherwise in [
        json!({ "exp": now() - 1 }),
        json!({ "exp": 0 }),
        json!({ "exp": -1 }),
        json!({ "exp": null }),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": 1e300 }),
        json!({ "aud": [] }),
        json!({ "aud": null }),
        json!({ "aud": ["other.zone"] }),
        json!({ "aud": ["test.zon"] }),
        json!({ "aud": ["test.zone.evil"] }),
        json!({ "aud": ["*"] }),
        json!({ "meeting": "retro" }),
        json!({ "meeting": "STANDUP" }),
        json!({ "meeting": "standup " }),
        json!({ "meeting": ["standup", "retro"] }),
        json!({ "meeting": null }),
        json!({ "role": "administrator" }),
        json!({ "role": null }),
    ] {
        let token = zone.signed(&head(), &but(claims(), &otherwise));
        zone.refuses(&otherwise.to_string(), &token).await;
    }
}

/// By somebody who found it, or by its owner who asks two controllers at once.
#[tokio::test]
async fn a_replayed_token_is_its_first_holder_again() {
    let zone = Zone::start().await;
    let pem = zone.directory.serialize_pem();
    let beside = Zone::of(KeyPair::from_pem(&pem).unwrap()).await;
    let token = zone.signed(&head(), &claims());
    let first = zone.join(&token).await.offer();
    for controller in [&zone, &beside] {
        let again = controller.join(&token).await.offer();
        let is = |offer: &Offer| (offer.meeting.clone(), offer.participant.clone());
        assert_eq!(is(&again), is(&first), "nobody more");
        assert_ne!(again.flows, first.flows, "nor what the first one hears by");
    }
    for otherwise in [json!({ "jti": "2" }), json!({ "sub": "bob" })] {
        let other = zone.signed(&head(), &but(claims(), &otherwise));
        let other = zone.join(&other).await.offer();
        assert_ne!(other.participant, first.participant, "{otherwise}");
    }
    let header = format!("authorization: Bearer {token}\r\n");
    let elsewhere = zone.controller.join_with("retro", "", &header).await;
    assert_eq!(elsewhere.problem().code, Refusal::Forbidden);
}

#[tokio::test]
async fn a_replayed_ticket_is_its_holder_again_in_the_same_meeting() {
    let zone = Zone::start().await;
    let token = zone.signed(&head(), &claims());
    let first = zone.join(&token).await.offer();
    let body = format!(r#"{{"ticket":"{}"}}"#, first.ticket);
    for _ in 0..2 {
        let again = zone.controller.join("standup", &body).await.offer();
        assert_eq!(again.participant, first.participant);
    }
    let elsewhere = zone.controller.join("retro", &body).await;
    assert_eq!(elsewhere.problem().code, Refusal::TokenRequired);
    let another = Zone::of(KeyPair::from_pem(&zone.directory.serialize_pem()).unwrap()).await;
    let another = another.controller.join("standup", &body).await;
    assert_eq!(another.problem().code, Refusal::TokenRequired);
}

#[tokio::test]
async fn a_token_that_was_changed_or_cut_is_none() {
    let zone = Zone::start().await;
    let good = zone.signed(&head(), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let [first, second, third] = parts[..] else {
        panic!("three parts");
    };
    let host = BASE64.encode(but(claims(), &json!({ "role": "host" })).to_string());
    for forged in [
        format!("{first}.{host}.{third}"),
        format!("{first}.{second}."),
        format!("{first}.{second}"),
        format!("{first}..{third}"),
        format!(".{second}.{third}"),
        format!("{good}."),
        format!("{good}.{third}"),
        format!("{good}="),
        good[..good.len() - 4].to_owned(),
        format!("{first}.{second}.{}", BASE64.encode([0; 64])),
        "..".to_owned(),
        ".".to_owned(),
        "null".to_owned(),
    ] {
        zone.refuses(&forged, &forged).await;
    }
}

#[tokio::test]
async fn a_token_without_end_is_refused_and_the_next_one_is_heard() {
    let zone = Zone::start().await;
    let padded = but(claims(), &json!({ "pad": "x".repeat(30_000) }));
    for token in [
        "x".repeat(20_000),
        ".".repeat(20_000),
        format!("{}.{}.", BASE64.encode("[".repeat(10_000)), "e30"),
        unsigned(&head(), &padded),
    ] {
        zone.refuses("a long one", &token).await;
    }
    let header = "authorization: Basic YTpi\r\n";
    let other = zone.controller.join_with("standup", "", header).await;
    assert!([401, 403].contains(&other.status), "{other:?}");
    let path = "/v1/meetings/standup/join";
    let nobody = ask(zone.controller.api, "POST", path, "", "").await;
    assert_eq!(nobody.status, 401);
    let good = zone.signed(&head(), &claims());
    assert_eq!(zone.join(&good).await.status, 200);
}
