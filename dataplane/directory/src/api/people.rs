//! Other people's accounts: how they are shown to whom they meet, and how they are named.
//!
//! Nobody counts through them: who names accounts that do not exist is slowed down like who
//! guesses a passcode, by their own account, as only who is signed in names anybody.

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_wire::DisplayName;
use plenum_wire::directory::Denial;
use serde::Serialize;
use utoipa::ToSchema;

use super::Directory;
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

/// The accounts that `caller` calls so in `field`: by name, e-mail address or id. Of those who
/// are `known` already an id is believed.
pub async fn called(
    directory: &Directory,
    caller: AccountId,
    field: &str,
    texts: &[String],
    known: &[AccountId],
) -> Answer<Vec<AccountId>> {
    if texts.len() > MeetingSettings::PEOPLE {
        return Err(Problem::bad_request(InvalidMeeting::People.to_string()));
    }
    let limits = directory.limits();
    if !texts.iter().all(|text| is_among(text, known)) {
        let allowed = limits.may_name(caller, Instant::now());
        allowed.map_err(Problem::too_many)?;
    }
    let found = directory.store().accounts_called(texts).await?;
    let mut ids = Vec::with_capacity(texts.len());
    let mut unknown = Vec::new();
    for text in texts {
        match one(text, &found) {
            Some(id) if ids.contains(&id) => {}
            Some(id) => ids.push(id),
            None if is_among(text, known) => ids.extend(text.parse::<AccountId>()),
            None => unknown.push(text),
        }
    }
    if unknown.is_empty() {
        return Ok(ids);
    }
    for _ in &unknown {
        let counted = limits.misnamed(caller, Instant::now());
        counted.map_err(Problem::too_many)?;
    }
    Err(Problem::from(Denial::BadRequest).saying(format!(
        "\"{field}\": no account, or more than one, goes by {unknown:?}; say the name that it \
         signs in with, its e-mail address or its id"
    )))
}

fn is_among(text: &str, known: &[AccountId]) -> bool {
    text.parse().is_ok_and(|id| known.contains(&id))
}

/// An id before a name, which may look like one; an address only if it is one account's.
fn one(text: &str, found: &[Account]) -> Option<AccountId> {
    let by = |is: &dyn Fn(&&Account) -> bool| {
        let mut those = found.iter().filter(is);
        let first = those.next();
        first.filter(|_| those.next().is_none())
    };
    let by_id = by(&|it| text.parse().is_ok_and(|id: AccountId| it.id == id));
    let by_name = || by(&|it| it.name.as_str() == text);
    let by_email = || {
        let address = text.to_lowercase();
        by(&|it| {
            it.email
                .as_ref()
                .is_some_and(|it| it.as_str().to_lowercase() == address)
        })
    };
    let account = by_id.or_else(by_name).or_else(by_email)?;
    Some(account.id)
}
