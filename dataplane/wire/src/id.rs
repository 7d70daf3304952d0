//! Identifiers, each parsed once at the border.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::NAME_BYTES;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// It is empty.
    #[error("a {what} must not be empty")]
    Empty {
        /// Which kind of identifier was wanted.
        what: &'static str,
    },
    /// It is longer than [`NAME_BYTES`].
    #[error("a {what} has at most {NAME_BYTES} characters")]
    TooLong {
        /// Which kind of identifier was wanted.
        what: &'static str,
    },
    /// It holds a character that identifiers do not have.
    #[error("a {what} is written with letters, digits, '-', '_' and '.', not {found:?}")]
    Character {
        /// Which kind of identifier was wanted.
        what: &'static str,
        /// The first character that does not belong.
        found: char,
    },
    /// It is not a hexadecimal or decimal number of the right size.
    #[error("{what}: write {expected}")]
    Number {
        /// Which kind of identifier was wanted.
        what: &'static str,
        /// What to write instead.
        expected: &'static str,
    },
}

fn checked(what: &'static str, text: &str) -> Result<String, InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { what });
    }
    if text.len() > NAME_BYTES {
        return Err(InvalidId::TooLong { what });
    }
    match text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        Some(found) => Err(InvalidId::Character { what, found }),
        None => Ok(text.to_owned()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $type {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                checked($what, text).map(Self)
            }
        }
        impl TryFrom<String> for $type {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(id: $type) -> Self {
                id.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(concat!("A ", $what, ".")))
                    .min_length(Some(1))
                    .max_length(Some(NAME_BYTES))
                    .pattern(Some("^[A-Za-z0-9._-]+$"))
                    .into()
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $type {}
    };
}

name!(
    /// The number or name of a meeting, the same on every router and zone.
    MeetingId, "meeting number"
);
name!(
    /// One participant in one meeting, for as long as the ticket's renewals last.
    ParticipantId, "participant id"
);
name!(
    /// A router: in Kubernetes the name of its pod.
    RouterId, "router name"
);
name!(
    /// A tunnel: in Kubernetes the name of its pod.
    TunnelId, "tunnel name"
);
name!(
    /// A pool of routers: `<namespace>.<name>` in Kubernetes.
    PoolName, "pool name"
);
name!(
    /// A meeting zone: `<namespace>.<name>` in Kubernetes.
    ZoneName, "zone name"
);

/// 62 random bits that name one media flow. Knowing them is the permission to use it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FlowId(u64);

impl FlowId {
    /// Largest value that a QUIC variable-length integer holds.
    pub const MAX: u64 = (1 << 62) - 1;

    /// `None` above [`FlowId::MAX`], and for 0, which some RTP-over-QUIC peers cannot use.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value == 0 || value > Self::MAX {
            return None;
        }
        Some(Self(value))
    }

    /// A flow id from 64 random bits.
    #[must_use]
    pub const fn from_random(bits: u64) -> Self {
        let value = bits & Self::MAX;
        Self(if value == 0 { 1 } else { value })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// Not shown whole: a flow id is a permission, and logs are read by others.
impl fmt::Debug for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlowId(..{:04x})", self.0 & 0xffff)
    }
}

/// In JSON 16 hexadecimal digits: numbers above 2^53 do not survive JavaScript.
impl From<FlowId> for String {
    fn from(id: FlowId) -> Self {
        format!("{:016x}", id.0)
    }
}

impl TryFrom<String> for FlowId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        u64::from_str_radix(&text, 16)
            .ok()
            .and_then(Self::new)
            .ok_or(InvalidId::Number {
                what: "flow id",
                expected: "up to 16 hexadecimal digits, not 0 and below 2^62",
            })
    }
}

/// One run of a router process. A new one has forgotten everything the last one knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Boot(pub u64);

impl From<Boot> for String {
    fn from(boot: Boot) -> Self {
        format!("{:016x}", boot.0)
    }
}

impl TryFrom<String> for Boot {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        u64::from_str_radix(&text, 16)
            .map(Self)
            .map_err(|_| InvalidId::Number {
                what: "boot id",
                expected: "up to 16 hexadecimal digits",
            })
    }
}

/// SHA-256 of a certificate's DER, by which clients pin a router.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::Number {
            what: "fingerprint",
            expected: "64 hexadecimal digits: the SHA-256 of the certificate",
        };
        if text.len() != 64 || !text.is_ascii() {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| invalid())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}
