//! The registry of zones, and what their controllers said last.

use jiff::{SignedDuration, Timestamp};
use plenum_wire::ZoneName;
use plenum_wire::directory::ZoneReport;

use super::database::{Row, Value, json, text, time, word};
use super::write::Write;
use super::{Error, Store};
use crate::lookup::SILENT_AFTER;
use crate::model::{Listed, NewZone, Page, Revision, StoredReport, Zone};

const WHAT: &str = "zone";
/// What tombstones call it.
pub(super) const KIND: &str = "zone";
/// Zones of one directory.
const ZONES: u64 = 1_000;
/// Controllers of one zone that are listened to.
const CONTROLLERS: u32 = 32;
/// What has said nothing for so long is not one of them.
const SILENT: SignedDuration = SignedDuration::from_secs(SILENT_AFTER.as_secs().cast_signed());

impl Store {
    /// Registers a zone; [`Error::Conflict`] if the name is taken.
    pub async fn add_zone(&self, new: NewZone, now: Timestamp) -> Result<Zone, Error> {
        let mut write = self.write().await?;
        if write
            .count("SELECT count(*) AS count FROM zone", vec![])
            .await?
            >= ZONES
        {
            return Err(Error::Full { what: "zones" });
        }
        let zone = Zone {
            name: new.name,
            credential: new.credential,
            networks: new.networks,
            location: new.location,
            weight: new.weight,
            enabled: new.enabled,
            created: now,
            revision: write.revision(),
        };
        insert(&mut write, &zone)
            .await
            .map_err(|error| error.about(WHAT))?;
        write.commit().await?;
        Ok(zone)
    }

    /// The zone of that name.
    pub async fn zone(&self, name: &ZoneName) -> Result<Zone, Error> {
        let row = self
            .database
            .row("SELECT * FROM zone WHERE name = $1", vec![text(name)])
            .await?;
        zone(&row.ok_or(Error::NotFound { what: WHAT })?)
    }

    /// All zones, by name; at most 1,000, so one page may hold them.
    pub async fn zones(&self, page: &Page<ZoneName>) -> Result<Listed<Zone, ZoneName>, Error> {
        let sql = "SELECT * FROM zone WHERE name > $1 ORDER BY name LIMIT $2";
        let after = page.after().map_or("", ZoneName::as_str);
        let values = vec![text(after), (page.limit() + 1).into()];
        let rows = self.database.rows(sql, values).await?;
        let zones = rows.iter().map(zone).collect::<Result<_, _>>()?;
        Ok(Listed::of(zones, page.limit(), |zone: &Zone| {
            zone.name.clone()
        }))
    }

    /// Writes a zone that was read before: [`Error::Changed`] if somebody else wrote it
    /// meanwhile. Its name and when it was made stay.
    pub async fn change_zone(&self, changed: &Zone) -> Result<Zone, Error> {
        let mut write = self.write().await?;
        let sql = "UPDATE zone SET credential = $2, networks = $3, location = $4, weight = $5,
            enabled = $6, revision = $7
            WHERE name = $1 AND revision = $8";
        let mut values = vec![text(&changed.name)];
        values.extend(changeable(changed));
        values.extend([write.revision().0.into(), changed.revision.0.into()]);
        let touched = write.execute(sql, values).await?;
        let name = vec![text(&changed.name)];
        let row = write
            .row("SELECT * FROM zone WHERE name = $1", name)
            .await?;
        let zone = zone(&row.ok_or(Error::NotFound { what: WHAT })?)?;
        if touched == 0 {
            return Err(Error::Changed { what: WHAT });
        }
        write.commit().await?;
        Ok(zone)
    }

    /// Deletes a zone, with what its controllers said, and answers the number of that change:
    /// [`Error::Changed`] if it is not `still` at that number, where one is given.
    pub async fn delete_zone(
        &self,
        name: &ZoneName,
        still: Option<Revision>,
    ) -> Result<Revision, Error> {
        let mut write = self.write().await?;
        let sql = "SELECT revision FROM zone WHERE name = $1";
        write.still(WHAT, sql, text(name), still).await?;
        if !delete(&mut write, name).await? {
            return Err(Error::NotFound { what: WHAT });
        }
        write.gone(KIND, name).await?;
        let revision = write.revision();
        write.commit().await?;
        Ok(revision)
    }

