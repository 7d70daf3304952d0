//! Other people's accounts: how they are shown to whom they meet, and how they are named.
//!
//! Nobody counts through them: who names accounts that do not exist is slowed down like who
//! guesses a passcode, by their own account, as only who is signed in names anybody. Not so
//! administrators, to whom all accounts are listed.

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_wire::DisplayName;
use plenum_wire::directory::Denial;
use serde::Serialize;
use utoipa::ToSchema;

use super::Directory;
use super::auth::SignedIn;
use super::limits::Limits;
use super::problem::{Answer, Problem};
use crate::model::{Account, AccountId, AccountName, InvalidMeeting, MeetingSettings};

/// Somebody with an account, as others see them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Person {
    /// Which account, for ever.
    #[schema(value_type = String)]
    id: AccountId,
    /// Signs in with it.
    #[schema(value_type = String)]
    name: AccountName,
    /// Shown to others.
    display_name: DisplayName,
}

impl From<Account> for Person {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            display_name: account.display_name,
        }
    }
}

/// Those of some accounts that are there still.
pub struct People(BTreeMap<AccountId, Person>);

impl People {
    /// Whoever has one of these ids.
    pub async fn of(directory: &Directory, mut ids: Vec<AccountId>) -> Answer<Self> {
        ids.sort_unstable();
        ids.dedup();
        let accounts = directory.store().accounts_of(&ids).await?;
        let people = accounts.into_iter().map(|it| (it.id, it.into()));
        Ok(Self(people.collect()))
    }

    /// Who that is; `None` where the account is gone.
    pub fn one(&self, id: AccountId) -> Option<Person> {
        self.0.get(&id).cloned()
    }

    /// Those who are there still.
    pub fn all(&self, ids: &[AccountId]) -> Vec<Person> {
        ids.iter().filter_map(|id| self.one(*id)).collect()
    }
}

/// The accounts that `caller` calls so in `field`: by name or id. Of those who are `known` already
/// an id is believed.
pub async fn called(
    directory: &Directory,
    caller: &SignedIn,
    field: &str,
    texts: &[String],
    known: &[AccountId],
) -> Answer<Vec<AccountId>> {
    if texts.len() > MeetingSettings::PEOPLE {
        return Err(Problem::bad_request(InvalidMeeting::People.to_string()));
    }
    let named = Named {
        limits: directory.limits(),
        caller,
        field,
        texts,
        known,
    };
    named.told(0)?;
    let found = found(directory, texts).await?;
    named.among(&found)
}

/// Who is named how, by whom, and where.
struct Named<'a> {
    limits: &'a Limits,
    caller: &'a SignedIn,
    field: &'a str,
    texts: &'a [String],
    known: &'a [AccountId],
}

impl Named<'_> {
    /// Which they are of those who were found.
    fn among(&self, found: &[Account]) -> Answer<Vec<AccountId>> {
        let mut ids = Vec::with_capacity(self.texts.len());
        let mut unknown = Vec::new();
        for text in self.texts {
            match one(text, found) {
                Some(id) if ids.contains(&id) => {}
                Some(id) => ids.push(id),
                None if is_among(text, self.known) => ids.extend(text.parse::<AccountId>()),
                None => unknown.push(text),
            }
        }
        let told = self.told(unknown.len())?;
        if unknown.is_empty() {
            return Ok(ids);
        }
        let others = if told < unknown.len() {
            ", and there are more that are none"
        } else {
            ""
        };
        let (field, unknown) = (self.field, &unknown[..told]);
        Err(Problem::from(Denial::BadRequest).saying(format!(
            "\"{field}\": no account goes by {unknown:?}; say the name that it signs in with, or its id{others}"
        )))
    }

    /// How many of so many who are not there the caller is told of. Each counts as a wrong guess,
    /// and none of which more is learned than they have guesses left. Who has none is not told
    /// either that all are there: others that they named at the same time were found missing
    /// while these were looked for.
    fn told(&self, nobody: usize) -> Answer<usize> {
        let guesses = !self.texts.iter().all(|text| is_among(text, self.known));
        if self.caller.is_admin() || !guesses {
            return Ok(nobody);
        }
        let (caller, now) = (self.caller.account.id, Instant::now());
        let told = self.limits.misnamed(caller, nobody, now);
        told.map_err(|wait| {
            Problem::too_many(wait)
                .saying("too many whom you named have no account; ask again later")
        })
    }
}

/// Who is there of those that go by these texts, which may be anything.
async fn found(directory: &Directory, texts: &[String]) -> Answer<Vec<Account>> {
    let ids: Vec<AccountId> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let names = texts.iter().map(String::as_str);
    let names: Vec<&str> = names
        .filter(|it| it.parse::<AccountName>().is_ok())
        .collect();
    let mut found = directory.store().accounts_of(&ids).await?;
    found.extend(directory.store().accounts_named(&names).await?);
    Ok(found)
}

fn is_among(text: &str, known: &[AccountId]) -> bool {
    text.parse().is_ok_and(|id| known.contains(&id))
}

/// An id before a name, which may look like one.
fn one(text: &str, found: &[Account]) -> Option<AccountId> {
    let id = text.parse::<AccountId>().ok();
    let by_id = found.iter().find(|it| Some(it.id) == id);
    let account = by_id.or_else(|| found.iter().find(|it| it.name.as_str() == text))?;
    Some(account.id)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::guesses::ADDRESS;
    use super::*;
    use crate::model::{AccountRole, Login, LoginId, LoginKind, Revision};

    fn account(id: u64, name: &str) -> Account {
        Account {
            id: AccountId::from_random(id.into()),
            name: name.parse().unwrap(),
            display_name: name.parse().unwrap(),
            email: None,
            role: AccountRole::User,
            disabled: false,
            created: Timestamp::UNIX_EPOCH,
            revision: Revision(1),
        }
    }

    fn signed_in(account: Account) -> SignedIn {
        let login = Login {
            id: LoginId::from_random(1),
            account: account.id,
            kind: LoginKind::Session,
            label: String::new(),
            created: Timestamp::UNIX_EPOCH,
            expires: None,
            last_used: None,
        };
        SignedIn { account, login }
    }

    /// Each names one; all of them have come before the first is known to be nobody.
    #[test]
    fn of_many_who_are_named_at_once_no_more_is_told() {
        let (limits, ada) = (Limits::default(), account(1, "ada"));
        let eve = signed_in(account(2, "eve"));
        let guesses: Vec<_> = (0..100).map(|name| [format!("user{name}")]).collect();
        let there = ["ada".to_owned()];
        let named = |texts| Named {
            limits: &limits,
            caller: &eve,
            field: "invited",
            texts,
            known: &[],
        };
        for texts in guesses.iter().chain([&there]) {
            assert!(named(texts).told(0).is_ok(), "they are looked for");
        }
        let found = [ada];
        let answers = guesses.iter().map(|texts| named(texts).among(&found));
        let told =
            answers.filter(|it| it.as_ref().is_err_and(|it| it.code() == Denial::BadRequest));
        assert_eq!(told.count(), ADDRESS.free as usize);
        let right = named(&there).among(&found).unwrap_err();
        assert_eq!(right.code(), Denial::TooManyRequests);
    }
}
