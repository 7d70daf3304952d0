//! Identifiers made of 128 random bits, and the number of a change.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}: write 32 hexadecimal digits")]
pub struct InvalidRandomId {
    what: &'static str,
}

macro_rules! random_id {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(u128);

        impl $type {
            /// The identifier made of these random bits.
            #[must_use]
            pub const fn from_random(bits: u128) -> Self {
                Self(bits)
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
        impl FromStr for $type {
            type Err = InvalidRandomId;
            fn from_str(text: &str) -> Result<Self, InvalidRandomId> {
                hexadecimal(text).map(Self).ok_or(InvalidRandomId { what: $what })
            }
        }
        impl TryFrom<String> for $type {
            type Error = InvalidRandomId;
            fn try_from(text: String) -> Result<Self, InvalidRandomId> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(id: $type) -> Self {
                id.to_string()
            }
        }
    };
}

/// One spelling only: two texts are the same identifier when they are the same text.
fn hexadecimal(text: &str) -> Option<u128> {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if text.len() != 32 || !text.bytes().all(plain) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

random_id!(
    /// An account, for ever: names change.
    AccountId, "account id"
);
random_id!(
    /// A session or an API token. Knowing it opens nothing.
    LoginId, "session id"
);
random_id!(
    /// Somebody in a waiting room. Knowing it opens nothing.
    WaitingId, "waiting id"
);
random_id!(
    /// A signing key: the `kid` of its tokens.
    KeyId, "key id"
);
random_id!(
    /// One database. [`Revision`]s of two databases have nothing to do with each other.
    FeedId, "feed id"
);
random_id!(
    /// A moment of one database. Another one, or the same one as a backup has it, never had it.
    Mark, "mark"
);

/// The number of a change. Each change of an account, session, meeting, zone or key takes the
/// next one, and what is visible is always all changes up to some number. So it is the
/// version of a row, and where a replica goes on.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_spelling() {
        let id = AccountId::from_random(0xab);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string(), "000000000000000000000000000000ab");
        for wrong in [
            "",
            "ab",
            "000000000000000000000000000000AB",
            "+00000000000000000000000000000ab",
            "000000000000000000000000000000abc",
        ] {
            wrong.parse::<AccountId>().unwrap_err();
        }
    }
}
