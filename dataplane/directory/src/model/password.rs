//! Passwords, kept as argon2id (RFC 9106).

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use serde::Deserialize;

/// Shortest password in characters (NIST SP 800-63B, section 3.1.1.2).
const PASSWORD_CHARACTERS: usize = 8;
/// Longest password in bytes: hashing longer ones costs, and protects no better.
const PASSWORD_BYTES: usize = 256;
/// Longest hash in bytes: ours have 97.
const HASH_BYTES: usize = 512;

/// Why a text is no password, or no hash of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// Too short to be set.
    #[error("a password has at least {PASSWORD_CHARACTERS} characters")]
    Short,
    /// Too long to be looked at.
    #[error("a password has at most {PASSWORD_BYTES} bytes")]
    Long,
    /// Not an argon2id hash.
    #[error("a password's hash is an argon2id PHC string")]
    Hash,
}

/// A password as somebody typed it.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

impl TryFrom<String> for Password {
    type Error = InvalidPassword;
    /// Short ones too: those are refused where a password is set, not where it is tried.
    fn try_from(text: String) -> Result<Self, InvalidPassword> {
        if text.len() > PASSWORD_BYTES {
            return Err(InvalidPassword::Long);
        }
        Ok(Self(text))
    }
}

impl FromStr for Password {
    type Err = InvalidPassword;
    fn from_str(text: &str) -> Result<Self, InvalidPassword> {
        text.to_owned().try_into()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// An argon2id hash in PHC form. Making and checking one takes 19 MiB and tens of
/// milliseconds by intent: never on a thread that serves others, and only so many at once.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Hashes a password with 128 random bits of salt.
    pub fn of(password: &Password, salt: [u8; 16]) -> Result<Self, InvalidPassword> {
        if password.0.chars().count() < PASSWORD_CHARACTERS {
            return Err(InvalidPassword::Short);
        }
        // argon2's defaults are argon2id with 19 MiB, 2 passes and 1 lane: what OWASP's
        // Password Storage Cheat Sheet asks for.
        Argon2::default()
            .hash_password_with_salt(password.0.as_bytes(), &salt)
            .map(|hash: phc::PasswordHash| Self(hash.to_string()))
            .map_err(|_| InvalidPassword::Hash)
    }

    /// The hash of nobody's password: checked where there is no account, so that the time
    /// it takes tells nobody which accounts there are.
    #[must_use]
    pub fn of_nobody() -> Self {
        Self(
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                .to_owned(),
        )
    }

    /// Whether that is the password.
    #[must_use]
    pub fn matches(&self, password: &Password) -> bool {
        phc::PasswordHash::new(&self.0).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.0.as_bytes(), &hash)
                .is_ok()
        })
    }

    /// The PHC string, for the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PasswordHash {
    type Err = InvalidPassword;
    fn from_str(text: &str) -> Result<Self, InvalidPassword> {
        let long = text.len() > HASH_BYTES;
        let ours = |hash: &phc::PasswordHash| hash.algorithm.as_str() == "argon2id";
        if long || !phc::PasswordHash::new(text).as_ref().is_ok_and(ours) {
            return Err(InvalidPassword::Hash);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_matches() {
        let password: Password = "correct horse".parse().unwrap();
        let hash = PasswordHash::of(&password, [7; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.matches(&password));
        assert!(!hash.matches(&"correct house".parse().unwrap()));
        assert_eq!(hash.as_str().parse(), Ok(hash));
    }

    #[test]
    fn nobody_has_a_password() {
        let nobody = PasswordHash::of_nobody();
        assert_eq!(nobody.as_str().parse(), Ok(nobody.clone()));
        assert!(!nobody.matches(&"".parse().unwrap()));
    }

    #[test]
    fn a_password_has_a_length() {
        let short: Password = "short".parse().unwrap();
        assert_eq!(
            PasswordHash::of(&short, [7; 16]),
            Err(InvalidPassword::Short)
        );
        let long = "x".repeat(PASSWORD_BYTES + 1).parse::<Password>();
        assert_eq!(long.unwrap_err(), InvalidPassword::Long);
    }

    #[test]
    fn other_hashes_are_none() {
        for wrong in [
            "",
            "secret",
            "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(wrong.parse::<PasswordHash>(), Err(InvalidPassword::Hash));
        }
    }
}
