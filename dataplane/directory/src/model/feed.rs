//! What replicas pull: everything that changed after a number, what is gone included.

use serde::{Deserialize, Serialize};

use super::{
    Account, AccountId, FeedId, KeyId, Login, LoginId, Meeting, MeetingNumber, PasscodeKey,
    Revision, SecretHash, SigningKey, Zone,
};
use plenum_wire::ZoneName;

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// An account.
    Account,
    /// A session or API token.
    Login,
    /// A meeting.
    Meeting,
    /// A zone.
    Zone,
    /// A signing key.
    SigningKey,
    /// The key of the passcodes.
    PasscodeKey,
}

/// How something is now. A replica that saw an older state needs none of those between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "item", content = "value")]
pub enum Item {
    /// An account, without the hash of its password: who signs in does it at the directory.
    Account(Account),
    /// A session or API token, with the hash of its secret.
    Login {
        /// Which.
        login: Login,
        /// Of the secret that opens it.
        secret: SecretHash,
    },
    /// A meeting.
    Meeting(Meeting),
    /// A zone.
    Zone(Zone),
    /// A signing key, the private part included: a replica signs.
    SigningKey(SigningKey),
    /// The key of the passcodes.
    PasscodeKey(PasscodeKey),
    /// The account is gone.
    AccountGone(AccountId),
    /// The session or API token is gone.
    LoginGone(LoginId),
    /// The meeting is gone.
    MeetingGone(MeetingNumber),
    /// The zone is gone.
    ZoneGone(ZoneName),
    /// The signing key is gone.
    SigningKeyGone(KeyId),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its number.
    pub revision: Revision,
    /// What is so now.
    #[serde(flatten)]
    pub item: Item,
}

/// A piece of the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangePage {
    /// Of which database. A replica that knows another one begins anew.
    pub feed: FeedId,
    /// The number of the last change of all. A replica that is further than that begins
    /// anew: the database was set back.
    pub head: Revision,
    /// In order.
    pub changes: Vec<Change>,
    /// Where to go on: after this number.
    pub next: Revision,
}

impl ChangePage {
    /// Whether there is nothing after it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.next >= self.head
    }
}
