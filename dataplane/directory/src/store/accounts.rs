//! Accounts.

use jiff::Timestamp;
use serde::Serialize;

use super::database::{Row, Statement, among, text, texts, time, word};
use super::write::Write;
use super::{Error, Store};
use crate::model::{
    Account, AccountId, AccountName, AccountRole, Listed, NewAccount, Page, PasswordHash, Revision,
};
use crate::random;

const WHAT: &str = "account";
/// What tombstones call it.
pub(super) const KIND: &str = "account";

const BY_ID: Statement = among!("SELECT * FROM account WHERE id", "TEXT");
const BY_NAME: Statement = among!("SELECT * FROM account WHERE name", "TEXT");

impl Store {
    /// Makes an account; [`Error::Conflict`] if the name is taken.
    pub async fn add_account(&self, new: NewAccount, now: Timestamp) -> Result<Account, Error> {
        let mut write = self.write().await?;
        let account = Account {
            id: AccountId::from_random(random::bits()),
            name: new.name,
            display_name: new.display_name,
            email: new.email,
            role: new.role,
            disabled: false,
            created: now,
            revision: write.revision(),
        };
        insert(&mut write, &account, new.password.as_ref())
            .await
            .map_err(|e| e.about(WHAT))?;
        write.commit().await?;
        Ok(account)
    }

    /// The account of that id.
    pub async fn account(&self, id: AccountId) -> Result<Account, Error> {
        let row = self
            .database
            .row("SELECT * FROM account WHERE id = $1", vec![text(id)])
            .await?;
        account(&row.ok_or(Error::NotFound { what: WHAT })?)
    }

    /// The account of that name.
    pub async fn account_named(&self, name: &AccountName) -> Result<Account, Error> {
        self.credentials(name).await.map(|(account, _)| account)
    }

    /// The account of that name, and the hash of its password if it has one. Disabled
    /// accounts too.
    pub async fn credentials(
        &self,
        name: &AccountName,
    ) -> Result<(Account, Option<PasswordHash>), Error> {
        let sql = "SELECT * FROM account WHERE name = $1";
        let row = self.database.row(sql, vec![text(name)]).await?;
        let row = row.ok_or(Error::NotFound { what: WHAT })?;
        Ok((account(&row)?, row.named_maybe("password")?))
    }

    /// Those of these accounts that are there.
    pub async fn accounts_of(&self, ids: &[AccountId]) -> Result<Vec<Account>, Error> {
        self.accounts_among(&BY_ID, &ids).await
    }

    /// Every account that has one of these names.
    pub async fn accounts_named(&self, names: &[&str]) -> Result<Vec<Account>, Error> {
        self.accounts_among(&BY_NAME, &names).await
    }

    async fn accounts_among(
        &self,
        statement: &Statement,
        list: &impl Serialize,
    ) -> Result<Vec<Account>, Error> {
        let sql = self.database.words(statement)?;
        let rows = self.database.rows(sql, vec![word(list)]).await?;
        rows.iter().map(account).collect()
    }

    /// All accounts, by name.
    pub async fn accounts(
        &self,
        page: &Page<AccountName>,
    ) -> Result<Listed<Account, AccountName>, Error> {
        let sql = "SELECT * FROM account WHERE name > $1 ORDER BY name LIMIT $2";
        let after = page.after().map_or("", AccountName::as_str);
        let values = vec![text(after), (page.limit() + 1).into()];
        let rows = self.database.rows(sql, values).await?;
        let accounts = rows.iter().map(account).collect::<Result<_, _>>()?;
        Ok(Listed::of(accounts, page.limit(), |account: &Account| {
            account.name.clone()
        }))
    }

    /// Writes an account that was read before: [`Error::Changed`] if somebody else wrote it
    /// meanwhile, [`Error::Conflict`] if its new name is taken, [`Error::LastAdmin`] if no other
    /// administrator would be left. Its id and when it was made stay.
    /// Who is disabled loses sessions and API tokens for good: who takes an account away from a
    /// thief does not give it back by enabling it again. A replica keeps its token, as nobody
    /// signs in to make another; disabled, or a replica no more, it loses its keys.
    pub async fn change_account(&self, changed: &Account) -> Result<Account, Error> {
        let mut write = self.write().await?;
        let administers = administers(&mut write, changed.id).await?;
        let was_withdrawn = was_withdrawn(&mut write, changed.id).await?;
        let sql = "UPDATE account
            SET name = $3, display_name = $4, email = $5, role = $6, disabled = $7, revision = $8
            WHERE id = $1 AND revision = $2";
        let values = vec![
            text(changed.id),
            changed.revision.0.into(),
            text(&changed.name),
            text(&changed.display_name),
            texts(changed.email.as_ref()),
            word(&changed.role),
            changed.disabled.into(),
            write.revision().0.into(),
        ];
        let touched = write
            .execute(sql, values)
            .await
            .map_err(|error| error.about(WHAT))?;
        let row = write
            .row(
                "SELECT * FROM account WHERE id = $1",
                vec![text(changed.id)],
            )
            .await?;
        let account = account(&row.ok_or(Error::NotFound { what: WHAT })?)?;
        if touched == 0 {
            return Err(Error::Changed { what: WHAT });
        }
        if administers {
            still_administered(&mut write).await?;
        }
        if account.disabled || account.role != AccountRole::Replica {
            super::public_keys::delete_of(&mut write, account.id).await?;
        }
        let withdrawn = account.disabled || was_withdrawn;
        if withdrawn && account.role != AccountRole::Replica {
            super::logins::end_all(&mut write, account.id).await?;
        }
        write.commit().await?;
        Ok(account)
    }

