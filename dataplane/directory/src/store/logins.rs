//! Sessions and API tokens.

use jiff::{SignedDuration, Timestamp};

use super::database::{Row, text, time, times, word};
use super::write::Write;
use super::{Error, Store, accounts};
use crate::model::{
    Account, AccountId, Listed, Login, LoginId, LoginKind, NewLogin, Page, Revision, SecretHash,
    Showed,
};
use crate::random;

const WHAT: &str = "session or API token";
/// What tombstones call it.
pub(super) const KIND: &str = "login";
/// Sessions, and API tokens, of one account. The oldest session makes room for a new one;
/// an API token is in use somewhere, so a new one is refused.
const EACH: u64 = 1_000;
/// How exactly the last use is known: each note is a write.
const USED: SignedDuration = SignedDuration::from_mins(5);

/// By what time the end of a login is judged, where it is $1: at a replica not after the moment at
/// which it last heard of its directory. Whoever was signed in then can sign in nowhere else while
/// the directory is away.
macro_rules! judged_at {
    () => {
        "COALESCE((SELECT heard FROM replica WHERE heard < $1), $1)"
    };
}
pub(super) use judged_at;

/// The columns by names that do not clash with those of the account.
macro_rules! login_columns {
    () => {
        "login.id AS login, login.account, login.kind, login.label, login.secret,
         login.created AS login_created, login.expires, login.last_used,
         login.revision AS login_revision"
    };
}
pub(super) use login_columns;

impl Store {
    /// Makes a session or an API token; [`Error::NotFound`] if there is no such account, it is
    /// disabled, or what they showed opens it no more.
    pub async fn add_login(&self, new: NewLogin, now: Timestamp) -> Result<Login, Error> {
        let mut write = self.write().await?;
        let login = Login {
            id: LoginId::from_random(random::bits()),
            account: new.account,
            kind: new.kind,
            label: new.label,
            created: now,
            expires: new.expires,
            last_used: None,
        };
        if !opens(&mut write, login.account, &new.showed).await? {
            return Err(Error::NotFound { what: "account" });
        }
        make_room(&mut write, &login).await?;
        let revision = write.revision();
        insert(&mut write, &login, &new.secret, revision)
            .await
            .map_err(|e| e.about(WHAT))?;
        write.commit().await?;
        Ok(login)
    }

