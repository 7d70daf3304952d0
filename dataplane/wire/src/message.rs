//! JSON messages: one object each, its `type` first among equals.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Why a message was not understood. The sender is told; the connection goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// Longer than the limit in bytes.
    #[error("a message has at most {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// No JSON object with a text field `type`.
    #[error("a message is a JSON object with a text field \"type\"")]
    NoType,
    /// A `type` nobody here knows.
    #[error("unknown message type {0:?}")]
    UnknownType(String),
    /// The fields do not fit the `type`.
    #[error("message {message}: {reason}")]
    Fields {
        /// The message's type.
        message: String,
        /// What is wrong with its fields.
        reason: String,
    },
}

/// A message as JSON text.
#[must_use]
pub fn encode<T: Serialize>(message: &T) -> String {
    serde_json::to_string(message).expect("messages hold only texts, numbers and lists")
}

/// Reads a message of at most `limit` bytes. Unknown fields are ignored.
pub fn decode<T: DeserializeOwned>(text: &str, limit: usize) -> Result<T, BadMessage> {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    if text.len() > limit {
        return Err(BadMessage::TooLong { limit });
    }
    let Typed { r#type: message } = serde_json::from_str(text).map_err(|_| BadMessage::NoType)?;
    serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        if reason.starts_with("unknown variant `") && reason.contains(&format!("`{message}`")) {
            BadMessage::UnknownType(message)
        } else {
            BadMessage::Fields { message, reason }
        }
    })
}