    /// Ends all sessions and API tokens of an account.
    pub async fn end_logins(&self, id: AccountId) -> Result<(), Error> {
        let mut write = self.write().await?;
        let sql = "UPDATE account SET revision = $2 WHERE id = $1";
        let values = vec![text(id), write.revision().0.into()];
        if write.execute(sql, values).await? == 0 {
            return Err(Error::NotFound { what: WHAT });
        }
        super::logins::end_all(&mut write, id).await?;
        write.commit().await
    }

    /// Sets a password and ends the account's sessions; its API tokens stay. Where the old one
    /// is given it is [`Error::NotFound`] as well if that is the password no more.
    pub async fn set_password(
        &self,
        id: AccountId,
        old: Option<&PasswordHash>,
        new: &PasswordHash,
    ) -> Result<(), Error> {
        let mut write = self.write().await?;
        let sql = "UPDATE account SET password = $2, revision = $3
            WHERE id = $1 AND (CAST($4 AS TEXT) IS NULL OR password = $4)";
        let values = vec![
            text(id),
            text(new.as_str()),
            write.revision().0.into(),
            texts(old.map(PasswordHash::as_str)),
        ];
        if write.execute(sql, values).await? == 0 {
            return Err(Error::NotFound { what: WHAT });
        }
        super::logins::end_sessions(&mut write, id).await?;
        write.commit().await
    }

    /// Deletes an account with its sessions, API tokens, meetings, and keys if it is a
    /// replica's: [`Error::Changed`] if it is not `still` at that number, where one is given,
    /// [`Error::LastAdmin`] if no other administrator would be left.
    /// Other meetings keep its id among their hosts and invited: nobody will ever have it again.
    pub async fn delete_account(
        &self,
        id: AccountId,
        still: Option<Revision>,
    ) -> Result<(), Error> {
        let now = self.time().await?;
        let mut write = self.write().await?;
        let sql = "SELECT revision FROM account WHERE id = $1";
        write.still(WHAT, sql, text(id), still).await?;
        let administers = administers(&mut write, id).await?;
        if write
            .execute("DELETE FROM account WHERE id = $1", vec![text(id)])
            .await?
            == 0
        {
            return Err(Error::NotFound { what: WHAT });
        }
        if administers {
            still_administered(&mut write).await?;
        }
        write.gone(KIND, id).await?;
        super::logins::end_all(&mut write, id).await?;
        super::public_keys::delete_of(&mut write, id).await?;
        super::meetings::delete_of(&mut write, id, now).await?;
        write
            .execute(
                "DELETE FROM meeting_person WHERE account = $1",
                vec![text(id)],
            )
            .await?;
        write.commit().await
    }
}

/// Whether that is an administrator who is not disabled.
async fn administers(write: &mut Write, id: AccountId) -> Result<bool, Error> {
    let sql = "SELECT count(*) AS count FROM account
        WHERE id = $1 AND role = $2 AND NOT disabled";
    let values = vec![text(id), word(&AccountRole::Admin)];
    Ok(write.count(sql, values).await? > 0)
}

/// Whether what opens it may be a thief's, or is a replica's: enabled, or made a person's, it begins
/// without.
async fn was_withdrawn(write: &mut Write, id: AccountId) -> Result<bool, Error> {
    let sql = "SELECT count(*) AS count FROM account
        WHERE id = $1 AND (role = $2 OR disabled)";
    let values = vec![text(id), word(&AccountRole::Replica)];
    Ok(write.count(sql, values).await? > 0)
}

/// To be asked within the change: two who take away each other's rights at once do it one after
/// the other, and the second is refused.
async fn still_administered(write: &mut Write) -> Result<(), Error> {
    let sql = "SELECT count(*) AS count FROM account WHERE role = $1 AND NOT disabled";
    match write.count(sql, vec![word(&AccountRole::Admin)]).await? {
        0 => Err(Error::LastAdmin),
        _ => Ok(()),
    }
}

/// Writes a row that is not there yet.
pub(super) async fn insert(
    write: &mut Write,
    account: &Account,
    password: Option<&PasswordHash>,
) -> Result<(), Error> {
    let sql = "INSERT INTO account
        (id, name, display_name, email, role, disabled, password, created, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = vec![
        text(account.id),
        text(&account.name),
        text(&account.display_name),
        texts(account.email.as_ref()),
        word(&account.role),
        account.disabled.into(),
        texts(password.map(PasswordHash::as_str)),
        time(account.created),
        account.revision.0.into(),
    ];
    write.execute(sql, values).await.map(drop)
}

pub(super) fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.named("id")?,
        name: row.named("name")?,
        display_name: row.named("display_name")?,
        email: row.named_maybe("email")?,
        role: row.word("role")?,
        disabled: row.truth("disabled")?,
        created: row.time("created")?,
        revision: row.revision("revision")?,
    })
}
