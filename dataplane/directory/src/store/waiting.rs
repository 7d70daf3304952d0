//! Waiting rooms. Nobody's for long, so replicas do not hear of them.

use jiff::Timestamp;

use super::database::{Row, text, texts, time, word};
use super::{Error, Store};
use crate::model::{MeetingNumber, NewWaiting, SecretHash, Waiting, WaitingId, WaitingState};
use crate::random;

const WHAT: &str = "waiting person";
/// Who waits for one meeting at once. Two at the same moment may find the last place.
const PLACES: u32 = 500;

impl Store {
    /// Somebody begins to wait: [`Error::NotFound`] if there is no such meeting,
    /// [`Error::Full`] if 500 wait already.
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
        let sql = "INSERT INTO waiting
            (id, meeting, name, account, secret, state, asked, expires)
            SELECT $1, number, $3, $4, $5, $6, $7, $8 FROM meeting WHERE number = $2
            AND (SELECT count(*) FROM waiting WHERE meeting = $2 AND expires > $7) < $9";
        let values = vec![
            text(waiting.id),
            waiting.meeting.value().into(),
            text(&waiting.name),
            texts(waiting.account),
            text(new.secret),
            word(&waiting.state),
            time(waiting.asked),
            time(waiting.expires),
            PLACES.into(),
        ];
        let touched = self.database.execute(sql, values).await;
        if touched.map_err(|error| error.about(WHAT))? == 0 {
            self.meeting(new.meeting).await?;
            return Err(Error::Full {
                what: "waiting people",
            });
        }
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

    /// Everybody in a waiting room, the decided included, who came first first.
    pub async fn waiting_room(
        &self,
        meeting: MeetingNumber,
        now: Timestamp,
    ) -> Result<Vec<Waiting>, Error> {
        let sql = "SELECT * FROM waiting WHERE meeting = $1 AND expires > $2
            ORDER BY asked, id LIMIT $3";
        let values = vec![meeting.value().into(), time(now), PLACES.into()];
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
