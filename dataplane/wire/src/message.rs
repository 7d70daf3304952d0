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
    if text.len() > limit {
        return Err(BadMessage::TooLong { limit });
    }
    // serde takes a list for an enum, too.
    if !text.trim_start().starts_with('{') {
        return Err(BadMessage::NoType);
    }
    serde_json::from_str(text).map_err(|error| explain(text, &error.to_string()))
}

/// Why a text is no message.
fn explain(text: &str, reason: &str) -> BadMessage {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    let Ok(Typed { r#type: message }) = serde_json::from_str(text) else {
        return BadMessage::NoType;
    };
    if reason.starts_with("unknown variant `") && reason.contains(&format!("`{message}`")) {
        return BadMessage::UnknownType(message);
    }
    let reason = reason.to_owned();
    BadMessage::Fields { message, reason }
}
