//! What changed after a number, for replicas.

use super::database::{Row, Transaction, Value};
use super::logins::login_columns;
use super::{Error, Store, accounts, keys, logins, meetings, zones};
use crate::model::{Change, ChangePage, Item, MeetingNumber, PAGE_LIMIT, Revision};

/// How many changes what is gone is remembered for. A replica that missed more begins anew.
const REMEMBERED: u64 = 100_000;

/// Everything of one kind that changed after $1, in order, at most $2.
type Read = fn(&Row) -> Result<Change, Error>;

const SOURCES: [(&str, Read); 7] = [
    (
        "SELECT * FROM account WHERE revision > $1 ORDER BY revision LIMIT $2",
        account,
    ),
    (
        concat!(
            "SELECT ",
            login_columns!(),
            " FROM login
             WHERE revision > $1 ORDER BY revision LIMIT $2"
        ),
        login,
    ),
    (
        "SELECT * FROM meeting WHERE revision > $1 ORDER BY revision LIMIT $2",
        meeting,
    ),
    (
        "SELECT * FROM zone WHERE revision > $1 ORDER BY revision LIMIT $2",
        zone,
    ),
    (
        "SELECT * FROM signing_key WHERE revision > $1 ORDER BY revision LIMIT $2",
        signing_key,
    ),
    (
        "SELECT * FROM passcode_key WHERE revision > $1 ORDER BY revision LIMIT $2",
        passcode_key,
    ),
    (
        "SELECT * FROM gone WHERE revision > $1 ORDER BY revision LIMIT $2",
        gone,
    ),
];

impl Store {
    /// What changed after a number: at most so many changes, and never more than 1,000. From
    /// number 0 it is everything there is.
    pub async fn changes(&self, after: Revision, limit: u32) -> Result<ChangePage, Error> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let mut open = self.database.snapshot().await?;
        let row = open.row("SELECT * FROM feed", vec![]).await?;
        let row = row.ok_or_else(|| Error::corrupt("the table feed is empty"))?;
        let head = row.revision("head")?;
        let changes = collect(&mut open, after, limit).await?;
        let whole = usize::try_from(limit).is_ok_and(|limit| changes.len() < limit);
        let last = changes.last().map(|change| change.revision);
        let next = if whole { head } else { last.unwrap_or(head) };
        let (feed, oldest) = (row.named("id")?, row.revision("oldest")?);
        open.commit().await?;
        Ok(ChangePage {
            feed,
            head,
            oldest,
            after,
            changes,
            next,
        })
    }

    /// Forgets what has been gone for long, so that the list does not grow for ever.
    pub(super) async fn forget_gone(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) AS count FROM gone
            WHERE revision <= (SELECT head FROM feed) - $1";
        let old = self.database.row(sql, vec![REMEMBERED.into()]).await?;
        if old.map_or(Ok(0), |row| row.unsigned("count"))? == 0 {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let oldest = write.revision().0.saturating_sub(REMEMBERED);
        let oldest = || -> Vec<Value> { vec![oldest.into()] };
        write
            .execute("UPDATE feed SET oldest = $1 WHERE oldest < $1", oldest())
            .await?;
        let forgotten = write
            .execute("DELETE FROM gone WHERE revision <= $1", oldest())
            .await?;
        write.commit().await?;
        Ok(forgotten)
    }
}

/// The first so many of all kinds together.
async fn collect(
    open: &mut Transaction,
    after: Revision,
    limit: u32,
) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for (sql, read) in SOURCES {
        let rows = open.rows(sql, vec![after.0.into(), limit.into()]).await?;
        for row in &rows {
            changes.push(read(row)?);
        }
    }
    changes.sort_by_key(|change| change.revision);
    changes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(changes)
}

fn account(row: &Row) -> Result<Change, Error> {
    let account = accounts::account(row)?;
    Ok(Change {
        revision: account.revision,
        item: Item::Account(account),
    })
}

fn login(row: &Row) -> Result<Change, Error> {
    let item = Item::Login {
        login: logins::login(row)?,
        secret: row.named("secret")?,
    };
    Ok(Change {
        revision: row.revision("login_revision")?,
        item,
    })
}

fn meeting(row: &Row) -> Result<Change, Error> {
    let meeting = meetings::meeting(row)?;
    Ok(Change {
        revision: meeting.revision,
        item: Item::Meeting(meeting),
    })
}

fn zone(row: &Row) -> Result<Change, Error> {
    let zone = zones::zone(row)?;
    Ok(Change {
        revision: zone.revision,
        item: Item::Zone(zone),
    })
}

fn signing_key(row: &Row) -> Result<Change, Error> {
    Ok(Change {
        revision: row.revision("revision")?,
        item: Item::SigningKey(keys::key(row)?),
    })
}

fn passcode_key(row: &Row) -> Result<Change, Error> {
    Ok(Change {
        revision: row.revision("revision")?,
        item: Item::PasscodeKey(row.named("value")?),
    })
}

fn gone(row: &Row) -> Result<Change, Error> {
    let item = match row.text("kind")?.as_str() {
        accounts::KIND => Item::AccountGone(row.named("key")?),
        logins::KIND => Item::LoginGone(row.named("key")?),
        meetings::KIND => Item::MeetingGone(row.named::<MeetingNumber>("key")?),
        zones::KIND => Item::ZoneGone(row.named("key")?),
        keys::KIND => Item::SigningKeyGone(row.named("key")?),
        other => {
            return Err(Error::Corrupt(format!(
                "something of kind {other:?} is gone"
            )));
        }
    };
    Ok(Change {
        revision: row.revision("revision")?,
        item,
    })
}
