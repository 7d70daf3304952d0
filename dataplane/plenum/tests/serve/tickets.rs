//! Tickets that a router must not take, shown to it on a real control channel.

use std::time::{SystemTime, UNIX_EPOCH};

use plenum_transport::channel::Received;
use plenum_transport::dial::Dialer;
use plenum_transport::tls::Identity;
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest};
use plenum_wire::join::Offer;
use plenum_wire::ticket::{Claims, SigningKey};
use rcgen::{KeyPair, PKCS_ED25519};

use crate::site::{Site, within};
use crate::web;

/// `{"alg":"none","kid":"site","typ":"JWT"}`
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwia2lkIjoic2l0ZSIsInR5cCI6IkpXVCJ9";

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// What the zone wrote into the ticket of an offer.
pub fn claims(offer: &Offer) -> Claims {
    Claims {
        meeting: offer.meeting.clone(),
        participant: offer.participant.clone(),
        router: offer.router.clone(),
        fingerprint: offer.endpoint.fingerprint,
        flows: offer.flows,
        expires: now() + 60,
        admitted: now(),
        vouched: now(),
    }
}

/// The key that the site signs with.
pub fn key_of(site: &Site) -> SigningKey {
    let pem = std::fs::read(site.file("signing-key.pem")).unwrap();
    SigningKey::from_pem("site", &pem).unwrap()
}

fn another_key(kid: &str) -> SigningKey {
    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    SigningKey::from_pem(kid, pair.serialize_pem().as_bytes()).unwrap()
}

/// The first answer of the router to a first message, and the close code after an error.
pub async fn say(offer: &Offer, message: &FromClient) -> (FromRouter, Option<u16>) {
    let dialer = Dialer::new().unwrap();
    let channel = within(dialer.control(&offer.endpoint)).await.unwrap();
    let (sender, mut receiver) = channel.split();
    assert!(sender.send(message));
    let Received::Message(answer) = within(receiver.next()).await else {
        panic!("no answer to {message:?}")
    };
    if matches!(answer, FromRouter::Welcome { .. }) {
        return (answer, None);
    }
    match within(receiver.next()).await {
        Received::Closed { code, .. } => (answer, code),
        other => panic!("the channel is still open: {other:?}"),
    }
}

pub fn hello(ticket: &str) -> FromClient {
    FromClient::Hello {
        ticket: ticket.to_owned(),
        name: None,
        subscribe: Interest::All,
        moved_from: None,
    }
}

async fn assert_refused(offer: &Offer, message: &FromClient, wanted: ErrorCode, close: u16) {
    let (answer, closed) = say(offer, message).await;
    let FromRouter::Error { code, message: why } = &answer else {
        panic!("{message:?} was answered with {answer:?}")
    };
    assert_eq!((*code, closed), (wanted, Some(close)), "{message:?}: {why}");
    assert!(!why.is_empty());
}

#[tokio::test]
async fn forged_expired_and_foreign_tickets_are_told_so_and_counted() {
    let site = Site::start(&[]).await;
    let offer = web::offer(&site, "4711").await;
    let claims = claims(&offer);
    let key = key_of(&site);

    let mut parts = offer.ticket.split('.');
    let (_, says, signature) = (parts.next(), parts.next().unwrap(), parts.next().unwrap());
    let genuine = key.sign(&claims);
    let header = genuine.split('.').next().unwrap();
    let another = genuine.split('.').nth(1).unwrap();
    let forged = [
        another_key("site").sign(&claims),
        another_key("unknown").sign(&claims),
        format!("{header}.{another}.{signature}"),
        format!("{UNSIGNED}.{says}."),
        "garbage".to_owned(),
        String::new(),
    ];
    for ticket in &forged {
        assert_refused(&offer, &hello(ticket), ErrorCode::TicketForged, 4401).await;
    }

    let expired = Claims {
        expires: now() - 1,
        ..claims.clone()
    };
    let expired = hello(&key.sign(&expired));
    assert_refused(&offer, &expired, ErrorCode::TicketExpired, 4410).await;

    let stranger = Identity::self_signed(&["another".to_owned()]).unwrap();
    let foreign = [
        Claims {
            router: "another".parse().unwrap(),
            ..claims.clone()
        },
        Claims {
            fingerprint: stranger.fingerprint(),
            ..claims.clone()
        },
    ];
    for claims in &foreign {
        let ticket = hello(&key.sign(claims));
        assert_refused(&offer, &ticket, ErrorCode::TicketForeign, 4403).await;
    }
    assert_refused(&offer, &FromClient::Bye, ErrorCode::HelloExpected, 4400).await;

    // The door itself works: the tickets were what was wrong.
    let (answer, _) = say(&offer, &hello(&genuine)).await;
    assert!(matches!(answer, FromRouter::Welcome { .. }), "{answer:?}");
    let refused = |code: &str| format!(r#"plenum_control_refused_total{{code="{code}"}}"#);
    site.until("plenum_joins_total", |joins| joins == 1).await;
    assert_eq!(site.metric(&refused("ticket_forged")).await, 6);
    assert_eq!(site.metric(&refused("ticket_expired")).await, 1);
    assert_eq!(site.metric(&refused("ticket_foreign")).await, 2);
    assert_eq!(site.metric(&refused("hello_expected")).await, 1);
}
