//! Sessions and API tokens: two ways to be signed in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, LoginId, PasswordHash, SecretHash};

/// How somebody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// With a password, for a while.
    Session,
    /// A program, with a token that somebody gave it.
    ApiToken,
}

/// A session or an API token. Who presents its secret is its account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Which.
    pub id: LoginId,
    /// Whose.
    pub account: AccountId,
    /// Session or API token.
    pub kind: LoginKind,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when it opens nothing.
    pub expires: Option<Timestamp>,
    /// When it was used, to a few minutes; `None` before the first time.
    pub last_used: Option<Timestamp>,
}

/// What somebody showed to be given a session or an API token. It may have been taken away from
/// them meanwhile.
#[derive(Debug, Clone)]
pub enum Showed {
    /// The account's password: its hash.
    Password(PasswordHash),
    /// Another session or API token of the account.
    Login(LoginId),
    /// Nothing: they are at a shell beside the database.
    Nothing,
}

/// A session or API token to be made.
#[derive(Debug, Clone)]
pub struct NewLogin {
    /// Whose.
    pub account: AccountId,
    /// By what right.
    pub showed: Showed,
    /// Session or API token.
    pub kind: LoginKind,
    /// What its owner calls it, at most [`NewLogin::LABEL_BYTES`].
    pub label: String,
    /// Of the secret that opens it.
    pub secret: SecretHash,
    /// From when it opens nothing.
    pub expires: Option<Timestamp>,
}

impl NewLogin {
    /// Longest label in bytes; longer ones are for the border to refuse.
    pub const LABEL_BYTES: usize = 128;
}
