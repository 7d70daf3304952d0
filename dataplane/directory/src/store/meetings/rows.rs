//! Meetings as rows.

use super::super::Error;
use super::super::database::{Row, Statement, Value, text, texts, time, times, word};
use super::super::write::Write;
use crate::model::{Meeting, MeetingKind, MeetingNumber, MeetingSettings, Title};

/// Writes a row that is not there yet; `false` if the number is taken.
pub(in super::super) async fn insert(write: &mut Write, meeting: &Meeting) -> Result<bool, Error> {
    let sql = "INSERT INTO meeting
        (number, owner, kind, schedule, title, hosts, invited, access, waiting_room,
         join_before_host, passcode, ended, created, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (number) DO NOTHING";
    let mut values = vec![meeting.number.value().into()];
    values.extend(changeable(meeting));
    values.extend([time(meeting.created), meeting.revision.0.into()]);
    if write.execute(sql, values).await? == 0 {
        return Ok(false);
    }
    update_people(write, meeting).await?;
    // Numbers may come back, after a long time.
    write.back(super::KIND, meeting.number).await?;
    Ok(true)
}

/// Writes a row with the number of this change, if it has the one it was read with.
pub(super) async fn update(write: &mut Write, meeting: &Meeting) -> Result<u64, Error> {
    let sql = "UPDATE meeting SET owner = $2, kind = $3, schedule = $4, title = $5, hosts = $6,
        invited = $7, access = $8, waiting_room = $9, join_before_host = $10, passcode = $11,
        ended = $12, revision = $13
        WHERE number = $1 AND revision = $14";
    let mut values = vec![meeting.number.value().into()];
    values.extend(changeable(meeting));
    values.extend([write.revision().0.into(), meeting.revision.0.into()]);
    write.execute(sql, values).await
}

/// Parameters 2 to 12 of both.
fn changeable(meeting: &Meeting) -> [Value; 11] {
    let (kind, schedule) = match &meeting.kind {
        MeetingKind::Scheduled { schedule } => ("scheduled", Some(schedule)),
        MeetingKind::Instant => ("instant", None),
        MeetingKind::Personal => ("personal", None),
    };
    let settings = &meeting.settings;
    [
        text(meeting.owner),
        text(kind),
        word(&schedule),
        texts(settings.title.as_ref().map(Title::as_str)),
        word(&settings.hosts),
        word(&settings.invited),
        word(&settings.access),
        settings.waiting_room.into(),
        settings.join_before_host.into(),
        word(&meeting.passcode),
        times(meeting.ended),
    ]
}

/// Puts the meeting into the calendars it belongs in, and takes it out of the others.
pub(in super::super) async fn update_people(
    write: &mut Write,
    meeting: &Meeting,
) -> Result<(), Error> {
    let settings = &meeting.settings;
    let people: Vec<_> = settings
        .hosts
        .iter()
        .chain(&settings.invited)
        .chain([&meeting.owner])
        .collect();
    for statement in [&OUT_OF_CALENDARS, &INTO_CALENDARS] {
        let values = vec![word(&people), meeting.number.value().into()];
        let sql = write.transaction().words(statement);
        write.execute(sql, values).await?;
    }
    Ok(())
}

const OUT_OF_CALENDARS: Statement = Statement {
    sqlite: "DELETE FROM meeting_person
        WHERE meeting = $2 AND account NOT IN (SELECT value FROM json_each($1))",
    postgres: "DELETE FROM meeting_person
        WHERE meeting = $2 AND account NOT IN (SELECT json_array_elements_text($1::json))",
};

const INTO_CALENDARS: Statement = Statement {
    sqlite: "INSERT INTO meeting_person (account, meeting)
        SELECT value, $2 FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO meeting_person (account, meeting)
        SELECT json_array_elements_text($1::json), $2 ON CONFLICT DO NOTHING",
};

pub(in super::super) fn meeting(row: &Row) -> Result<Meeting, Error> {
    Ok(Meeting {
        number: number(row)?,
        owner: row.named("owner")?,
        kind: kind(row)?,
        settings: MeetingSettings {
            title: row.named_maybe("title")?,
            hosts: row.json("hosts")?,
            invited: row.json("invited")?,
            access: row.word("access")?,
            waiting_room: row.truth("waiting_room")?,
            join_before_host: row.truth("join_before_host")?,
        },
        passcode: row.named_maybe("passcode")?,
        ended: row.time_maybe("ended")?,
        created: row.time("created")?,
        revision: row.revision("revision")?,
    })
}

pub(super) fn number(row: &Row) -> Result<MeetingNumber, Error> {
    let number = MeetingNumber::new(row.unsigned("number")?);
    number.ok_or_else(|| Error::corrupt("column number"))
}

fn kind(row: &Row) -> Result<MeetingKind, Error> {
    match (row.text("kind")?.as_str(), row.json_maybe("schedule")?) {
        ("scheduled", Some(schedule)) => Ok(MeetingKind::Scheduled { schedule }),
        ("instant", None) => Ok(MeetingKind::Instant),
        ("personal", None) => Ok(MeetingKind::Personal),
        _ => Err(Error::corrupt("columns kind and schedule")),
    }
}
