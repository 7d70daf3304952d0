//! The word of the directory, as a zone reads it.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use plenum_directory::model::{KeyId, Pkcs8};
use plenum_directory::random;
use plenum_directory::tokens::{Grant, KeyRing, Signer, generate};
use plenum_wire::directory::{Role, TokenClaims};
use serde_json::{Value, json};

use crate::house::{House, Place, meeting};

async fn keys(house: &House) -> JwkSet {
    let answer = house.client.get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    answer.json()
}

async fn token(house: &House, number: &str) -> String {
    let lookup: Value = house
        .client
        .look_up(json!({ "meeting": number }))
        .await
        .json();
    lookup["token"].as_str().unwrap().to_owned()
}

/// What a zone accepts: a known key, `EdDSA`, its own name, and a time that has not passed.
fn verify(token: &str, keys: &JwkSet, zone: &str) -> Option<TokenClaims> {
    let kid = decode_header(token).ok()?.kid?;
    let key = DecodingKey::from_jwk(keys.find(&kid)?).ok()?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.leeway = 0;
    validation.set_audience(&[zone]);
    validation.set_issuer(&["https://directory.test"]);
    Some(decode::<TokenClaims>(token, &key, &validation).ok()?.claims)
}

pub async fn a_zone_verifies_with_the_published_keys(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let keys = keys(&house).await;
    let (one, other) = (token(&house, &number).await, token(&house, &number).await);
    let claims = verify(&one, &keys, "eu.main").unwrap();
    assert_eq!(claims.meeting.as_str(), number);
    assert_eq!(
        (claims.role, claims.exp - claims.iat),
        (Role::Participant, 600)
    );
    assert!(claims.sub.starts_with("guest-"));
    let second = verify(&other, &keys, "eu.main").unwrap();
    assert_ne!((claims.jti, claims.sub), (second.jti, second.sub));
    let me: Value = admin.get("/v1/me").await.json();
    let host: Value = admin.look_up(json!({ "meeting": number })).await.json();
    let host = verify(host["token"].as_str().unwrap(), &keys, "eu.main").unwrap();
    assert_eq!(
        (host.role, host.sub.as_str()),
        (Role::Host, me["id"].as_str().unwrap())
    );
}

pub async fn nothing_else_verifies(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let keys = keys(&house).await;
    let good = token(&house, &number).await;
    assert!(verify(&good, &keys, "eu.main").is_some());
    assert!(verify(&good, &keys, "us.main").is_none(), "another zone");
    let kid = decode_header(&good).unwrap().kid.unwrap();
    let claims = verify(&good, &keys, "eu.main").unwrap();

    // Signed by somebody else who claims to be the same key.
    let stranger = Signer::new(kid.parse().unwrap(), &generate()).unwrap();
    let forged = stranger.sign(&claims).unwrap();
    assert!(verify(&forged, &keys, "eu.main").is_none(), "forged");
    // The public key as the secret of an HMAC.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(kid.clone());
    let published = serde_json::to_vec(&keys).unwrap();
    let confused = encode(&header, &claims, &EncodingKey::from_secret(&published)).unwrap();
    assert!(
        verify(&confused, &keys, "eu.main").is_none(),
        "another algorithm"
    );
    let (_, rest) = good.split_once('.').unwrap();
    assert!(
        verify(&format!("eyJhbGciOiJub25lIn0.{rest}"), &keys, "eu.main").is_none(),
        "none"
    );
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert!(
        verify(&format!("{signed}."), &keys, "eu.main").is_none(),
        "no signature"
    );

    // With the right key, but in the past: the store shows what to sign with.
    let stored = house.store().signing_keys().await.unwrap();
    let ring = KeyRing::new(
        "https://directory.test".to_owned(),
        Signer::new(stored[0].id, &stored[0].pkcs8).unwrap(),
        Vec::new(),
    );
    let sign = |now: u64| ring.sign(grant(&number), now).unwrap();
    assert!(verify(&sign(claims.iat), &keys, "eu.main").is_some());
    assert!(
        verify(&sign(claims.iat - 3_600), &keys, "eu.main").is_none(),
        "expired"
    );
}

fn grant(number: &str) -> Grant {
    Grant {
        subject: "guest".to_owned(),
        zones: vec!["eu.main".parse().unwrap()],
        meeting: number.parse().unwrap(),
        role: Role::Participant,
        id: "j1".to_owned(),
    }
}

pub async fn the_next_key_is_known_before_it_signs(place: Place) {
    use jiff::{SignedDuration, Timestamp};
    use plenum_directory::model::SigningKey;
    // Of a directory that has slept for a year: the key is old, and goes on.
    let year_ago = Timestamp::now() - SignedDuration::from_hours(365 * 24);
    let store = place.store().await;
    let make = |active_from| SigningKey {
        id: KeyId::from_random(random::bits()),
        pkcs8: Pkcs8(generate().0),
        created: year_ago,
        active_from,
        retired: None,
    };
    let old = store.rotate_keys(year_ago, make).await.unwrap();
    store.close().await;
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let keys = keys(&house).await;
    assert_eq!(keys.keys.len(), 2, "the next one is shown");
    let token = token(&house, &number).await;
    assert_eq!(
        decode_header(&token).unwrap().kid,
        Some(old[0].id.to_string())
    );
    assert!(verify(&token, &keys, "eu.main").is_some());
}
