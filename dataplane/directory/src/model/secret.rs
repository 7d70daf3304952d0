//! Secrets made by the directory: of sessions, API tokens, zones and waiting rooms.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Longest text that is looked at as a secret, in bytes.
const SECRET_BYTES: usize = 256;

/// The text is no hash of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret's hash is the SHA-256 in 43 characters of base64url")]
pub struct InvalidSecret;

/// 256 random bits, shown once to whoever is to keep them; the store sees only the hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret made of these random bits.
    #[must_use]
    pub fn from_random(bits: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bits))
    }

    /// To be shown once: 43 characters that fit a header and a URL.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(digest_of(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// SHA-256 of a secret. A slow hash would gain nothing: nobody guesses 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of what somebody presents; `None` for what is too long to be a secret.
    #[must_use]
    pub fn of(presented: &str) -> Option<Self> {
        (presented.len() <= SECRET_BYTES).then(|| Self(digest_of(presented)))
    }

    /// Whether that is the secret, in a time that does not depend on the answer.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        Self::of(presented).is_some_and(|other| verify_slices_are_equal(&self.0, &other.0).is_ok())
    }
}

fn digest_of(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for SecretHash {
    type Err = InvalidSecret;
    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidSecret)?;
        bytes.try_into().map(Self).map_err(|_| InvalidSecret)
    }
}

impl TryFrom<String> for SecretHash {
    type Error = InvalidSecret;
    fn try_from(text: String) -> Result<Self, InvalidSecret> {
        text.parse()
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_matches_its_hash() {
        let secret = Secret::from_random([7; 32]);
        let hash = secret.hash();
        assert!(hash.matches(secret.reveal()));
        assert!(!hash.matches(""));
        assert!(!hash.matches(Secret::from_random([8; 32]).reveal()));
        assert!(!hash.matches(&hash.to_string()), "the hash opens nothing");
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }

    #[test]
    fn what_is_too_long_is_not_hashed() {
        assert_eq!(SecretHash::of(&"x".repeat(SECRET_BYTES + 1)), None);
    }

    #[test]
    fn logs_show_no_secret() {
        let secret = Secret::from_random([7; 32]);
        assert_eq!(
            format!("{secret:?} {:?}", secret.hash()),
            "Secret(..) SecretHash(..)"
        );
    }
}
