//! What a participant is called by the others.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::NAME_BYTES;

/// A name to show: any text of at most [`NAME_BYTES`] bytes of UTF-8, parsed once at the
/// border. It names nothing in the system; that is what identifiers are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, max_length = 128))]
pub struct DisplayName(String);

/// The name would cost everybody in the meeting more than a name should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a display name has at most {NAME_BYTES} bytes, not {bytes}")]
pub struct NameTooLong {
    /// How long it is, in bytes.
    pub bytes: usize,
}

impl DisplayName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DisplayName {
    type Error = NameTooLong;
    fn try_from(text: String) -> Result<Self, NameTooLong> {
        if text.len() > NAME_BYTES {
            return Err(NameTooLong { bytes: text.len() });
        }
        Ok(Self(text))
    }
}

impl FromStr for DisplayName {
    type Err = NameTooLong;
    fn from_str(text: &str) -> Result<Self, NameTooLong> {
        text.to_owned().try_into()
    }
}

impl From<DisplayName> for String {
    fn from(name: DisplayName) -> Self {
        name.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
