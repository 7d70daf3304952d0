//! Waiting rooms. Nobody's for long, so replicas do not hear of them.

use std::net::IpAddr;

use jiff::Timestamp;

use super::database::{Row, Transaction, text, texts, time, word};
use super::{Error, Store};
use crate::model::{MeetingNumber, NewWaiting, SecretHash, Waiting, WaitingId, WaitingState};
use crate::random;

const WHAT: &str = "waiting person";
/// Who waits for one meeting at once. Two at the same moment may find the last place.
const PLACES: u32 = 500;

impl Store {
    /// Somebody begins to wait: [`Error::NotFound`] if there is no such meeting, [`Error::Full`]
    /// if 500 wait already. But of a household that has more of these than theirs the newest
    /// gives way.
    pub async fn add_waiting(&self, new: NewWaiting, now: Timestamp) -> Result<Waiting, Error> {
        let waiting = Waiting {
            id: WaitingId::from_random(random::bits()),
            meeting: new.meeting,
            name: new.name,
            account: new.account,
            state: WaitingState::Waiting,
            asked: now,
            expires: new.expires,
        };
        let mut open = self.database.begin().await?;
        let mut entered = enter(&mut open, &waiting, &new.secret).await?;
        if !entered && make_way(&mut open, &waiting, new.household).await? {
            entered = enter(&mut open, &waiting, &new.secret).await?;
        }
        if !entered {
            drop(open);
            self.meeting(waiting.meeting).await?;
            return Err(Error::Full {
                what: "waiting people",
            });
        }
        let sql = "INSERT INTO waiting_household (waiting, household) VALUES ($1, $2)";
        let values = vec![text(waiting.id), text(new.household)];
        open.execute(sql, values).await?;
        open.commit().await?;
        Ok(waiting)
    }

    /// Whoever asks again with the secret they were given; [`Error::NotFound`] once forgotten.
    pub async fn waiting(
        &self,
        meeting: MeetingNumber,
        secret: &SecretHash,
        now: Timestamp,
    ) -> Result<Waiting, Error> {
        let sql = "SELECT * FROM waiting WHERE secret = $1 AND meeting = $2 AND expires > $3";
        let values = vec![text(secret), meeting.value().into(), time(now)];
        let row = self.database.row(sql, values).await?;
        waiting(&row.ok_or(Error::NotFound { what: WHAT })?)
    }

    /// They are still there: until when they are remembered.
    pub async fn still_waiting(&self, id: WaitingId, expires: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE waiting SET expires = $2 WHERE id = $1 AND expires < $2";
        self.database
            .execute(sql, vec![text(id), time(expires)])
            .await
            .map(drop)
    }

    /// Everybody in a waiting room: who waits, who came first first, and then as many of those
    /// who are decided.
    pub async fn waiting_room(
        &self,
        meeting: MeetingNumber,
        now: Timestamp,
    ) -> Result<Vec<Waiting>, Error> {
        let sql = "SELECT * FROM waiting WHERE meeting = $1 AND expires > $2
            ORDER BY state <> 'waiting', asked, id LIMIT $3";
        let values = vec![meeting.value().into(), time(now), (2 * PLACES).into()];
        let rows = self.database.rows(sql, values).await?;
        rows.iter().map(waiting).collect()
    }

    /// A host decides. Deciding again is deciding otherwise.
    pub async fn decide_waiting(
        &self,
        meeting: MeetingNumber,
        id: WaitingId,
        state: WaitingState,
        now: Timestamp,
    ) -> Result<Waiting, Error> {
        let sql = "UPDATE waiting SET state = $3 WHERE id = $1 AND meeting = $2 AND expires > $4";
        let values = vec![text(id), meeting.value().into(), word(&state), time(now)];
        if self.database.execute(sql, values).await? == 0 {
            return Err(Error::NotFound { what: WHAT });
        }
        let row = self
            .database
            .row("SELECT * FROM waiting WHERE id = $1", vec![text(id)])
            .await?;
        waiting(&row.ok_or(Error::NotFound { what: WHAT })?)
    }
}

/// Writes a row, if there is such a meeting and it has a place.
async fn enter(
    open: &mut Transaction,
    waiting: &Waiting,
    secret: &SecretHash,
) -> Result<bool, Error> {
    let sql = "INSERT INTO waiting
        (id, meeting, name, account, secret, state, asked, expires)
        SELECT $1, number, $3, $4, $5, $6, $7, $8 FROM meeting WHERE number = $2
        AND (SELECT count(*) FROM waiting
            WHERE meeting = $2 AND state = 'waiting' AND expires > $7) < $9";
    let values = vec![
        text(waiting.id),
        waiting.meeting.value().into(),
        text(&waiting.name),
        texts(waiting.account),
        text(secret),
        word(&waiting.state),
        time(waiting.asked),
        time(waiting.expires),
        PLACES.into(),
    ];
    let touched = open.execute(sql, values).await;
    Ok(touched.map_err(|error| error.about(WHAT))? > 0)
}

/// The household with most people in a full room loses the newest of them to one that will not
/// have more than it: two of the same size do not take turns. Whether there was one.
async fn make_way(open: &mut Transaction, new: &Waiting, household: IpAddr) -> Result<bool, Error> {
    let meeting = || vec![new.meeting.value().into(), time(new.asked)];
    let sql = "SELECT household, count(*) AS count FROM waiting_household
        JOIN waiting ON waiting.id = waiting_household.waiting
        WHERE meeting = $1 AND state = 'waiting' AND expires > $2
        GROUP BY household ORDER BY count(*) DESC";
    let mut most = None;
    let mut own = 0;
    for row in open.rows(sql, meeting()).await? {
        let (it, count) = (row.text("household")?, row.unsigned("count")?);
        if it == household.to_string() {
            own = count;
        }
        most.get_or_insert((it, count));
    }
    let Some((most, _)) = most.filter(|(_, count)| own + 1 < *count) else {
        return Ok(false);
    };
    let sql = "DELETE FROM waiting WHERE id = (
        SELECT waiting.id FROM waiting_household
        JOIN waiting ON waiting.id = waiting_household.waiting
        WHERE meeting = $1 AND state = 'waiting' AND expires > $2 AND household = $3
        ORDER BY asked DESC, id DESC LIMIT 1)";
    let mut values = meeting();
    values.push(text(most));
    Ok(open.execute(sql, values).await? > 0)
}

fn waiting(row: &Row) -> Result<Waiting, Error> {
    let number = MeetingNumber::new(row.unsigned("meeting")?);
    Ok(Waiting {
        id: row.named("id")?,
        meeting: number.ok_or_else(|| Error::corrupt("column meeting"))?,
        name: row.named("name")?,
        account: row.named_maybe("account")?,
        state: row.word("state")?,
        asked: row.time("asked")?,
        expires: row.time("expires")?,
    })
}
