//! Tickets: a zone's permission for one participant to use one router for one meeting.
//!
//! A JWT (RFC 7519) signed with `EdDSA`, so that anything can read one. The zone
//! controllers sign; routers verify with keys they hear over the zone link. The time
//! comes from outside.

use std::collections::BTreeMap;

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::link::{Member, TicketKey};
use crate::{Fingerprint, Flows, MeetingId, ParticipantId, RouterId};

/// How long a ticket opens the door, in seconds. Who is inside stays.
pub const LIFETIME_S: u64 = 120;
/// How long after the first admission a ticket, or one that was issued for it, proves who its
/// holder is when rejoining, in seconds: longer than meetings last. After that the holder has
/// to be admitted anew, however often they came back meanwhile.
pub const IDENTITY_S: u64 = 24 * 3_600;

/// What a ticket says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The meeting.
    pub meeting: MeetingId,
    /// Who.
    #[serde(rename = "sub")]
    pub participant: ParticipantId,
    /// On which router.
    #[serde(rename = "aud")]
    pub router: RouterId,
    /// The certificate that the client pins.
    pub fingerprint: Fingerprint,
    /// The participant's media flows.
    pub flows: Flows,
    /// Unix time in seconds from which it is no longer good.
    #[serde(rename = "exp")]
    pub expires: u64,
    /// Unix time in seconds at which the zone let them in first, by its own clock. Renewals carry
    /// it on. Named as by `OpenID` Connect Core, section 2. A ticket without it proves nothing for
    /// long.
    #[serde(rename = "auth_time", default)]
    pub admitted: u64,
    /// Unix time in seconds of what let them in first, by whose clock meetings are ended: when the
    /// directory's token was made, by the directory's; in a zone without one the same as `admitted`.
    /// Renewals carry it on. Tickets of former programs are without it, and say it by `admitted`.
    #[serde(default)]
    pub vouched: u64,
}

impl Claims {
    /// With what a former program did not say.
    fn completed(self) -> Self {
        let said = self.vouched > 0;
        let vouched = if said { self.vouched } else { self.admitted };
        Self { vouched, ..self }
    }

    /// Whom it is for, and what their next ticket says of them too.
    #[must_use]
    pub fn member(&self) -> Member {
        Member {
            participant: self.participant.clone(),
            admitted: self.admitted,
            vouched: self.vouched,
        }
    }
}

/// Why a ticket does not open the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// No JWT, an unknown key, or the signature does not fit.
    #[error("the ticket is not signed by this zone")]
    Forged,
    /// Its time has passed; ask the zone for a new one.
    #[error("the ticket has expired")]
    Expired,
}

/// Why a signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not an Ed25519 key in PKCS #8.
    #[error("write an Ed25519 key in PKCS #8 PEM: {0}")]
    Format(#[from] jsonwebtoken::errors::Error),
    /// In that form, but no key.
    #[error("write an Ed25519 key in PKCS #8 PEM: {0}")]
    Key(#[from] aws_lc_rs::error::KeyRejected),
}

/// The zone's private key. Parsed once: a controller signs thousands of tickets a second, and
/// `jsonwebtoken` would parse it for each.
pub struct SigningKey {
    /// The header of every ticket, encoded.
    header: String,
    key: Ed25519KeyPair,
}

impl SigningKey {
    /// Reads a PKCS #8 PEM text. `kid` names the key in tickets.
    pub fn from_pem(kid: &str, pem: &[u8]) -> Result<Self, KeyError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.to_owned());
        let der = EncodingKey::from_ed_pem(pem)?;
        Ok(Self {
            header: part(&header),
            key: Ed25519KeyPair::from_pkcs8(der.as_bytes())?,
        })
    }

    /// A ticket that says `claims`.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let said = format!("{}.{}", self.header, part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(said.as_bytes()));
        format!("{said}.{signature}")
    }
}

/// One part of a JWS in compact form (RFC 7515, section 7.1).
fn part(said: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(said).expect("plain data"))
}

/// The zone's public keys.
#[derive(Clone, Default)]
pub struct Keys(BTreeMap<String, DecodingKey>);

impl Keys {
    /// Takes the keys that can be read, and skips the others.
    #[must_use]
    pub fn from_keys(keys: &[TicketKey]) -> Self {
        let readable = keys.iter().filter_map(|key| {
            let bytes = URL_SAFE_NO_PAD.decode(&key.x).ok()?;
            (bytes.len() == 32).then_some(())?;
            Some((
                key.kid.clone(),
                DecodingKey::from_ed_components(&key.x).ok()?,
            ))
        });
        Self(readable.collect())
    }

    /// What a ticket says, if it was signed by the zone and `now`, Unix time in seconds,
    /// is before its end.
    pub fn verify(&self, ticket: &str, now: u64) -> Result<Claims, TicketError> {
        let claims = self.read(ticket)?;
        if claims.expires <= now {
            return Err(TicketError::Expired);
        }
        Ok(claims)
    }

    /// Who a ticket was for, up to [`IDENTITY_S`] after the first admission: for coming back.
    pub fn identify(&self, ticket: &str, now: u64) -> Result<Claims, TicketError> {
        let claims = self.read(ticket)?;
        if claims.admitted.saturating_add(IDENTITY_S) <= now {
            return Err(TicketError::Expired);
        }
        Ok(claims)
    }

    fn read(&self, ticket: &str) -> Result<Claims, TicketError> {
        let header = jsonwebtoken::decode_header(ticket).map_err(|_| TicketError::Forged)?;
        let kid = header.kid.as_ref().ok_or(TicketError::Forged)?;
        let key = self.0.get(kid).ok_or(TicketError::Forged)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Time and audience are the caller's to check, with its own clock and name.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Claims>(ticket, key, &validation)
            .map(|token| token.claims.completed())
            .map_err(|_| TicketError::Forged)
    }
}
