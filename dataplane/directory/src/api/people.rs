//! Other people's accounts: how they are shown to whom they meet, and how they are named.
//!
//! Nobody counts through them: who names accounts that do not exist is slowed down like who
//! guesses a passcode, by their own account, as only who is signed in names anybody. Not so
//! administrators, to whom all accounts are listed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::DisplayName;
use plenum_wire::directory::Denial;
use serde::Serialize;
use utoipa::ToSchema;

use super::Directory;
use super::auth::SignedIn;
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
    if !caller.is_admin() && !texts.iter().all(|text| is_among(text, known)) {
        let allowed = directory
            .limits()
            .may_name(caller.account.id, Instant::now());
        allowed.map_err(misnamed_too_many)?;
    }
    let found = found(directory, texts).await?;
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
    let told = told(directory, caller, &unknown)?;
    let others = if told < unknown.len() {
        ", and there are more that are none"
    } else {
        ""
    };
    let unknown = &unknown[..told];
    Err(Problem::from(Denial::BadRequest).saying(format!(
        "\"{field}\": no account goes by {unknown:?}; say the name that it signs in with, or its id{others}"
    )))
}

/// How many of those who are not there the caller is told of. Each counts as a wrong guess, and
/// none of which more is learned than they have guesses left.
fn told(directory: &Directory, caller: &SignedIn, unknown: &[&String]) -> Answer<usize> {
    if caller.is_admin() {
        return Ok(unknown.len());
    }
    let (limits, now) = (directory.limits(), Instant::now());
    for told in 0..unknown.len() {
        match limits.misnamed(caller.account.id, now) {
            Ok(()) => {}
            Err(wait) if told == 0 => return Err(misnamed_too_many(wait)),
            Err(_) => return Ok(told),
        }
    }
    Ok(unknown.len())
}

fn misnamed_too_many(wait: Duration) -> Problem {
    Problem::too_many(wait).saying("too many whom you named have no account; ask again later")
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
