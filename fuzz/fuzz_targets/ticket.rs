//! Tickets and the keys they are checked with.
//!
//! The first byte says what the rest is: a ticket as a stranger shows it, of which only the
//! one that was signed may be believed; claims of any form that the zone's own key signed,
//! without which nothing behind the signature would ever be reached; or a public key.

#![no_main]

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use libfuzzer_sys::fuzz_target;
use plenum_wire::link::TicketKey;
use plenum_wire::ticket::{Claims, Keys};

/// The example of RFC 8410, section 10.3: known to everybody, and signs nothing but this.
const PRIVATE: &[u8] = b"-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE";
const NOW: u64 = 1_800_000_000;
/// What the zone signed; seeds/ticket holds the ticket.
const SIGNED: &str = r#"{"meeting":"4711","sub":"p1","aud":"r1","fingerprint":"0707070707070707070707070707070707070707070707070707070707070707","flows":{"audio":"0000000000000001","video":"0000000000000002","content":"0000000000000003"},"exp":1800000060,"auth_time":1799999940}"#;

struct Zone {
    keys: Keys,
    key: EncodingKey,
    claims: Claims,
}

static ZONE: LazyLock<Zone> = LazyLock::new(|| Zone {
    keys: Keys::from_keys(&[key(PUBLIC)]),
    key: EncodingKey::from_ed_pem(PRIVATE).expect("a key"),
    claims: serde_json::from_str(SIGNED).expect("claims"),
});

fn key(x: &str) -> TicketKey {
    TicketKey {
        kid: "a".into(),
        x: x.into(),
    }
}

/// Whatever this zone signed is read as what it says, or not at all.
fn signed(claims: &str) {
    let Ok(claims) = serde_json::from_str::<serde_json::Value>(claims) else {
        return;
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some("a".into());
    let Ok(ticket) = jsonwebtoken::encode(&header, &claims, &ZONE.key) else {
        return;
    };
    if let Ok(read) = ZONE.keys.verify(&ticket, NOW) {
        assert!(read.expires > NOW);
        assert_eq!(serde_json::from_value::<Claims>(claims).ok(), Some(read));
    }
    let _ = ZONE.keys.identify(&ticket, NOW);
}

fuzz_target!(|input: &str| {
    if let Some(ticket) = input.strip_prefix('t') {
        if let Ok(read) = ZONE.keys.verify(ticket, NOW) {
            assert_eq!(read, ZONE.claims, "forged");
        }
        let _ = ZONE.keys.identify(ticket, NOW);
    } else if let Some(claims) = input.strip_prefix('c') {
        signed(claims);
    } else if let Some(x) = input.strip_prefix('k') {
        let _ = Keys::from_keys(&[key(x)]).verify("a.b.c", NOW);
    }
});