    /// Who presents a secret: [`Error::NotFound`] if nobody has it, it has expired, or the
    /// account is disabled. At a replica what had not expired when it last heard of its directory
    /// is good until it hears of it again.
    pub async fn login(
        &self,
        secret: &SecretHash,
        now: Timestamp,
    ) -> Result<(Login, Account), Error> {
        let sql = concat!(
            "SELECT ",
            login_columns!(),
            ", account.*
             FROM login JOIN account ON account.id = login.account
             WHERE login.secret = $2 AND NOT account.disabled
             AND (login.expires IS NULL OR login.expires > ",
            judged_at!(),
            ")"
        );
        let row = self
            .database
            .row(sql, vec![time(now), text(secret)])
            .await?;
        let row = row.ok_or(Error::NotFound { what: WHAT })?;
        Ok((login(&row)?, accounts::account(&row)?))
    }

    /// Notes that it was used, every five minutes at most.
    pub async fn login_used(&self, id: LoginId, now: Timestamp) -> Result<(), Error> {
        let before = now.checked_sub(USED).unwrap_or(Timestamp::MIN);
        let sql = "UPDATE login SET last_used = $2
            WHERE id = $1 AND (last_used IS NULL OR last_used < $3)";
        self.database
            .execute(sql, vec![text(id), time(now), time(before)])
            .await
            .map(drop)
    }

    /// The sessions or API tokens of an account, the expired included until they are tidied up.
    pub async fn logins(
        &self,
        account: AccountId,
        kind: LoginKind,
        page: &Page<LoginId>,
    ) -> Result<Listed<Login, LoginId>, Error> {
        let sql = concat!(
            "SELECT ",
            login_columns!(),
            " FROM login
             WHERE account = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4"
        );
        let after = page.after().map(ToString::to_string).unwrap_or_default();
        let values = vec![
            text(account),
            word(&kind),
            text(after),
            (page.limit() + 1).into(),
        ];
        let rows = self.database.rows(sql, values).await?;
        let logins = rows.iter().map(login).collect::<Result<_, _>>()?;
        Ok(Listed::of(logins, page.limit(), |login: &Login| login.id))
    }

    /// Ends a session, or an API token, of an account: [`Error::NotFound`] if it is none, or is
    /// of the other kind.
    pub async fn delete_login(
        &self,
        account: AccountId,
        kind: LoginKind,
        id: LoginId,
    ) -> Result<(), Error> {
        let mut write = self.write().await?;
        let sql = "DELETE FROM login WHERE id = $1 AND account = $2 AND kind = $3";
        let values = vec![text(id), text(account), word(&kind)];
        if write.execute(sql, values).await? == 0 {
            return Err(Error::NotFound { what: WHAT });
        }
        write.gone(KIND, id).await?;
        write.commit().await
    }
}

/// Whether what somebody showed opens the account still.
async fn opens(write: &mut Write, account: AccountId, showed: &Showed) -> Result<bool, Error> {
    let mut values = vec![text(account)];
    let sql = match showed {
        Showed::Nothing => "SELECT id FROM account WHERE id = $1 AND NOT disabled",
        Showed::Password(hash) => {
            values.push(text(hash.as_str()));
            "SELECT id FROM account WHERE id = $1 AND NOT disabled AND password = $2"
        }
        Showed::Login(login) => {
            values.push(text(login));
            "SELECT account.id FROM account JOIN login ON login.account = account.id
             WHERE account.id = $1 AND NOT account.disabled AND login.id = $2"
        }
    };
    Ok(write.row(sql, values).await?.is_some())
}

async fn make_room(write: &mut Write, new: &Login) -> Result<(), Error> {
    let sql = "SELECT count(*) AS count FROM login WHERE account = $1 AND kind = $2";
    if write
        .count(sql, vec![text(new.account), word(&new.kind)])
        .await?
        < EACH
    {
        return Ok(());
    }
    if new.kind == LoginKind::ApiToken {
        return Err(Error::Full { what: "API tokens" });
    }
    let sql = "SELECT id FROM login WHERE account = $1 AND kind = $2
        ORDER BY created, id LIMIT 1";
    let Some(row) = write
        .row(sql, vec![text(new.account), word(&new.kind)])
        .await?
    else {
        return Ok(());
    };
    let oldest: LoginId = row.named("id")?;
    write
        .execute("DELETE FROM login WHERE id = $1", vec![text(oldest)])
        .await?;
    write.gone(KIND, oldest).await?;
    write.next().await.map(drop)
}

/// Ends the sessions of an account, within a change of the account.
pub(super) async fn end_sessions(write: &mut Write, account: AccountId) -> Result<(), Error> {
    end_of(write, account, &[LoginKind::Session]).await
}

/// Ends sessions and API tokens of an account, within a change of the account.
pub(super) async fn end_all(write: &mut Write, account: AccountId) -> Result<(), Error> {
    end_of(write, account, &[LoginKind::Session, LoginKind::ApiToken]).await
}

/// Each gets a number of its own, in a few statements however many there are.
async fn end_of(write: &mut Write, account: AccountId, kinds: &[LoginKind]) -> Result<(), Error> {
    for kind in kinds {
        let of = || vec![text(account), word(kind)];
        let sql = "SELECT count(*) AS count FROM login WHERE account = $1 AND kind = $2";
        let count = write.count(sql, of()).await?;
        if count == 0 {
            continue;
        }
        let before = write.further(count).await?.0 - count;
        let sql = "INSERT INTO gone (kind, key, revision)
            SELECT 'login', id, $3 + row_number() OVER (ORDER BY id)
            FROM login WHERE account = $1 AND kind = $2";
        let mut values = of();
        values.push(before.into());
        write.execute(sql, values).await?;
        let sql = "DELETE FROM login WHERE account = $1 AND kind = $2";
        write.execute(sql, of()).await?;
    }
    Ok(())
}

/// Writes a row that is not there yet.
pub(super) async fn insert(
    write: &mut Write,
    login: &Login,
    secret: &SecretHash,
    revision: Revision,
) -> Result<(), Error> {
    let sql = "INSERT INTO login
        (id, account, kind, label, secret, created, expires, last_used, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = vec![
        text(login.id),
        text(login.account),
        word(&login.kind),
        text(&login.label),
        text(secret),
        time(login.created),
        times(login.expires),
        times(login.last_used),
        revision.0.into(),
    ];
    write.execute(sql, values).await.map(drop)
}

pub(super) fn login(row: &Row) -> Result<Login, Error> {
    Ok(Login {
        id: row.named("login")?,
        account: row.named("account")?,
        kind: row.word("kind")?,
        label: row.text("label")?,
        created: row.time("login_created")?,
        expires: row.time_maybe("expires")?,
        last_used: row.time_maybe("last_used")?,
    })
}
