//! The keys that sign tokens.

use jiff::Timestamp;

use super::database::{Row, text, time, times, word};
use super::write::Write;
use super::{Error, Store};
use crate::model::{KeyId, Pkcs8, Revision, SigningKey, rotation};

/// What tombstones call it.
pub(super) const KIND: &str = "signing_key";
/// More than ever exist at once.
const KEYS: u32 = 100;

impl Store {
    /// All keys that have not been forgotten.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, Error> {
        let sql = "SELECT * FROM signing_key ORDER BY active_from, id LIMIT $1";
        let rows = self.database.rows(sql, vec![KEYS.into()]).await?;
        rows.iter().map(key).collect()
    }

    /// Does what [`rotation`] says, and answers all keys. Any number of processes may do so
    /// at once: one of them makes the key. `make` gets the moment from which it is to sign.
    pub async fn rotate_keys<F>(&self, now: Timestamp, make: F) -> Result<Vec<SigningKey>, Error>
    where
        F: Fn(Timestamp) -> SigningKey + Send,
    {
        let keys = self.signing_keys().await?;
        if rotation(&keys, now).is_empty() {
            return Ok(keys);
        }
        let mut write = self.write().await?;
        let sql = "SELECT * FROM signing_key ORDER BY active_from, id LIMIT $1";
        let rows = write.rows(sql, vec![KEYS.into()]).await?;
        let keys: Vec<SigningKey> = rows.iter().map(key).collect::<Result<_, _>>()?;
        let plan = rotation(&keys, now);
        for id in plan.retire {
            retire(&mut write, id, now).await?;
        }
        for id in plan.forget {
            delete(&mut write, id).await?;
            write.gone(KIND, id).await?;
            write.next().await?;
        }
        if let Some(active_from) = plan.make {
            let revision = write.revision();
            insert(&mut write, &make(active_from), revision).await?;
        }
        write.commit().await?;
        self.signing_keys().await
    }
}

async fn retire(write: &mut Write, id: KeyId, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE signing_key SET retired = $2, revision = $3 WHERE id = $1";
    let values = vec![text(id), time(now), write.revision().0.into()];
    write.execute(sql, values).await?;
    write.next().await.map(drop)
}

/// Deletes a key, within a change.
pub(super) async fn delete(write: &mut Write, id: KeyId) -> Result<(), Error> {
    write
        .execute("DELETE FROM signing_key WHERE id = $1", vec![text(id)])
        .await
        .map(drop)
}

/// Writes a row that is not there yet.
pub(super) async fn insert(
    write: &mut Write,
    key: &SigningKey,
    revision: Revision,
) -> Result<(), Error> {
    let sql = "INSERT INTO signing_key (id, pkcs8, created, active_from, retired, revision)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let values = vec![
        text(key.id),
        word(&key.pkcs8),
        time(key.created),
        time(key.active_from),
        times(key.retired),
        revision.0.into(),
    ];
    write.execute(sql, values).await.map(drop)
}

pub(super) fn key(row: &Row) -> Result<SigningKey, Error> {
    Ok(SigningKey {
        id: row.named("id")?,
        pkcs8: Pkcs8::try_from(row.text("pkcs8")?).map_err(Error::corrupt)?,
        created: row.time("created")?,
        active_from: row.time("active_from")?,
        retired: row.time_maybe("retired")?,
    })
}
