//! What changed after a number, for replicas.

use super::database::{Row, Transaction, Value, text};
use super::logins::login_columns;
use super::{Error, Store, accounts, keys, logins, meetings, public_keys, zones};
use crate::model::{
    Account, Change, ChangePage, FeedId, Item, Mark, MeetingNumber, PAGE_LIMIT, Revision, fitting,
};
use crate::random;

/// How many changes what is gone is remembered for. A replica that missed more begins anew.
const REMEMBERED: u64 = 100_000;

/// All of a page together, in bytes of what the rows hold, unless the first alone is longer: a
/// meeting with 1,000 hosts and 1,000 invited has 75 kB, and a thousand of these are not to be
/// in memory at once.
const PAGE_BYTES: u64 = 256 * 1_024;

/// The numbers after $1 of everything that has one, with the length of what may be long, in
/// order, at most $2. What is short counts for 300.
const SIZES: &str = "SELECT revision, CAST(bytes AS BIGINT) AS bytes FROM (
    SELECT * FROM (SELECT revision, 300 AS bytes FROM account
        WHERE revision > $1 ORDER BY revision LIMIT $2) AS accounts
    UNION ALL SELECT * FROM (SELECT revision, 300 AS bytes FROM login
        WHERE revision > $1 ORDER BY revision LIMIT $2) AS logins
    UNION ALL SELECT * FROM (SELECT revision,
        300 + length(hosts) + length(invited) + coalesce(length(schedule), 0) AS bytes FROM meeting
        WHERE revision > $1 ORDER BY revision LIMIT $2) AS meetings
    UNION ALL SELECT * FROM (SELECT revision, 300 + length(networks) AS bytes FROM zone
        WHERE revision > $1 ORDER BY revision LIMIT $2) AS zones
    UNION ALL SELECT * FROM (SELECT revision, 300 AS bytes FROM signing_key
        WHERE revision > $1 ORDER BY revision LIMIT $2) AS signing_keys
    UNION ALL SELECT * FROM (SELECT revision, 300 AS bytes FROM public_key
        WHERE revision > $1 ORDER BY revision LIMIT $2) AS public_keys
    UNION ALL SELECT * FROM (SELECT revision, 300 AS bytes FROM passcode_key
        WHERE revision > $1 ORDER BY revision LIMIT $2) AS passcode_keys
    UNION ALL SELECT * FROM (SELECT revision, 300 AS bytes FROM gone
        WHERE revision > $1 ORDER BY revision LIMIT $2) AS gone_things
    ) AS everything ORDER BY revision LIMIT $2";

/// Everything of one kind that changed after $1, up to $2. A row may be nobody else's business.
type Read = fn(&Row) -> Result<Option<Change>, Error>;

const SOURCES: [(&str, Read); 8] = [
    (
        "SELECT * FROM account WHERE revision > $1 AND revision <= $2",
        account,
    ),
    (
        concat!(
            "SELECT ",
            login_columns!(),
            " FROM login WHERE revision > $1 AND revision <= $2"
        ),
        login,
    ),
    (
        "SELECT * FROM meeting WHERE revision > $1 AND revision <= $2",
        meeting,
    ),
    (
        "SELECT * FROM zone WHERE revision > $1 AND revision <= $2",
        zone,
    ),
    (
        "SELECT * FROM signing_key WHERE revision > $1 AND revision <= $2",
        signing_key,
    ),
    (
        "SELECT * FROM public_key WHERE revision > $1 AND revision <= $2",
        public_key,
    ),
    (
        "SELECT * FROM passcode_key WHERE revision > $1 AND revision <= $2",
        passcode_key,
    ),
    (
        "SELECT * FROM gone WHERE revision > $1 AND revision <= $2",
        gone,
    ),
];

impl Store {
    /// Which database this is, and the number of its last change.
    pub async fn head(&self) -> Result<(FeedId, Revision), Error> {
        let row = self.database.row("SELECT * FROM feed", vec![]).await?;
        let row = row.ok_or_else(|| Error::corrupt("the table feed is empty"))?;
        Ok((row.named("id")?, row.revision("head")?))
    }

