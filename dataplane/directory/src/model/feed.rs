//! What replicas pull: everything that changed after a number, what is gone included.

use serde::{Deserialize, Serialize};

use super::{
    Account, AccountId, FeedId, KeyId, Login, LoginId, Mark, Meeting, MeetingNumber, PasscodeKey,
    PublicKey, Revision, SecretHash, Zone,
};
use plenum_wire::ZoneName;

/// How something is now. A replica that saw an older state needs none of those between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "item", content = "value")]
pub enum Item {
    /// An account, without the hash of its password, because who signs in does it at the
    /// directory, and without its address.
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
    /// What tokens are verified with. A replica signs with keys of its own.
    PublicKey(PublicKey),
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
    /// The key is gone, and its tokens are dead.
    PublicKeyGone(KeyId),
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
    /// The moment of which all that is said.
    pub mark: Mark,
}

/// How far a replica has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// Which database it follows.
    pub feed: FeedId,
    /// It has all changes up to this number.
    pub at: Revision,
    /// The moment of its last page: proof that this database was there.
    pub mark: Mark,
    /// Whether it has had everything once, and so can answer.
    pub whole: bool,
}

impl ChangePage {
    /// Whether there is nothing after it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.next >= self.head
    }

    /// Whether it can be so at all: numbers that rise within what it says it is about, and an
    /// end or something on the way there.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let rise = self
            .changes
            .is_sorted_by(|one, other| one.revision < other.revision);
        let within = |change: &Change| self.after < change.revision && change.revision <= self.next;
        let goes_on = self.is_last() || self.next > self.after;
        rise && goes_on && self.changes.iter().all(within)
    }

    /// As many of its changes as fit into so many bytes of JSON, and one at least.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        let mut room = bytes;
        let fit = self.changes.iter().take_while(|change| {
            let length = serde_json::to_vec(change).map_or(usize::MAX, |text| text.len());
            let fits = length <= room;
            room = room.saturating_sub(length);
            fits
        });
        let keep = fit.count().max(1);
        if keep < self.changes.len() {
            self.changes.truncate(keep);
            self.next = self.changes[keep - 1].revision;
        }
        self
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
            mark: Mark::from_random(1),
        }
    }

    fn gone(revision: u64) -> Change {
        Change {
            revision: Revision(revision),
            item: Item::LoginGone(LoginId::from_random(7)),
        }
    }

    #[test]
    fn a_page_is_cut_to_what_fits() {
        let mut page = page(3, 0, 9);
        page.changes = [4, 6, 9].map(gone).into();
        let each = serde_json::to_vec(&gone(4)).unwrap().len();
        assert_eq!(page.clone().cut(3 * each), page, "all of it fits");
        let two = page.clone().cut(3 * each - 1);
        assert_eq!((two.changes.len(), two.next), (2, Revision(6)));
        assert!(!two.is_last() && two.is_sound());
        let one = page.cut(0);
        assert_eq!(
            (one.changes.len(), one.next),
            (1, Revision(4)),
            "one at least"
        );
    }

    #[test]
    fn what_leads_nowhere_is_not_sound() {
        let with = |after, next, changes: &[u64]| ChangePage {
            next: Revision(next),
            changes: changes.iter().map(|at| gone(*at)).collect(),
            ..page(after, 0, 9)
        };
        assert!(with(3, 9, &[4, 6]).is_sound());
        assert!(with(3, 6, &[4, 6]).is_sound());
        assert!(with(9, 9, &[]).is_sound(), "there is nothing new");
        assert!(!with(3, 9, &[6, 4]).is_sound());
        assert!(!with(3, 9, &[4, 4]).is_sound());
        assert!(!with(3, 9, &[3]).is_sound(), "not after 3");
        assert!(!with(3, 6, &[7]).is_sound(), "after its own end");
        assert!(
            !with(3, 3, &[]).is_sound(),
            "the same question would follow for ever"
        );
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
