//! What clients get.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use plenum::zc::{Directory, KeyRing};
use plenum_wire::directory::{Role, TokenClaims};
use plenum_wire::join::{JoinRequest, Refusal};
use plenum_wire::ticket::{Claims, IDENTITY_S, SigningKey};
use plenum_wire::{FlowId, Flows};
use plenum_zone::admission::Admission;
use serde_json::json;

use crate::support::{Controller, FINGERPRINT, ask, ed25519, within};

pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[tokio::test]
async fn a_join_gets_an_offer_whose_ticket_the_router_accepts() {
    let mut zone = Controller::open().await;
    let router = zone.router("router-a", 10).await;
    zone.until_routed().await;
    let answer = zone.join("standup", r#"{"name":"Ada"}"#).await;
    assert!(
        answer.head.contains("cache-control: no-store"),
        "{answer:?}"
    );
    let offer = answer.offer();
    assert_eq!(offer.router.as_str(), "router-a");
    assert_eq!(offer.endpoint.fingerprint, FINGERPRINT);
    let claims = router.keys.verify(&offer.ticket, now()).unwrap();
    assert_eq!(claims.meeting.as_str(), "standup");
    assert_eq!(claims.participant, offer.participant);
    assert_eq!(claims.router, offer.router);
    assert_eq!(claims.fingerprint, FINGERPRINT);
    assert_eq!(claims.flows, offer.flows);
    assert!((now() + 100..=now() + 120).contains(&claims.expires));
    assert_ne!(offer.flows.audio, offer.flows.video);
    assert!(
        zone.metrics()
            .contains(r#"plenum_zone_joins_total{result="placed"} 1"#)
    );
}

#[tokio::test]
async fn every_join_is_somebody_new_unless_the_last_ticket_proves_otherwise() {
    let mut zone = Controller::open().await;
    let _router = zone.router("router-a", 10).await;
    zone.until_routed().await;
    let first = zone.join("standup", "").await.offer();
    let other = zone.join("standup", "{}").await.offer();
    assert_ne!(first.participant, other.participant);
    assert_ne!(first.flows, other.flows);

    let rejoin = |ticket: &str| {
        let request = JoinRequest {
            participant: Some(first.participant.clone()),
            ticket: Some(ticket.to_owned()),
            ..JoinRequest::default()
        };
        serde_json::to_string(&request).unwrap()
    };
    let again = zone.join("standup", &rejoin(&first.ticket)).await.offer();
    assert_eq!(again.participant, first.participant);
    assert_ne!(again.flows, first.flows);
    for foreign in [other.ticket.as_str(), "forged"] {
        let offer = zone.join("standup", &rejoin(foreign)).await.offer();
        assert_ne!(offer.participant, first.participant);
    }
    let elsewhere = zone.join("retro", &rejoin(&first.ticket)).await.offer();
    assert_ne!(elsewhere.participant, first.participant);
}

#[tokio::test]
async fn a_full_router_takes_back_who_was_on_it() {
    let mut zone = Controller::open().await;
    let router = zone.router("router-a", 1).await;
    zone.until_routed().await;
    let first = zone.join("standup", "").await.offer();
    router.report(&[("standup", 1)]);
    let request = JoinRequest {
        ticket: Some(first.ticket),
        ..JoinRequest::default()
    };
    let body = serde_json::to_string(&request).unwrap();
    let again = zone.join("standup", &body).await.offer();
    assert_eq!(again.participant, first.participant);
}

#[tokio::test]
async fn without_a_router_it_says_when_to_ask_again() {
    let zone = Controller::open().await;
    let answer = zone.join("standup", "").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.problem().code, Refusal::NoRouter);
    assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
}

#[tokio::test]
async fn a_full_zone_and_an_excluded_router_are_said() {
    let mut zone = Controller::open().await;
    let router = zone.router("router-a", 1).await;
    zone.until_routed().await;
    let excluded = zone.join("standup", r#"{"exclude":["router-a"]}"#).await;
    assert_eq!(
        (excluded.status, excluded.problem().code),
        (503, Refusal::ZoneFull)
    );
    zone.join("standup", "").await.offer();
    // Nobody sits there yet: the router itself will refuse the second.
    zone.join("retro", "").await.offer();
    router.report(&[("standup", 1)]);
    zone.until_counted(1).await;
    let full = zone.join("retro", "").await;
    assert_eq!((full.status, full.problem().code), (503, Refusal::ZoneFull));
    assert!(
        zone.metrics()
            .contains(r#"plenum_zone_joins_total{result="zone_full"} 2"#)
    );
}

#[tokio::test]
async fn where_all_are_overloaded_the_answer_says_so_and_when_to_ask_again() {
    let mut zone = Controller::open().await;
    let router = zone.router("router-a", 10).await;
    zone.until_routed().await;
    router.report_overload();
    // Until the controller has heard it.
    let answer = within(async {
        loop {
            let answer = zone.join("standup", "").await;
            if answer.status != 200 {
                return answer;
            }
        }
    })
    .await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.problem().code, Refusal::ZoneOverloaded);
    assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    let counted = r#"plenum_zone_joins_total{result="zone_overloaded"} 1"#;
    assert!(zone.metrics().contains(counted));
}

#[tokio::test]
async fn a_zone_with_a_list_knows_no_other_meeting() {
    let admission = Admission::Open {
        meetings: Some(["standup".parse().unwrap()].into()),
    };
    let mut zone = Controller::start(admission, Directory::default()).await;
    let _router = zone.router("router-a", 10).await;
    zone.until_routed().await;
    zone.join("standup", "").await.offer();
    let unknown = zone.join("retro", "").await;
    assert_eq!(
        (unknown.status, unknown.problem().code),
        (404, Refusal::UnknownMeeting)
    );
}

#[tokio::test]
async fn a_request_that_makes_no_sense_says_what_to_write() {
    let zone = Controller::open().await;
    let long = "x".repeat(20_000);
    for (meeting, body, status) in [
        ("standup", "nonsense", 400),
        ("standup", r#"{"exclude":"router-a"}"#, 400),
        ("standup", r#"{"exclude":["a b"]}"#, 400),
        ("stand%20up", "{}", 400),
        ("standup", long.as_str(), 413),
    ] {
        let answer = zone.join(meeting, body).await;
        let problem = answer.problem();
        assert_eq!(
            (answer.status, problem.code),
            (status, Refusal::BadRequest),
            "{body:.40}"
        );
    }
}

#[tokio::test]
async fn the_network_test_is_tiny_and_everything_else_is_a_problem() {
    let zone = Controller::open().await;
    let ping = ask(zone.api, "GET", "/v1/ping", "", "").await;
    assert_eq!((ping.status, ping.body.as_str()), (204, ""));
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/v1/meetings", 404),
        ("GET", "/v1/meetings/standup/join", 405),
        ("POST", "/v1/ping", 405),
    ] {
        let answer = ask(zone.api, method, path, "", "").await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.problem().code, Refusal::BadRequest);
    }
}

fn by_directory() -> Admission {
    Admission::Directory {
        zone: "test.zone".parse().unwrap(),
    }
}

/// When a directory's tokens were made, by its clock: far from the zone's.
const MADE: u64 = 1_700_000_000;

#[tokio::test]
async fn a_directory_vouches_for_who_may_join() {
    let (directory, impostor) = (ed25519(), ed25519());
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("jwks.json");
    std::fs::write(&file, jwks("d1", directory.public_key_raw())).unwrap();
    let known = Directory::from_file(&file).unwrap();
    let mut zone = Controller::start(by_directory(), known).await;
    let _router = zone.router("router-a", 10).await;
    zone.until_routed().await;

    let bearer = |pem: &str, zone: &str, meeting: &str, expires: u64| {
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("d1".to_owned());
        let claims = TokenClaims {
            iss: "https://meet.example.org".to_owned(),
            sub: "ada".to_owned(),
            aud: vec![zone.parse().unwrap()],
            meeting: meeting.parse().unwrap(),
            role: Role::Host,
            iat: MADE,
            exp: expires,
            jti: "1".to_owned(),
        };
        let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        format!("authorization: Bearer {token}\r\n")
    };
    let good = directory.serialize_pem();
    let forged = impostor.serialize_pem();
    for (header, status, code) in [
        (String::new(), 401, Refusal::TokenRequired),
        (
            bearer(&forged, "test.zone", "standup", now() + 60),
            403,
            Refusal::Forbidden,
        ),
        (
            bearer(&good, "test.zone", "standup", now() - 1),
            403,
            Refusal::Forbidden,
        ),
        (
            bearer(&good, "test.zone", "retro", now() + 60),
            403,
            Refusal::Forbidden,
        ),
        (
            bearer(&good, "other.zone", "standup", now() + 60),
            403,
            Refusal::Forbidden,
        ),
    ] {
        let answer = zone.join_with("standup", "", &header).await;
        assert_eq!(
            (answer.status, answer.problem().code),
            (status, code),
            "{header}"
        );
    }
    let header = bearer(&good, "test.zone", "standup", now() + 60);
    let asked = now();
    let offer = zone.join_with("standup", "", &header).await.offer();
    let claims = read(&offer.ticket);
    assert_eq!(claims.vouched, MADE);
    assert!((asked..=now()).contains(&claims.admitted), "{claims:?}");

    // Who was let in comes back without a token that is still good.
    let body = format!(r#"{{"ticket":"{}"}}"#, offer.ticket);
    let again = zone.join("standup", &body).await.offer();
    assert_eq!(again.participant, offer.participant);
    assert_eq!(read(&again.ticket).member(), read(&offer.ticket).member());
}

#[tokio::test]
async fn coming_back_again_and_again_does_not_admit_for_ever() {
    let mut zone = Controller::start(by_directory(), Directory::default()).await;
    let _router = zone.router("router-a", 10).await;
    zone.until_routed().await;
    let pem = ed25519().serialize_pem();
    zone.keys
        .send(KeyRing::single("k2", &pem).unwrap())
        .unwrap();
    let key = SigningKey::from_pem("k2", pem.as_bytes()).unwrap();
    let renewed = |admitted: u64| {
        let flow = |bits| FlowId::from_random(bits);
        let claims = Claims {
            meeting: "standup".parse().unwrap(),
            participant: "ada".parse().unwrap(),
            router: "router-a".parse().unwrap(),
            fingerprint: FINGERPRINT,
            flows: Flows {
                audio: flow(1),
                video: flow(2),
                content: flow(3),
            },
            expires: now() + 60,
            admitted,
            vouched: MADE,
        };
        format!(r#"{{"ticket":"{}"}}"#, key.sign(&claims))
    };
    let back = zone
        .join("standup", &renewed(now() - IDENTITY_S + 60))
        .await;
    assert_eq!(back.offer().participant.as_str(), "ada");
    let late = zone.join("standup", &renewed(now() - IDENTITY_S)).await;
    assert_eq!(
        (late.status, late.problem().code),
        (401, Refusal::TokenRequired)
    );
}

fn read(ticket: &str) -> Claims {
    jsonwebtoken::dangerous::insecure_decode(ticket)
        .unwrap()
        .claims
}

pub fn jwks(kid: &str, public: &[u8]) -> String {
    let key = DecodingKey::from_ed_der(public);
    let jwk = jsonwebtoken::jwk::Jwk::from_decoding_key(&key, Some(Algorithm::EdDSA)).unwrap();
    let mut jwk = serde_json::to_value(jwk).unwrap();
    jwk["kid"] = json!(kid);
    json!({ "keys": [jwk] }).to_string()
}