    /// What changed after a number: at most so many changes, and never more than 1,000. From
    /// number 0 it is everything there is.
    pub async fn changes(&self, after: Revision, limit: u32) -> Result<ChangePage, Error> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let mut open = self.database.snapshot().await?;
        let row = open.row("SELECT * FROM feed", vec![]).await?;
        let row = row.ok_or_else(|| Error::corrupt("the table feed is empty"))?;
        let head = row.revision("head")?;
        let next = end(&mut open, after, limit).await?.unwrap_or(head);
        let changes = collect(&mut open, after, next).await?;
        let (feed, oldest) = (row.named("id")?, row.revision("oldest")?);
        open.commit().await?;
        let mark = self.mark(head).await?;
        Ok(ChangePage {
            feed,
            head,
            oldest,
            after,
            changes,
            next,
            mark,
        })
    }

    /// The name of the moment of a change.
    async fn mark(&self, at: Revision) -> Result<Mark, Error> {
        let find = "SELECT mark FROM feed_mark WHERE revision = $1";
        let at = || -> Value { at.0.into() };
        if let Some(row) = self.database.row(find, vec![at()]).await? {
            return row.named("mark");
        }
        // Not one of a database that was set back in this moment.
        let sql = "INSERT INTO feed_mark (revision, mark) SELECT $1, $2 FROM feed
            WHERE head >= $1 ON CONFLICT (revision) DO NOTHING";
        let mark = Mark::from_random(random::bits());
        self.database.execute(sql, vec![at(), text(mark)]).await?;
        let row = self.database.row(find, vec![at()]).await?;
        let row = row.ok_or_else(|| Error::Unavailable("it was set back".to_owned()))?;
        row.named("mark")
    }

    /// Whether this database had that moment, and has not forgotten it.
    pub async fn remembers(&self, mark: Mark) -> Result<bool, Error> {
        let sql = "SELECT mark FROM feed_mark WHERE mark = $1";
        let row = self.database.row(sql, vec![text(mark)]).await?;
        Ok(row.is_some())
    }

    /// Forgets moments that are as long ago as what is no longer told.
    pub(super) async fn forget_marks(&self) -> Result<(), Error> {
        let sql = "DELETE FROM feed_mark WHERE revision <= (SELECT head FROM feed) - $1";
        let touched = self.database.execute(sql, vec![REMEMBERED.into()]).await;
        touched.map(drop)
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

/// The last number of a page that begins after one and has so many changes at most; `None` if
/// all there is fits into it.
async fn end(
    open: &mut Transaction,
    after: Revision,
    limit: u32,
) -> Result<Option<Revision>, Error> {
    let values = vec![after.0.into(), (limit + 1).into()];
    let rows = open.rows(SIZES, values).await?;
    let sizes = rows.iter().map(|row| row.unsigned("bytes"));
    let count = fitting(&sizes.collect::<Result<Vec<_>, _>>()?, limit, PAGE_BYTES);
    match rows[..count].last() {
        Some(last) if count < rows.len() => last.revision("revision").map(Some),
        _ => Ok(None),
    }
}

/// All of all kinds between two numbers, in order.
async fn collect(
    open: &mut Transaction,
    after: Revision,
    to: Revision,
) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for (sql, read) in SOURCES {
        let rows = open.rows(sql, vec![after.0.into(), to.0.into()]).await?;
        for row in &rows {
            changes.extend(read(row)?);
        }
    }
    changes.sort_by_key(|change| change.revision);
    Ok(changes)
}

fn account(row: &Row) -> Result<Option<Change>, Error> {
    let account = accounts::account(row)?;
    Ok(Some(Change {
        revision: account.revision,
        // Nobody at a replica writes to anybody.
        item: Item::Account(Account {
            email: None,
            ..account
        }),
    }))
}

fn login(row: &Row) -> Result<Option<Change>, Error> {
    let item = Item::Login {
        login: logins::login(row)?,
        secret: row.named("secret")?,
    };
    Ok(Some(Change {
        revision: row.revision("login_revision")?,
        item,
    }))
}

fn meeting(row: &Row) -> Result<Option<Change>, Error> {
    let meeting = meetings::meeting(row)?;
    Ok(Some(Change {
        revision: meeting.revision,
        item: Item::Meeting(meeting),
    }))
}

fn zone(row: &Row) -> Result<Option<Change>, Error> {
    let zone = zones::zone(row)?;
    Ok(Some(Change {
        revision: zone.revision,
        item: Item::Zone(zone),
    }))
}

/// Its public half. One that is no key has signed nothing.
fn signing_key(row: &Row) -> Result<Option<Change>, Error> {
    let revision = row.revision("revision")?;
    let key = keys::key(row)?.public();
    Ok(key.map(|key| Change {
        revision,
        item: Item::PublicKey(key),
    }))
}

fn public_key(row: &Row) -> Result<Option<Change>, Error> {
    Ok(Some(Change {
        revision: row.revision("revision")?,
        item: Item::PublicKey(public_keys::key(row)?),
    }))
}

fn passcode_key(row: &Row) -> Result<Option<Change>, Error> {
    Ok(Some(Change {
        revision: row.revision("revision")?,
        item: Item::PasscodeKey(row.named("value")?),
    }))
}

fn gone(row: &Row) -> Result<Option<Change>, Error> {
    let item = match row.text("kind")?.as_str() {
        accounts::KIND => Item::AccountGone(row.named("key")?),
        logins::KIND => Item::LoginGone(row.named("key")?),
        meetings::KIND => Item::MeetingGone(row.named::<MeetingNumber>("key")?),
        zones::KIND => Item::ZoneGone(row.named("key")?),
        keys::KIND | public_keys::KIND => Item::PublicKeyGone(row.named("key")?),
        other => {
            return Err(Error::Corrupt(format!(
                "something of kind {other:?} is gone"
            )));
        }
    };
    Ok(Some(Change {
        revision: row.revision("revision")?,
        item,
    }))
}
