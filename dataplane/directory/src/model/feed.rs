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

/// A piece of the feed: all that changed after one number up to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangePage {
    /// Of which database.
    pub feed: FeedId,
    /// The number of the last change of all.
    pub head: Revision,
    /// What has been gone for longer than that is no longer told.
    pub oldest: Revision,
    /// What was asked for: changes after this number.
    pub after: Revision,
    /// In order.
    pub changes: Vec<Change>,
    /// Where to go on: the last of these, or the head.
    pub next: Revision,
}

impl ChangePage {
    /// Whether there is nothing after it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.next >= self.head
    }

    /// Whether a replica that is there can take it. Otherwise it asks again from number 0:
    /// it follows another database, or this one was set back, or it was away for too long.
    #[must_use]
    pub fn fits(&self, position: Option<(FeedId, Revision)>) -> bool {
        let Some((feed, at)) = position else {
            return self.after == Revision(0);
        };
        let begins = self.after == Revision(0);
        let goes_on = feed == self.feed && at == self.after && self.oldest <= at && at <= self.head;
        begins || goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: u64, oldest: u64, head: u64) -> ChangePage {
        ChangePage {
            feed: FeedId::from_random(1),
            head: Revision(head),
            oldest: Revision(oldest),
            after: Revision(after),
            changes: vec![],
            next: Revision(head),
        }
    }

    #[test]
    fn a_replica_goes_on_where_it_was_or_begins_anew() {
        let at = |feed, revision| Some((FeedId::from_random(feed), Revision(revision)));
        assert!(page(0, 5, 9).fits(None));
        assert!(
            !page(7, 5, 9).fits(None),
            "it knows nothing of what came before"
        );
        assert!(page(7, 5, 9).fits(at(1, 7)));
        assert!(!page(7, 5, 9).fits(at(1, 6)), "there is a gap");
        assert!(!page(7, 5, 9).fits(at(2, 7)), "another database");
        assert!(!page(4, 5, 9).fits(at(1, 4)), "away for too long");
        assert!(!page(12, 5, 9).fits(at(1, 12)), "the database was set back");
        assert!(
            page(0, 5, 9).fits(at(2, 7)),
            "from the beginning is always right"
        );
    }
}
