//! Meetings.

mod ahead;
mod deleting;
mod idle;
mod rows;

use jiff::{SignedDuration, Timestamp};
use plenum_wire::MeetingId;

use super::database::{Value, text, time};
use super::write::Write;
use super::{Error, Store, endings};
use crate::model::{
    AccountId, AccountName, Listed, Meeting, MeetingNumber, NewMeeting, Page, Passcode,
    PasscodeHash, Revision, fitting,
};
use crate::random;

pub(super) use deleting::remove;
pub(super) use rows::{insert, meeting, update_people};

const WHAT: &str = "meeting";
/// What tombstones call it.
pub(super) const KIND: &str = "meeting";
/// Meetings of one account.
const EACH: u64 = 10_000;
/// How often a free number is looked for. With ten million meetings one of 10,000 is taken.
const ATTEMPTS: u32 = 10;
/// How exactly it is known when a host was there.
const SEEN: SignedDuration = SignedDuration::from_mins(1);
/// All of a piece of a list together, in bytes of what the rows hold, unless the first alone is
/// longer. With people's names they are some three times as much in an answer, and hundreds of
/// answers may be in memory at once.
const PIECE_BYTES: u64 = 64 * 1_024;

impl Store {
    /// Makes a meeting with a number that is free: [`Error::Conflict`] if its owner has a
    /// personal meeting already, [`Error::NotFound`] if there is no such owner.
    pub async fn add_meeting(&self, new: NewMeeting, now: Timestamp) -> Result<Meeting, Error> {
        let mut write = self.write().await?;
        let owner = vec![text(new.owner)];
        if write
            .row("SELECT id FROM account WHERE id = $1", owner.clone())
            .await?
            .is_none()
        {
            return Err(Error::NotFound { what: "account" });
        }
        let sql = "SELECT count(*) AS count FROM meeting WHERE owner = $1";
        if write.count(sql, owner).await? >= EACH {
            return Err(Error::Full { what: "meetings" });
        }
        for _ in 0..ATTEMPTS {
            let meeting = self.numbered(&new, random::number(), &write, now);
            if insert(&mut write, &meeting)
                .await
                .map_err(|error| error.about(WHAT))?
            {
                write.commit().await?;
                return Ok(meeting);
            }
        }
        Err(Error::Full { what: "meetings" })
    }

    fn numbered(
        &self,
        new: &NewMeeting,
        number: MeetingNumber,
        write: &Write,
        now: Timestamp,
    ) -> Meeting {
        Meeting {
            number,
            owner: new.owner,
            kind: new.kind.clone(),
            settings: new.settings.clone(),
            passcode: new
                .passcode
                .as_ref()
                .map(|passcode| self.passcode_hash(number, passcode)),
            ended: None,
            created: now,
            revision: write.revision(),
        }
    }

    /// The meeting of that number.
    pub async fn meeting(&self, number: MeetingNumber) -> Result<Meeting, Error> {
        let sql = "SELECT * FROM meeting WHERE number = $1";
        self.one_meeting(sql, vec![number.value().into()]).await
    }

    /// The meeting of that number, or the personal meeting of the account of that name.
    pub async fn find_meeting(&self, id: &MeetingId) -> Result<Meeting, Error> {
        if let Ok(number) = id.as_str().parse() {
            return self.meeting(number).await;
        }
        let name: AccountName = id
            .as_str()
            .parse()
            .map_err(|_| Error::NotFound { what: WHAT })?;
        let sql = "SELECT meeting.* FROM account JOIN meeting ON meeting.owner = account.id
            WHERE account.name = $1 AND meeting.kind = 'personal'";
        self.one_meeting(sql, vec![text(name)]).await
    }

    async fn one_meeting(&self, sql: &'static str, values: Vec<Value>) -> Result<Meeting, Error> {
        let row = self.database.row(sql, values).await?;
        meeting(&row.ok_or(Error::NotFound { what: WHAT })?)
    }

