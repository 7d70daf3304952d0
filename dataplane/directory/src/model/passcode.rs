//! What a meeting asks for. Passcodes are short, checked a thousand times a second and read
//! out over the telephone: guessing is stopped by counting guesses, not by a slow hash. The
//! keyed hash keeps them out of backups of the meetings alone and out of everybody's sight.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::MeetingNumber;

/// Fewest and most characters of a passcode.
const PASSCODE_CHARACTERS: std::ops::RangeInclusive<usize> = 4..=32;
/// Longest text that is looked at as a passcode, in bytes.
const PRESENTED_BYTES: usize = 128;

/// Why a text is no passcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPasscode {
    /// Not one that can be set.
    #[error("a passcode has 4 to 32 letters, digits and signs of ASCII, without spaces")]
    Text,
    /// Not a hash or a key.
    #[error("a passcode's hash, and its key, are 32 bytes in 43 characters of base64url")]
    Hash,
}

/// A passcode to be set.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Passcode(String);

impl FromStr for Passcode {
    type Err = InvalidPasscode;
    fn from_str(text: &str) -> Result<Self, InvalidPasscode> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || !PASSCODE_CHARACTERS.contains(&text.len()) {
            return Err(InvalidPasscode::Text);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Passcode {
    type Error = InvalidPasscode;
    fn try_from(text: String) -> Result<Self, InvalidPasscode> {
        text.parse()
    }
}

impl Passcode {
    /// As text, to be told to those who are invited.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(..)")
    }
}

/// The key that all passcodes of a directory are hashed with.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PasscodeKey([u8; 32]);

impl PasscodeKey {
    /// The key made of these random bits.
    #[must_use]
    pub const fn from_random(bits: [u8; 32]) -> Self {
        Self(bits)
    }

    /// What the meeting keeps of its passcode. Two meetings with the same passcode have
    /// different hashes.
    #[must_use]
    pub fn hash(&self, meeting: MeetingNumber, passcode: &Passcode) -> PasscodeHash {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(&self.hmac(), &message(meeting, &passcode.0)).as_ref());
        PasscodeHash(bytes)
    }

    /// Whether that is the passcode, in a time that does not depend on the answer.
    #[must_use]
    pub fn matches(&self, hash: &PasscodeHash, meeting: MeetingNumber, presented: &str) -> bool {
        presented.len() <= PRESENTED_BYTES
            && hmac::verify(&self.hmac(), &message(meeting, presented), &hash.0).is_ok()
    }

    fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

fn message(meeting: MeetingNumber, passcode: &str) -> Vec<u8> {
    format!("{meeting}:{passcode}").into_bytes()
}

/// A passcode's hash: HMAC-SHA256 over the meeting's number and the passcode.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PasscodeHash([u8; 32]);

macro_rules! base64_text {
    ($type:ident) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($type), "(..)"))
            }
        }
        impl FromStr for $type {
            type Err = InvalidPasscode;
            fn from_str(text: &str) -> Result<Self, InvalidPasscode> {
                let bytes = URL_SAFE_NO_PAD
                    .decode(text)
                    .map_err(|_| InvalidPasscode::Hash)?;
                bytes
                    .try_into()
                    .map(Self)
                    .map_err(|_| InvalidPasscode::Hash)
            }
        }
        impl TryFrom<String> for $type {
            type Error = InvalidPasscode;
            fn try_from(text: String) -> Result<Self, InvalidPasscode> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(value: $type) -> Self {
                URL_SAFE_NO_PAD.encode(value.0)
            }
        }
    };
}
base64_text!(PasscodeKey);
base64_text!(PasscodeHash);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_passcode_of_this_meeting_and_directory_matches() {
        let key = PasscodeKey::from_random([7; 32]);
        let (one, two) = (MeetingNumber::from_random(1), MeetingNumber::from_random(2));
        let hash = key.hash(one, &"1234".parse().unwrap());
        assert!(key.matches(&hash, one, "1234"));
        assert!(!key.matches(&hash, one, "1235"));
        assert!(!key.matches(&hash, one, ""));
        assert!(!key.matches(&hash, two, "1234"));
        assert!(!PasscodeKey::from_random([8; 32]).matches(&hash, one, "1234"));
        assert_eq!(String::from(hash).parse(), Ok(hash));
    }

    #[test]
    fn a_passcode_can_be_read_out() {
        for good in ["1234", "Tr0ub4dor&3", &"x".repeat(32)] {
            good.parse::<Passcode>().unwrap();
        }
        for bad in ["", "123", "12 34", "pässword", "1234\n", &"x".repeat(33)] {
            assert_eq!(bad.parse::<Passcode>(), Err(InvalidPasscode::Text), "{bad}");
        }
    }
}
