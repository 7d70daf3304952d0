//! Tokens and tickets, good and bad.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use plenum_tunnel::Admission;
use plenum_wire::directory::{Role, TokenClaims};
use plenum_wire::link::TicketKey;
use plenum_wire::ticket::{Claims, Keys, SigningKey};
use plenum_wire::{FlowId, Flows};
use rcgen::{KeyPair, PKCS_ED25519};

use crate::site::{Echo, Site, ZONE, echoes, wide};

/// A key pair of a directory or a zone.
pub struct Signer(KeyPair);

impl Signer {
    pub fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ED25519).unwrap())
    }

    pub fn admission(&self) -> Admission {
        let key = DecodingKey::from_ed_der(self.0.public_key_raw());
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Admission::Directory(Arc::new(move |token| {
            let read = jsonwebtoken::decode::<TokenClaims>(token, &key, &validation);
            read.ok().map(|token| token.claims)
        }))
    }

    /// A token for `sub` in these zones, for so many seconds.
    pub fn token(&self, sub: &str, zones: &[&str], seconds: i64) -> String {
        let claims = TokenClaims {
            iss: "https://directory".into(),
            sub: sub.into(),
            aud: zones.iter().map(|zone| zone.parse().unwrap()).collect(),
            meeting: "4711".parse().unwrap(),
            role: Role::Participant,
            iat: now(),
            exp: now().checked_add_signed(seconds).unwrap(),
            jti: "1".into(),
        };
        let key = EncodingKey::from_ed_pem(self.0.serialize_pem().as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap()
    }

    fn keys(&self) -> Keys {
        let key = DecodingKey::from_ed_der(self.0.public_key_raw());
        let jwk = Jwk::from_decoding_key(&key, Some(Algorithm::EdDSA)).unwrap();
        let AlgorithmParameters::OctetKeyPair(pair) = jwk.algorithm else {
            panic!("{jwk:?}")
        };
        Keys::from_keys(&[TicketKey {
            kid: "z1".into(),
            x: pair.x,
        }])
    }

    /// A ticket for somebody who was admitted so many seconds ago.
    fn ticket(&self, ago: u64) -> String {
        let flow = |value| FlowId::new(value).unwrap();
        let claims = Claims {
            meeting: "4711".parse().unwrap(),
            participant: "p-1".parse().unwrap(),
            router: "r-1".parse().unwrap(),
            fingerprint: plenum_wire::Fingerprint([7; 32]),
            flows: Flows {
                audio: flow(1),
                video: flow(2),
                content: flow(3),
            },
            // Long over: it no longer opens a router's door.
            expires: now() - ago + 1,
            admitted: now() - ago,
            vouched: now() - ago,
        };
        let pem = self.0.serialize_pem();
        SigningKey::from_pem("z1", pem.as_bytes())
            .unwrap()
            .sign(&claims)
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn bearer(token: &str) -> String {
    format!("Proxy-Authorization: Bearer {token}\r\n")
}

#[tokio::test]
async fn a_token_of_the_directory_opens_it() {
    let (directory, echo) = (Signer::new(), Echo::start().await);
    let site = Site::start(directory.admission(), wide());
    site.allow(&[echo.address]);
    let token = directory.token("ada", &["ns.paris", ZONE], 600);
    for header in [
        bearer(&token),
        format!("proxy-authorization: bearer {token}\r\n"),
    ] {
        let mut tunnel = site.connect(echo.address, &header).await.tunnel();
        echoes(&mut tunnel, "let in").await;
    }
}

#[tokio::test]
async fn nothing_else_does() {
    let (directory, stranger, echo) = (Signer::new(), Signer::new(), Echo::start().await);
    let site = Site::start(directory.admission(), wide());
    site.allow(&[echo.address]);
    let good = directory.token("ada", &[ZONE], 600);
    let mut parts = good.split('.');
    let (head, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let other = stranger.token("ada", &[ZONE], 600);
    let other_signature = other.rsplit('.').next().unwrap();
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    for header in [
        String::new(),
        bearer(""),
        bearer("ada"),
        bearer(&directory.token("ada", &[ZONE], -1)),
        bearer(&directory.token("ada", &["ns.paris"], 600)),
        bearer(&directory.token("ada", &[], 600)),
        bearer(&stranger.token("ada", &[ZONE], 600)),
        bearer(&format!("{head}.{claims}.{other_signature}")),
        bearer(&format!("{head}.{claims}.")),
        bearer(&format!("{head}.{claims}")),
        bearer(&unsigned),
        format!("Proxy-Authorization: Basic {good}\r\n"),
        format!("Proxy-Authorization: {good}\r\n"),
        // To the target, if anybody.
        format!("Authorization: Bearer {good}\r\n"),
        // Which of them?
        bearer(&good) + &bearer(&other),
        bearer(&good) + &bearer(&good),
    ] {
        let refused = site.connect(echo.address, &header).await;
        let challenge = "proxy-authenticate: bearer realm=\"plenum\"";
        assert!(
            refused.head.contains(challenge),
            "{header}: {}",
            refused.head
        );
        refused.assert_problem(407, "unproven").await;
    }
    assert_eq!(echo.came(), 0);
}

#[tokio::test]
async fn who_is_not_let_in_does_not_learn_what_is_registered() {
    let (directory, echo) = (Signer::new(), Echo::start().await);
    let site = Site::start(directory.admission(), wide());
    site.allow(&[echo.address]);
    for target in [echo.address.to_string(), "192.0.2.1:443".to_owned()] {
        let refused = site.connect(target, "").await;
        refused.assert_problem(407, "unproven").await;
    }
    let token = bearer(&directory.token("ada", &[ZONE], 600));
    let refused = site.connect("192.0.2.1:443", &token).await;
    refused.assert_problem(403, "not_registered").await;
}

#[tokio::test]
async fn who_was_let_in_before_comes_back_by_the_zones_ticket() {
    let (directory, zone, echo) = (Signer::new(), Signer::new(), Echo::start().await);
    let site = Site::start(directory.admission(), wide());
    site.allow(&[echo.address]);
    site.view.send_modify(|view| view.tickets = zone.keys());
    let hour = 3_600;
    let back = site
        .connect(echo.address, &bearer(&zone.ticket(hour)))
        .await;
    echoes(&mut back.tunnel(), "back").await;
    for ticket in [zone.ticket(25 * hour), Signer::new().ticket(hour)] {
        let refused = site.connect(echo.address, &bearer(&ticket)).await;
        refused.assert_problem(407, "unproven").await;
    }
}
