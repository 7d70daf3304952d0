//! Where meetings begin. Nobody's for long, so replicas do not hear of them.

use jiff::Timestamp;
use plenum_wire::ZoneName;

use super::database::{Row, Statement, text, texts, time};
use super::{Error, Store};
use crate::model::{MeetingNumber, Placement};

/// In one statement, so that of several who ask at once all are told the same. What is lost with
/// a `PostgreSQL` that dies is decided anew: its answer waits for no disk.
const PLACE: Statement = Statement {
    sqlite: "INSERT INTO placement (meeting, zone, expires) VALUES ($1, $2, $3)
        ON CONFLICT (meeting) DO UPDATE SET expires = excluded.expires,
        zone = CASE WHEN placement.expires <= $4 OR placement.zone = $5
            THEN excluded.zone ELSE placement.zone END
        RETURNING zone, expires",
    postgres: "INSERT INTO placement (meeting, zone, expires)
        SELECT $1, $2, $3 FROM set_config('synchronous_commit', 'off', true)
        ON CONFLICT (meeting) DO UPDATE SET expires = excluded.expires,
        zone = CASE WHEN placement.expires <= $4 OR placement.zone = $5
            THEN excluded.zone ELSE placement.zone END
        RETURNING zone, expires",
};

impl Store {
    /// Where the meeting begins: in `wish.zone`, unless it was placed before, where it stays
    /// until `wish.expires` then. A placement that has expired counts for nothing, nor does one
    /// in the zone that is `given_up`.
    pub async fn place(
        &self,
        meeting: MeetingNumber,
        wish: &Placement,
        given_up: Option<&ZoneName>,
        now: Timestamp,
    ) -> Result<Placement, Error> {
        let values = vec![
            meeting.value().into(),
            text(&wish.zone),
            time(wish.expires),
            time(now),
            texts(given_up),
        ];
        let sql = self.database.words(&PLACE)?;
        let row = self.database.written(sql, values).await?;
        placement(&row.ok_or_else(|| Error::corrupt("what was written is not there"))?)
    }

    /// Where the meeting was placed, if it was.
    pub async fn placed(
        &self,
        meeting: MeetingNumber,
        now: Timestamp,
    ) -> Result<Option<Placement>, Error> {
        let sql = "SELECT zone, expires FROM placement WHERE meeting = $1 AND expires > $2";
        let values = vec![meeting.value().into(), time(now)];
        let rows = self.database.rows(sql, values).await?;
        rows.first().map(placement).transpose()
    }
}

fn placement(row: &Row) -> Result<Placement, Error> {
    Ok(Placement {
        zone: row.named("zone")?,
        expires: row.time("expires")?,
    })
}
