//! Meetings and who may join them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use plenum_wire::MeetingId;
use serde::{Deserialize, Serialize};

use super::{AccountId, Passcode, PasscodeHash, Revision, Schedule};

/// Longest title in bytes.
const TITLE_BYTES: usize = 256;

/// Why this is no part of a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMeeting {
    /// Not a number.
    #[error("a meeting's number has 9 to 11 digits and does not begin with 0")]
    Number,
    /// Empty, too long, or with control characters.
    #[error("a title has 1 to {TITLE_BYTES} bytes, without line breaks")]
    Title,
    /// Too many hosts or invited.
    #[error(
        "a meeting has at most {} hosts and invited people",
        MeetingSettings::PEOPLE
    )]
    People,
}

/// A meeting's number: 9 to 11 digits, made at random, so that nobody counts through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MeetingNumber(u64);

impl MeetingNumber {
    const FEWEST: u64 = 100_000_000;
    const END: u64 = 100_000_000_000;

    /// A number from 64 random bits. Nearly all have 11 digits: with 100,000 meetings a
    /// guess hits one in a million times.
    #[must_use]
    pub const fn from_random(bits: u64) -> Self {
        // The remainder favours low numbers by less than one in 10^8.
        Self(Self::FEWEST + bits % (Self::END - Self::FEWEST))
    }

    /// The number, or `None` if it has too few or too many digits.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number < Self::FEWEST || number >= Self::END {
            None
        } else {
            Some(Self(number))
        }
    }

    /// As a plain number.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// As zones and clients call it.
    #[must_use]
    pub fn id(self) -> MeetingId {
        self.to_string().parse().expect("digits are an identifier")
    }
}

impl fmt::Display for MeetingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MeetingNumber {
    type Err = InvalidMeeting;
    fn from_str(text: &str) -> Result<Self, InvalidMeeting> {
        let plain = text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if plain { text.parse().ok() } else { None };
        number.and_then(Self::new).ok_or(InvalidMeeting::Number)
    }
}

impl TryFrom<String> for MeetingNumber {
    type Error = InvalidMeeting;
    fn try_from(text: String) -> Result<Self, InvalidMeeting> {
        text.parse()
    }
}

impl From<MeetingNumber> for String {
    fn from(number: MeetingNumber) -> Self {
        number.to_string()
    }
}

/// What a meeting is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

impl Title {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Title {
    type Error = InvalidMeeting;
    fn try_from(text: String) -> Result<Self, InvalidMeeting> {
        if text.is_empty() || text.len() > TITLE_BYTES || text.contains(char::is_control) {
            return Err(InvalidMeeting::Title);
        }
        Ok(Self(text))
    }
}

impl FromStr for Title {
    type Err = InvalidMeeting;
    fn from_str(text: &str) -> Result<Self, InvalidMeeting> {
        text.to_owned().try_into()
    }
}

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.0
    }
}

/// Who may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everybody who knows the number, and the passcode if there is one.
    Anyone,
    /// Everybody who is signed in.
    SignedIn,
    /// The owner, the hosts and the invited.
    Invited,
}

/// How a meeting came to be, which decides when it is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum MeetingKind {
    /// Takes place at times.
    Scheduled {
        /// When.
        schedule: Schedule,
    },
    /// Made to be used at once.
    Instant,
    /// Its owner's own, for ever, also found by its owner's name. One for each account.
    Personal,
}

/// What its hosts may change of a meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingSettings {
    /// What it is about.
    pub title: Option<Title>,
    /// Hosts beside the owner.
    pub hosts: Vec<AccountId>,
    /// Who may join where [`Access::Invited`] is asked for.
    pub invited: Vec<AccountId>,
    /// Who may join.
    pub access: Access,
    /// Whether a host lets each of them in.
    pub waiting_room: bool,
    /// Whether people may be there before a host is.
    pub join_before_host: bool,
}

impl MeetingSettings {
    /// Where nobody says otherwise: for everybody, at once.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            title: None,
            hosts: Vec::new(),
            invited: Vec::new(),
            access: Access::Anyone,
            waiting_room: false,
            join_before_host: true,
        }
    }

    /// Hosts at most, and invited at most.
    pub const PEOPLE: usize = 1_000;
}

/// A meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Its number; unique.
    pub number: MeetingNumber,
    /// Whose it is; always a host.
    pub owner: AccountId,
    /// How it came to be.
    #[serde(flatten)]
    pub kind: MeetingKind,
    /// What its hosts may change.
    pub settings: MeetingSettings,
    /// Of the passcode it asks for.
    pub passcode: Option<PasscodeHash>,
    /// A host ended it for good.
    pub ended: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// Its last change.
    pub revision: Revision,
}

impl Meeting {
    /// Whether that account is a host there.
    #[must_use]
    pub fn is_host(&self, account: AccountId) -> bool {
        self.owner == account || self.settings.hosts.contains(&account)
    }

    /// Whether that account is a host or invited.
    #[must_use]
    pub fn is_invited(&self, account: AccountId) -> bool {
        self.is_host(account) || self.settings.invited.contains(&account)
    }
}

/// A meeting to be made; the store finds a number that is free.
#[derive(Debug, Clone)]
pub struct NewMeeting {
    /// Whose it is.
    pub owner: AccountId,
    /// How it comes to be.
    pub kind: MeetingKind,
    /// What its hosts may change.
    pub settings: MeetingSettings,
    /// What it asks for.
    pub passcode: Option<Passcode>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_9_to_11_digits() {
        for bits in [0, 1, 99_900_000_000, u64::MAX] {
            let number = MeetingNumber::from_random(bits);
            assert_eq!(number.to_string().parse(), Ok(number));
            assert!((9..=11).contains(&number.to_string().len()));
            assert_eq!(number.id().as_str(), number.to_string());
        }
        for bad in [
            "",
            "12345678",
            "012345678",
            "123456789012",
            "+123456789",
            "ada",
        ] {
            assert_eq!(
                bad.parse::<MeetingNumber>(),
                Err(InvalidMeeting::Number),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_title_is_one_line() {
        "Über uns".parse::<Title>().unwrap();
        for bad in ["", "a\nb", &"x".repeat(257)] {
            assert_eq!(bad.parse::<Title>(), Err(InvalidMeeting::Title));
        }
    }
}