    /// Keeps what a controller says, in place of what it said before: [`Error::NotFound`] if
    /// there is no such zone, [`Error::Full`] if 32 others were heard of just now. In the
    /// database, so that it outlives a restart and is known to every process of a directory.
    pub async fn put_report(
        &self,
        zone: &ZoneName,
        report: &ZoneReport,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sql = "UPDATE zone_report SET heard = $3, body = $4
            WHERE zone = $1 AND controller = $2";
        let values = || {
            vec![
                text(zone),
                text(&report.controller),
                time(now),
                json(report),
            ]
        };
        if self.database.execute(sql, values()).await? > 0 {
            return Ok(());
        }
        self.make_room(zone, now).await?;
        self.first_report(zone, values()).await
    }

    /// Where there are as many as may be, those that are silent make room: else whoever has
    /// the credential could fill the table with names.
    async fn make_room(&self, zone: &ZoneName, now: Timestamp) -> Result<(), Error> {
        let silent = now.checked_sub(SILENT).unwrap_or(Timestamp::MIN);
        let sql = "DELETE FROM zone_report WHERE zone = $1 AND heard <= $2
            AND (SELECT count(*) FROM zone_report WHERE zone = $1) >= $3";
        let values = vec![text(zone), time(silent), CONTROLLERS.into()];
        self.database.execute(sql, values).await.map(drop)
    }

    /// Of a controller that is not known. Two at the same moment may find the last place.
    async fn first_report(&self, zone: &ZoneName, mut values: Vec<Value>) -> Result<(), Error> {
        let sql = "INSERT INTO zone_report (zone, controller, heard, body)
            SELECT name, $2, $3, $4 FROM zone WHERE name = $1
            AND (SELECT count(*) FROM zone_report WHERE zone = $1 AND controller <> $2) < $5
            ON CONFLICT (zone, controller)
            DO UPDATE SET heard = excluded.heard, body = excluded.body";
        values.push(CONTROLLERS.into());
        if self.database.execute(sql, values).await? == 0 {
            self.zone(zone).await?;
            return Err(Error::Full {
                what: "controllers of this zone",
            });
        }
        Ok(())
    }

    /// What controllers said since a moment, each its last.
    pub async fn reports(&self, since: Timestamp) -> Result<Vec<StoredReport>, Error> {
        let sql = "SELECT * FROM zone_report WHERE heard >= $1 ORDER BY zone, controller";
        let rows = self.database.rows(sql, vec![time(since)]).await?;
        rows.iter().map(report).collect()
    }
}

/// Writes a row that is not there yet.
pub(super) async fn insert(write: &mut Write, zone: &Zone) -> Result<(), Error> {
    let sql = "INSERT INTO zone
        (name, credential, networks, location, weight, enabled, created, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let mut values = vec![text(&zone.name)];
    values.extend(changeable(zone));
    values.extend([time(zone.created), zone.revision.0.into()]);
    write.execute(sql, values).await?;
    write.back(KIND, &zone.name).await
}

/// Deletes a zone and what hangs on it, within a change; whether it was there.
pub(super) async fn delete(write: &mut Write, name: &ZoneName) -> Result<bool, Error> {
    write
        .execute("DELETE FROM zone_report WHERE zone = $1", vec![text(name)])
        .await?;
    Ok(write
        .execute("DELETE FROM zone WHERE name = $1", vec![text(name)])
        .await?
        > 0)
}

/// Parameters 2 to 6 of both.
fn changeable(zone: &Zone) -> [Value; 5] {
    [
        text(zone.credential),
        word(&zone.networks),
        word(&zone.location),
        u32::from(zone.weight).into(),
        zone.enabled.into(),
    ]
}

pub(super) fn zone(row: &Row) -> Result<Zone, Error> {
    Ok(Zone {
        name: row.named("name")?,
        credential: row.named("credential")?,
        networks: row.json("networks")?,
        location: row.json_maybe("location")?,
        weight: row.unsigned("weight")?.try_into().map_err(Error::corrupt)?,
        enabled: row.truth("enabled")?,
        created: row.time("created")?,
        revision: row.revision("revision")?,
    })
}

fn report(row: &Row) -> Result<StoredReport, Error> {
    Ok(StoredReport {
        zone: row.named("zone")?,
        heard: row.time("heard")?,
        report: row.json("body")?,
    })
}