    /// The meetings that an account owns, hosts or is invited to, by number. A piece has fewer
    /// than the page may where they name many people.
    pub async fn meetings_of(
        &self,
        account: AccountId,
        page: &Page<MeetingNumber>,
    ) -> Result<Listed<Meeting, MeetingNumber>, Error> {
        let after = page.after().map_or(0, |number| number.value());
        let mut open = self.database.snapshot().await?;
        let sql = "SELECT number, CAST(100 + length(hosts) + length(invited)
                + coalesce(length(schedule), 0) AS BIGINT) AS bytes
            FROM meeting_person JOIN meeting ON meeting.number = meeting_person.meeting
            WHERE meeting_person.account = $1 AND meeting_person.meeting > $2
            ORDER BY meeting_person.meeting LIMIT $3";
        let values = vec![text(account), after.into(), (page.limit() + 1).into()];
        let rows = open.rows(sql, values).await?;
        let sizes = rows.iter().map(|row| row.unsigned("bytes"));
        let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
        let count = fitting(&sizes, page.limit(), PIECE_BYTES);
        let last = rows[..count].last();
        let last = last.map_or(Ok(after), |row| row.unsigned("number"))?;
        let sql = "SELECT meeting.* FROM meeting_person JOIN meeting
            ON meeting.number = meeting_person.meeting
            WHERE meeting_person.account = $1
            AND meeting_person.meeting > $2 AND meeting_person.meeting <= $3
            ORDER BY meeting_person.meeting";
        let values = vec![text(account), after.into(), last.into()];
        let items = open.rows(sql, values).await?;
        open.commit().await?;
        let items = items.iter().map(meeting).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().filter(|_| count < rows.len());
        let next = next.map(|meeting| meeting.number);
        Ok(Listed { items, next })
    }

    /// Writes a meeting that was read before: [`Error::Changed`] if somebody else wrote it
    /// meanwhile. Its number and when it was made stay.
    pub async fn change_meeting(&self, changed: &Meeting) -> Result<Meeting, Error> {
        let mut write = self.write().await?;
        let owner = vec![text(changed.owner)];
        if write
            .row("SELECT id FROM account WHERE id = $1", owner)
            .await?
            .is_none()
        {
            return Err(Error::NotFound { what: "account" });
        }
        let touched = rows::update(&mut write, changed)
            .await
            .map_err(|e| e.about(WHAT))?;
        let number = vec![changed.number.value().into()];
        let row = write
            .row("SELECT * FROM meeting WHERE number = $1", number)
            .await?;
        let meeting = meeting(&row.ok_or(Error::NotFound { what: WHAT })?)?;
        if touched == 0 {
            return Err(Error::Changed { what: WHAT });
        }
        update_people(&mut write, &meeting).await?;
        if let Some(at) = meeting.ended {
            endings::note(&mut write, meeting.number, at).await?;
        }
        write.commit().await?;
        Ok(meeting)
    }

    /// Deletes a meeting, with whoever waits for it: [`Error::Changed`] if it is not `still` at
    /// that number, where one is given.
    pub async fn delete_meeting(
        &self,
        number: MeetingNumber,
        still: Option<Revision>,
    ) -> Result<(), Error> {
        let now = self.time().await?;
        let mut write = self.write().await?;
        let sql = "SELECT revision FROM meeting WHERE number = $1";
        let key = number.value().into();
        write.still(WHAT, sql, key, still).await?;
        if deleting::delete(&mut write, &[number], now).await? == 0 {
            return Err(Error::NotFound { what: WHAT });
        }
        write.commit().await
    }

    /// What the meeting keeps of a passcode: for [`Store::change_meeting`].
    #[must_use]
    pub fn passcode_hash(&self, number: MeetingNumber, passcode: &Passcode) -> PasscodeHash {
        self.key_of_passcodes().hash(number, passcode)
    }

    /// Whether that is the meeting's passcode; never where it has none.
    #[must_use]
    pub fn passcode_matches(&self, meeting: &Meeting, presented: &str) -> bool {
        meeting.passcode.is_some_and(|hash| {
            self.key_of_passcodes()
                .matches(&hash, meeting.number, presented)
        })
    }

    /// Notes that a host is there, every minute at most.
    pub async fn host_seen(&self, number: MeetingNumber, now: Timestamp) -> Result<(), Error> {
        let before = now.checked_sub(SEEN).unwrap_or(Timestamp::MIN);
        let sql = "INSERT INTO host_seen (meeting, at)
            SELECT number, $2 FROM meeting WHERE number = $1
            ON CONFLICT (meeting) DO UPDATE SET at = excluded.at WHERE host_seen.at < $3";
        let values = vec![number.value().into(), time(now), time(before)];
        self.database.execute(sql, values).await.map(drop)
    }

    /// When a host was there last, to a minute.
    pub async fn host_last_seen(&self, number: MeetingNumber) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT at FROM host_seen WHERE meeting = $1";
        let row = self.database.row(sql, vec![number.value().into()]).await?;
        row.map(|row| row.time("at")).transpose()
    }
}

/// Deletes all meetings of an account, within a change of the account.
pub(super) async fn delete_of(
    write: &mut Write,
    account: AccountId,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "SELECT number FROM meeting WHERE owner = $1";
    let owned = deleting::numbers(&write.rows(sql, vec![text(account)]).await?)?;
    deleting::delete(write, &owned, now).await.map(drop)
}
