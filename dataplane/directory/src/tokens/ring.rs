//! The keys of one moment.

use plenum_wire::directory::{Role, TOKEN_LIFETIME_S, TokenClaims};
use plenum_wire::{MeetingId, ZoneName};
use serde_json::json;

use super::key::{PublicKey, Signer};

/// The key that signs, and the public halves of all that are published.
#[derive(Debug)]
pub struct KeyRing {
    issuer: String,
    signing: Signer,
    jwks: serde_json::Value,
}

/// What a token is to say; who asks for it has been admitted.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The account, or a name made up for a guest.
    pub subject: String,
    /// The zones it opens.
    pub zones: Vec<ZoneName>,
    /// The meeting.
    pub meeting: MeetingId,
    /// What its holder may do there.
    pub role: Role,
    /// A random name, so that no two tokens are alike.
    pub id: String,
}

impl KeyRing {
    /// `issuer` is the directory's URL or name; `others` are published beside `signing`. Of
    /// those that have the name of `signing` it is the one.
    #[must_use]
    pub fn new(issuer: String, signing: Signer, mut others: Vec<PublicKey>) -> Self {
        others.retain(|other| other.kid != signing.kid());
        let mut keys = others;
        keys.push(signing.public());
        keys.sort_by(|one, other| one.kid.cmp(&other.kid));
        Self {
            issuer,
            signing,
            jwks: json!({ "keys": keys }),
        }
    }

    /// Which key signs.
    #[must_use]
    pub fn signs(&self) -> &str {
        self.signing.kid()
    }

    /// The public keys (RFC 7517, section 5).
    #[must_use]
    pub const fn jwks(&self) -> &serde_json::Value {
        &self.jwks
    }

    /// A token that is good from `now`, Unix time in seconds, for [`TOKEN_LIFETIME_S`].
    pub fn sign(&self, grant: Grant, now: u64) -> Result<String, jsonwebtoken::errors::Error> {
        self.signing.sign(&TokenClaims {
            iss: self.issuer.clone(),
            sub: grant.subject,
            aud: grant.zones,
            meeting: grant.meeting,
            role: grant.role,
            iat: now,
            exp: now + TOKEN_LIFETIME_S,
            jti: grant.id,
        })
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

    use super::super::generate;
    use super::*;
    use crate::model::{KeyId, Pkcs8};

    fn signer(id: u128) -> Signer {
        Signer::new(KeyId::from_random(id), &generate()).unwrap()
    }

    fn grant() -> Grant {
        Grant {
            subject: "guest".into(),
            zones: vec!["eu.main".parse().unwrap()],
            meeting: "4711".parse().unwrap(),
            role: Role::Participant,
            id: "j1".into(),
        }
    }

    #[test]
    fn who_has_the_key_set_reads_the_token() {
        let ring = KeyRing::new("https://d".into(), signer(2), vec![signer(1).public()]);
        let token = ring.sign(grant(), 1_000).unwrap();
        let set: JwkSet = serde_json::from_value(ring.jwks().clone()).unwrap();
        assert_eq!(set.keys.len(), 2);
        let kid = decode_header(&token).unwrap().kid.unwrap();
        assert_eq!(kid, ring.signs());
        let public = DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.set_audience(&["eu.main"]);
        validation.set_issuer(&["https://d"]);
        let claims: TokenClaims = decode(&token, &public, &validation).unwrap().claims;
        assert_eq!((claims.iat, claims.exp), (1_000, 1_000 + TOKEN_LIFETIME_S));
        assert_eq!(claims.meeting.as_str(), "4711");
        let old = KeyId::from_random(1).to_string();
        let other = DecodingKey::from_jwk(set.find(&old).unwrap()).unwrap();
        assert!(decode::<TokenClaims>(&token, &other, &validation).is_err());
    }

    #[test]
    fn the_key_set_holds_nothing_private() {
        let ring = KeyRing::new("https://d".into(), signer(1), Vec::new());
        assert!(!ring.jwks().to_string().contains("\"d\":"));
    }

    #[test]
    fn what_is_no_key_is_named() {
        let error = Signer::new(KeyId::from_random(7), &Pkcs8(b"nonsense".to_vec())).unwrap_err();
        assert!(error.to_string().contains("07 cannot be read"), "{error}");
    }
}
