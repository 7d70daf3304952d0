//! A replica takes what it pulled.
//!
//! A page says all that changed after one number up to another. So whatever the replica has
//! with a number in that range, and the page has not, is no longer so: it was changed later,
//! which will come, or is gone. That makes beginning anew the same as going on, and needs no
//! list of what was there before.

use jiff::Timestamp;

use super::database::{text, time, word};
use super::write::Write;
use super::{Error, Store, accounts, endings, logins, meetings, public_keys, zones};
use crate::model::{Account, Change, ChangePage, Followed, Item, Meeting, PasscodeKey, Revision};

/// The tables of things with numbers. Signing keys are not among them: a replica has its own.
macro_rules! each_table {
    ($before:literal, $after:literal) => {
        [
            concat!($before, "account", $after),
            concat!($before, "login", $after),
            concat!($before, "meeting", $after),
            concat!($before, "zone", $after),
            concat!($before, "public_key", $after),
            concat!($before, "gone", $after),
        ]
    };
}

impl Store {
    /// How far this replica has come; `None` before the first page.
    pub async fn followed(&self) -> Result<Option<Followed>, Error> {
        let row = self.database.row("SELECT * FROM replica", vec![]).await?;
        row.map(|row| {
            Ok(Followed {
                feed: row.named("feed")?,
                at: row.revision("position")?,
                mark: row.named("mark")?,
                whole: row.truth("whole")?,
            })
        })
        .transpose()
    }

    /// Takes a page, all of it or nothing; [`Error::Conflict`] if it does not
    /// [fit](ChangePage::fits): then the next is asked for from number 0.
    pub async fn apply(&self, page: &ChangePage) -> Result<(), Error> {
        let now = self.time().await?;
        let mut write = self.write().await?;
        let row = write.row("SELECT * FROM replica", vec![]).await?;
        let position =
            row.map(|row| Ok::<_, Error>((row.named("feed")?, row.revision("position")?)));
        if !page.fits(position.transpose()?) {
            return Err(Error::Conflict {
                what: "place in the feed",
            });
        }
        drop_stale(&mut write, page).await?;
        let mut passcode_key = None;
        for change in &page.changes {
            take(&mut write, change, now).await?;
            if let Item::PasscodeKey(key) = &change.item {
                passcode_key = Some(*key);
            }
        }
        note_position(&mut write, page, now).await?;
        write.commit().await?;
        if let Some(key) = passcode_key {
            self.use_passcode_key(key);
        }
        Ok(())
    }
}

async fn drop_stale(write: &mut Write, page: &ChangePage) -> Result<(), Error> {
    let to = if page.is_last() {
        Revision(i64::MAX.unsigned_abs())
    } else {
        page.next
    };
    for sql in each_table!("DELETE FROM ", " WHERE revision > $1 AND revision <= $2") {
        write
            .execute(sql, vec![page.after.0.into(), to.0.into()])
            .await?;
    }
    Ok(())
}

async fn note_position(write: &mut Write, page: &ChangePage, now: Timestamp) -> Result<(), Error> {
    // What it had once it can answer with, also while it begins anew.
    let sql = "INSERT INTO replica (one, feed, position, mark, whole, heard)
        VALUES (1, $1, $2, $3, $4, $5)
        ON CONFLICT (one) DO UPDATE SET feed = excluded.feed, position = excluded.position,
        mark = excluded.mark, whole = replica.whole OR excluded.whole, heard = excluded.heard";
    let values = vec![
        text(page.feed),
        page.next.0.into(),
        text(page.mark),
        page.is_last().into(),
        time(now),
    ];
    write.execute(sql, values).await?;
    // Its own changes, should it ever make some, come after all it has taken.
    let sql = "UPDATE feed SET head = $1 WHERE head < $1";
    write.execute(sql, vec![page.head.0.into()]).await.map(drop)
}

async fn take(write: &mut Write, change: &Change, now: Timestamp) -> Result<(), Error> {
    let revision = change.revision;
    match &change.item {
        Item::Account(account) => take_account(write, account).await,
        Item::Login { login, secret } => {
            write
                .execute("DELETE FROM login WHERE id = $1", vec![text(login.id)])
                .await?;
            logins::insert(write, login, secret, revision).await
        }
        Item::Meeting(meeting) => take_meeting(write, meeting, now).await,
        Item::Zone(zone) => {
            write
                .execute("DELETE FROM zone WHERE name = $1", vec![text(&zone.name)])
                .await?;
            zones::insert(write, zone).await
        }
        Item::PublicKey(key) => {
            public_keys::delete(write, key.id).await?;
            public_keys::insert(write, key, "", revision).await
        }
        Item::PasscodeKey(key) => take_passcode_key(write, key, revision).await,
        gone => take_gone(write, gone, now).await,
    }
}

/// A name may have gone from one account to another whose change comes first: the other's
/// is still to come, until then it is not there.
async fn take_account(write: &mut Write, account: &Account) -> Result<(), Error> {
    let sql = "DELETE FROM account WHERE id = $1 OR name = $2";
    write
        .execute(sql, vec![text(account.id), text(&account.name)])
        .await?;
    accounts::insert(write, account, None).await
}

/// The same for the one personal meeting of an account. Who waits goes on waiting.
async fn take_meeting(write: &mut Write, meeting: &Meeting, now: Timestamp) -> Result<(), Error> {
    let sql = "SELECT number FROM meeting WHERE number = $1 AND ended IS NULL";
    let number = vec![meeting.number.value().into()];
    let was_open = write.row(sql, number).await?.is_some();
    let sql = "DELETE FROM meeting WHERE number = $1
        OR (owner = $2 AND kind = 'personal' AND $3)";
    let personal = meeting.kind == crate::model::MeetingKind::Personal;
    let values = vec![
        meeting.number.value().into(),
        text(meeting.owner),
        personal.into(),
    ];
    write.execute(sql, values).await?;
    meetings::insert(write, meeting).await?;
    // Until now people were let in here, however long ago it was ended there.
    match meeting.ended {
        Some(at) if was_open || now.duration_since(at) < endings::KEPT => {
            endings::note(write, meeting.number, now).await
        }
        _ => Ok(()),
    }
}

async fn take_passcode_key(
    write: &mut Write,
    key: &PasscodeKey,
    revision: Revision,
) -> Result<(), Error> {
    let sql = "UPDATE passcode_key SET value = $1, revision = $2 WHERE one = 1";
    write
        .execute(sql, vec![word(key), revision.0.into()])
        .await
        .map(drop)
}

/// When it went the directory does not say. It is over for good, so later does as well.
async fn take_gone(write: &mut Write, gone: &Item, now: Timestamp) -> Result<(), Error> {
    match gone {
        Item::AccountGone(id) => write
            .execute("DELETE FROM account WHERE id = $1", vec![text(id)])
            .await
            .map(drop),
        Item::LoginGone(id) => write
            .execute("DELETE FROM login WHERE id = $1", vec![text(id)])
            .await
            .map(drop),
        Item::MeetingGone(number) => meetings::remove(write, &[*number], now).await.map(drop),
        Item::ZoneGone(name) => zones::delete(write, name).await.map(drop),
        Item::PublicKeyGone(id) => public_keys::delete(write, *id).await,
        Item::Account(_)
        | Item::Login { .. }
        | Item::Meeting(_)
        | Item::Zone(_)
        | Item::PublicKey(_)
        | Item::PasscodeKey(_) => Ok(()),
    }
}
