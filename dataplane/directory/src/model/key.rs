//! The keys that sign tokens, and when they change.
//!
//! A key is published before it signs, so that every zone has heard of it, and after it has
//! signed its last, until its tokens are dead. At any moment one key signs: the youngest
//! whose time has come.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::KeyId;

/// How long one key signs.
const SIGNS_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long it is published before.
const PUBLISHED_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// How long it stays published after: longer than any token lives, and than clocks differ.
const PUBLISHED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// A private key in PKCS#8 (RFC 8410).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pkcs8(pub Vec<u8>);

impl fmt::Debug for Pkcs8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkcs8(..)")
    }
}

impl From<Pkcs8> for String {
    fn from(key: Pkcs8) -> Self {
        URL_SAFE_NO_PAD.encode(key.0)
    }
}

impl TryFrom<String> for Pkcs8 {
    type Error = base64::DecodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        URL_SAFE_NO_PAD.decode(text).map(Self)
    }
}

/// The public half of an Ed25519 key (RFC 8032): 32 bytes, in base64url as in RFC 8037.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicHalf(pub [u8; 32]);

/// A text is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 32 bytes in 43 characters of base64url")]
pub struct InvalidPublicHalf;

impl FromStr for PublicHalf {
    type Err = InvalidPublicHalf;
    fn from_str(text: &str) -> Result<Self, InvalidPublicHalf> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(InvalidPublicHalf)
    }
}

impl TryFrom<String> for PublicHalf {
    type Error = InvalidPublicHalf;
    fn try_from(text: String) -> Result<Self, InvalidPublicHalf> {
        text.parse()
    }
}

impl fmt::Display for PublicHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl From<PublicHalf> for String {
    fn from(half: PublicHalf) -> Self {
        half.to_string()
    }
}

/// What tokens of a key are verified with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// The `kid` of its tokens.
    #[serde(rename = "kid")]
    pub id: KeyId,
    /// The key.
    pub x: PublicHalf,
}

impl PublicKey {
    /// Keys that one replica may have at once: one that signs, one before and one after it.
    pub const EACH: usize = 4;
}

/// An Ed25519 key pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// The `kid` of its tokens.
    pub id: KeyId,
    /// The private key; the public one follows from it.
    pub pkcs8: Pkcs8,
    /// When it was made.
    pub created: Timestamp,
    /// From when it signs.
    pub active_from: Timestamp,
    /// Since when a younger one signs.
    pub retired: Option<Timestamp>,
}

impl SigningKey {
    /// Its public half; `None` if it is no Ed25519 key.
    #[must_use]
    pub fn public(&self) -> Option<PublicKey> {
        let pair = Ed25519KeyPair::from_pkcs8(&self.pkcs8.0).ok()?;
        let x = pair.public_key().as_ref().try_into().ok()?;
        Some(PublicKey {
            id: self.id,
            x: PublicHalf(x),
        })
    }
}

/// What is to be done about the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Make a key that signs from then on.
    pub make: Option<Timestamp>,
    /// Note that these no longer sign.
    pub retire: Vec<KeyId>,
    /// Forget these: their tokens are dead.
    pub forget: Vec<KeyId>,
}

impl Rotation {
    /// Whether nothing is to be done.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.make.is_none() && self.retire.is_empty() && self.forget.is_empty()
    }
}

/// The key that signs: the youngest whose time has come.
#[must_use]
pub fn active_key(keys: &[SigningKey], now: Timestamp) -> Option<&SigningKey> {
    keys.iter()
        .filter(|key| key.active_from <= now && key.retired.is_none_or(|since| since > now))
        .max_by_key(|key| (key.active_from, key.id))
}

/// What is to be done about the keys at this moment. Doing it and asking again leaves nothing.
#[must_use]
pub fn rotation(keys: &[SigningKey], now: Timestamp) -> Rotation {
    let active = active_key(keys, now);
    let next = keys.iter().any(|key| key.active_from > now);
    let make = match active {
        None => Some(now),
        Some(key) if !next && later(key.active_from, SIGNS_FOR) <= later(now, PUBLISHED_AHEAD) => {
            // One that was overdue still has to be published ahead.
            Some(later(key.active_from, SIGNS_FOR).max(later(now, PUBLISHED_AHEAD)))
        }
        Some(_) => None,
    };
    let superseded = |key: &&SigningKey| {
        active.is_some_and(|active| active.id != key.id) && key.active_from <= now
    };
    let retire = keys
        .iter()
        .filter(superseded)
        .filter(|key| key.retired.is_none());
    let dead = |key: &&SigningKey| {
        key.retired
            .is_some_and(|since| later(since, PUBLISHED_AFTER) <= now)
    };
    Rotation {
        make,
        retire: retire.map(|key| key.id).collect(),
        forget: keys.iter().filter(dead).map(|key| key.id).collect(),
    }
}

fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hours: i64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, SignedDuration::from_hours(hours))
    }

    fn apply(keys: &mut Vec<SigningKey>, now: Timestamp, made: &mut u128) {
        let plan = rotation(keys, now);
        keys.retain(|key| !plan.forget.contains(&key.id));
        for key in keys.iter_mut().filter(|key| plan.retire.contains(&key.id)) {
            key.retired = Some(now);
        }
        if let Some(active_from) = plan.make {
            *made += 1;
            let id = KeyId::from_random(*made);
            let pkcs8 = Pkcs8(vec![]);
            keys.push(SigningKey {
                id,
                pkcs8,
                created: now,
                active_from,
                retired: None,
            });
        }
        assert!(rotation(keys, now).is_empty(), "once is enough");
    }

    #[test]
    fn the_first_key_signs_at_once() {
        assert_eq!(rotation(&[], hour(5)).make, Some(hour(5)));
    }

    #[test]
    fn over_a_year_a_key_is_published_a_day_before_it_signs_and_an_hour_after() {
        let (mut keys, mut made) = (vec![], 0);
        let mut signed_last = std::collections::BTreeMap::new();
        for now in 0..365 * 24 {
            apply(&mut keys, hour(now), &mut made);
            let active = active_key(&keys, hour(now)).expect("one always signs");
            let ahead = later(active.created, PUBLISHED_AHEAD);
            assert!(active.created == hour(0) || active.active_from >= ahead);
            signed_last.insert(active.id, now);
            for (id, last) in &signed_last {
                let published = keys.iter().any(|key| key.id == *id);
                assert!(
                    published || now > last + 1,
                    "published for an hour after it signed"
                );
            }
            assert!(keys.len() <= 3);
        }
        assert_eq!(signed_last.len(), 365_usize.div_ceil(30));
    }

    #[test]
    fn after_a_long_sleep_the_old_key_signs_until_the_new_one_is_known() {
        let (mut keys, mut made) = (vec![], 0);
        apply(&mut keys, hour(0), &mut made);
        let asleep = 100 * 24;
        apply(&mut keys, hour(asleep), &mut made);
        assert_eq!(
            active_key(&keys, hour(asleep)).map(|key| key.created),
            Some(hour(0))
        );
        assert_eq!(
            active_key(&keys, hour(asleep + 24)).map(|key| key.created),
            Some(hour(asleep))
        );
    }

    #[test]
    fn logs_show_no_private_key() {
        assert_eq!(format!("{:?}", Pkcs8(vec![1, 2, 3])), "Pkcs8(..)");
    }
}
