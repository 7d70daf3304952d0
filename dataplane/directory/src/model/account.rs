//! People and programs that sign in.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use plenum_wire::DisplayName;
use serde::{Deserialize, Serialize};

use super::{AccountId, PasswordHash, Revision};

/// Longest name to sign in with, in bytes.
const NAME_BYTES: usize = 64;
/// Longest address a mail server accepts (RFC 5321, section 4.5.3.1.3, without its brackets).
const EMAIL_BYTES: usize = 254;

/// Why a text is no part of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccount {
    /// Not a name to sign in with.
    #[error(
        "an account's name begins with a lower-case letter and has at most {NAME_BYTES} lower-case letters, digits, '-', '_' and '.'"
    )]
    Name,
    /// Not an address.
    #[error(
        "an e-mail address is NAME@HOST, without spaces and with at most {EMAIL_BYTES} characters"
    )]
    Email,
}

macro_rules! text {
    ($type:ident) => {
        impl $type {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $type {
            type Error = InvalidAccount;
            fn try_from(text: String) -> Result<Self, InvalidAccount> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// The name an account signs in with. It begins with a letter, so that the name of a
/// personal meeting is never taken for a meeting's number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);
text!(AccountName);

impl FromStr for AccountName {
    type Err = InvalidAccount;
    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
        };
        let begins = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase());
        if !begins || text.len() > NAME_BYTES || !text.bytes().all(plain) {
            return Err(InvalidAccount::Name);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where to write to. Whether it arrives only the mail server can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);
text!(Email);

impl FromStr for Email {
    type Err = InvalidAccount;
    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        let odd = |c: char| c.is_whitespace() || c.is_control();
        let both = text
            .rsplit_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        if !both || text.len() > EMAIL_BYTES || text.contains(odd) {
            return Err(InvalidAccount::Email);
        }
        Ok(Self(text.to_owned()))
    }
}

/// What an account may do to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    /// Has meetings of its own.
    User,
    /// Makes accounts and zones.
    Admin,
    /// Reads the feed for replicas, and does nothing else.
    Replica,
}

/// An account. Its password's hash is apart: few need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Which.
    pub id: AccountId,
    /// Signs in with it; unique.
    pub name: AccountName,
    /// Shown to others.
    pub display_name: DisplayName,
    /// Where to write to.
    pub email: Option<Email>,
    /// What it may do to others.
    pub role: AccountRole,
    /// Signs in nowhere, and its sessions open nothing.
    pub disabled: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Its last change.
    pub revision: Revision,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Signs in with it; unique.
    pub name: AccountName,
    /// Shown to others.
    pub display_name: DisplayName,
    /// Where to write to.
    pub email: Option<Email>,
    /// What it may do to others.
    pub role: AccountRole,
    /// Without one nobody signs in with a password.
    pub password: Option<PasswordHash>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_number() {
        for good in ["a", "ada", "ada.lovelace-1815_x"] {
            assert_eq!(good.parse::<AccountName>().unwrap().as_str(), good);
        }
        for bad in ["", "1", "Ada", "-a", "a b", "a@b", "ä", &"a".repeat(65)] {
            assert_eq!(
                bad.parse::<AccountName>(),
                Err(InvalidAccount::Name),
                "{bad}"
            );
        }
    }

    #[test]
    fn an_address_has_a_name_and_a_host() {
        for good in ["a@b", "\"a@b\"@c", "ä@example.org"] {
            good.parse::<Email>().unwrap();
        }
        for bad in ["", "a", "@b", "a@", "a b@c", "a@b\r\nBcc: c@d"] {
            assert_eq!(bad.parse::<Email>(), Err(InvalidAccount::Email), "{bad}");
        }
    }
}
