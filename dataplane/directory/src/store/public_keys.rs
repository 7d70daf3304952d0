//! The public keys of replicas, whose tokens are as good as the directory's own.

use super::database::{Row, Value, text, word};
use super::write::Write;
use super::{Error, Store};
use crate::model::{AccountId, AccountRole, PublicKey, Revision};

const WHAT: &str = "key";
/// What tombstones call it.
pub(super) const KIND: &str = "public_key";
/// Of all replicas together: a key set with them is 32 KiB, and goes to every zone that
/// reports.
const KEYS: u64 = 200;
/// Keys whose owner may have none. Those that a replica took have no owner there.
const LEFT_OVER: &str = "SELECT * FROM public_key WHERE owner <> '' AND owner NOT IN
    (SELECT id FROM account WHERE role = $1 AND NOT disabled) ORDER BY id";

impl Store {
    /// All of them.
    pub async fn public_keys(&self) -> Result<Vec<PublicKey>, Error> {
        let sql = "SELECT * FROM public_key ORDER BY id";
        let rows = self.database.rows(sql, vec![]).await?;
        rows.iter().map(key).collect()
    }

    /// Publishes these keys of a replica, in place of those it had; says whether that is a
    /// change. [`Error::Conflict`] if one has the name of somebody else's, [`Error::Full`] if
    /// there are too many of all replicas, [`Error::NotFound`] if the account is gone or disabled.
    pub async fn publish_keys(&self, owner: AccountId, keys: &[PublicKey]) -> Result<bool, Error> {
        let mut write = self.write().await?;
        // Who was disabled since it was let in publishes nothing any more.
        let sql = "SELECT id FROM account WHERE id = $1 AND NOT disabled";
        if write.row(sql, vec![text(owner)]).await?.is_none() {
            return Err(Error::NotFound { what: "account" });
        }
        let had = of(&mut write, owner).await?;
        let old = had.iter().filter(|key| !keys.contains(key));
        let new = keys.iter().filter(|key| !had.contains(key));
        let mut changed = false;
        for key in old {
            remove(&mut write, key).await?;
            changed = true;
        }
        for key in new {
            add(&mut write, key, owner).await?;
            changed = true;
        }
        if changed {
            write.commit().await?;
        }
        Ok(changed)
    }

    /// Withdraws the keys of those who are no replicas any more: accounts that are gone,
    /// disabled, or something else. Changes of accounts do so themselves; older versions of this
    /// program did not. Says how many.
    pub(super) async fn withdraw_keys(&self) -> Result<u64, Error> {
        // Usually there are none, and no lock is taken.
        if self.database.rows(LEFT_OVER, left_over()).await?.is_empty() {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let rows = write.rows(LEFT_OVER, left_over()).await?;
        for row in &rows {
            remove(&mut write, &key(row)?).await?;
        }
        write.commit().await?;
        Ok(rows.len().try_into().unwrap_or(u64::MAX))
    }
}

fn left_over() -> Vec<Value> {
    vec![word(&AccountRole::Replica)]
}

async fn of(write: &mut Write, owner: AccountId) -> Result<Vec<PublicKey>, Error> {
    let sql = "SELECT * FROM public_key WHERE owner = $1";
    let rows = write.rows(sql, vec![text(owner)]).await?;
    rows.iter().map(key).collect()
}

async fn add(write: &mut Write, key: &PublicKey, owner: AccountId) -> Result<(), Error> {
    let sql = "SELECT count(*) AS count FROM public_key";
    if write.count(sql, vec![]).await? >= KEYS {
        return Err(Error::Full { what: "keys" });
    }
    let sql = "SELECT id FROM signing_key WHERE id = $1";
    if write.row(sql, vec![text(key.id)]).await?.is_some() {
        return Err(Error::Conflict { what: WHAT });
    }
    let revision = write.revision();
    insert(write, key, &owner.to_string(), revision)
        .await
        .map_err(|error| error.about(WHAT))?;
    write.back(KIND, key.id).await?;
    write.next().await.map(drop)
}

async fn remove(write: &mut Write, key: &PublicKey) -> Result<(), Error> {
    delete(write, key.id).await?;
    write.gone(KIND, key.id).await?;
    write.next().await.map(drop)
}

/// Removes all keys of a replica, within a change of its account.
pub(super) async fn delete_of(write: &mut Write, owner: AccountId) -> Result<(), Error> {
    for key in of(write, owner).await? {
        write.next().await?;
        delete(write, key.id).await?;
        write.gone(KIND, key.id).await?;
    }
    Ok(())
}

/// Deletes a row, within a change.
pub(super) async fn delete(write: &mut Write, id: crate::model::KeyId) -> Result<(), Error> {
    let sql = "DELETE FROM public_key WHERE id = $1";
    write.execute(sql, vec![text(id)]).await.map(drop)
}

/// Writes a row that is not there yet. `owner` is empty where nobody asks for it.
pub(super) async fn insert(
    write: &mut Write,
    key: &PublicKey,
    owner: &str,
    revision: Revision,
) -> Result<(), Error> {
    let sql = "INSERT INTO public_key (id, owner, x, revision) VALUES ($1, $2, $3, $4)";
    let values = vec![text(key.id), text(owner), text(key.x), revision.0.into()];
    write.execute(sql, values).await.map(drop)
}

pub(super) fn key(row: &Row) -> Result<PublicKey, Error> {
    Ok(PublicKey {
        id: row.named("id")?,
        x: row.named("x")?,
    })
}
